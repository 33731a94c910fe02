#include "guard/limiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/access.h"

/* A source, and the prefixes around it with their limits, as multiples of its own: enough for the clients in one, which
 * are seldom all busy, and so little that who has all of its addresses is held to that. A site has an IPv6 /56 or
 * /48. */
#define LEVELS 3u
static const struct level {
	unsigned bits, multiple;
} levels[2][LEVELS] = {
	{ { 32, 1 }, { 24, 32 }, { 16, 1024 } },
	{ { 64, 1 }, { 56, 4 }, { 48, 16 } },
};

/* What is limited. */
enum good { REQUESTS, REPLY_BYTES };

/* Costs of bytes are 1/256 of the meter's unit. */
#define FRACTION 256

struct limiter_rules {
	struct limiter_rules *before;
	struct limiter_numbers numbers;
	struct meters *meters;
	unsigned service;
	int64_t burst;
	struct access *exempt_table; /* NULL: nobody is */
	size_t exempt_count;
	struct prefix_rule exempt[];
};

int limiter_rules_new(const struct limiter_settings *settings, struct meters *meters,
	unsigned service, struct limiter_rules **ret_rules)
{
	size_t count = settings->exempt_count;
	struct limiter_rules *rules = calloc(1, sizeof(*rules) + count * sizeof(rules->exempt[0]));
	struct prefix_error ignored;
	int error = 0;

	if (rules == NULL)
		return -ENOMEM;
	rules->numbers = settings->numbers;
	rules->meters = meters;
	rules->service = service;
	rules->burst = settings->numbers.burst_s * METER_SECOND;
	rules->exempt_count = count;
	for (size_t i = 0; i < count; i++) {
		(void)prefix_parse(settings->exempt[i], &rules->exempt[i].prefix, &ignored);
		rules->exempt[i].allow = true;
	}
	prefix_sort(rules->exempt, count);
	if (count > 0)
		error = access_new(rules->exempt, count, false, &rules->exempt_table);
	if (error < 0)
		limiter_rules_free(rules);
	else
		*ret_rules = rules;
	return error;
}

void limiter_rules_free(struct limiter_rules *rules)
{
	if (rules != NULL)
		access_free(rules->exempt_table);
	free(rules);
}

void limiter_init(struct limiter *limiter)
{
	*limiter = (struct limiter){ .kept = NULL };
	offenders_init(&limiter->offenders);
}

void limiter_destroy(struct limiter *limiter)
{
	while (limiter->kept != NULL) {
		struct limiter_rules *rules = limiter->kept;

		limiter->kept = rules->before;
		limiter_rules_free(rules);
	}
	offenders_destroy(&limiter->offenders);
}

static bool are_same(const struct limiter_rules *one, const struct limiter_rules *other)
{
	bool same = memcmp(&one->numbers, &other->numbers, sizeof(one->numbers)) == 0 &&
		    one->exempt_count == other->exempt_count;

	for (size_t i = 0; same && i < one->exempt_count; i++)
		same = prefix_same(&one->exempt[i].prefix, &other->exempt[i].prefix);
	return same;
}

void limiter_set(struct limiter *limiter, struct limiter_rules *rules)
{
	const struct limiter_numbers *numbers = &rules->numbers;

	if (limiter->kept != NULL && are_same(limiter->kept, rules)) {
		limiter_rules_free(rules);
		return;
	}
	rules->before = limiter->kept;
	limiter->kept = rules;
	atomic_store(&limiter->rules, rules);
	atomic_store(
		&limiter->limits, numbers->requests_per_s > 0 || numbers->reply_bytes_per_s > 0);
}

/* --- the source and its prefixes */

struct source {
	bool v6;
	unsigned levels;
	uint32_t scope; /* of a link-local address */
	struct prefix_address address;
};

static struct source source_of(const union addr *client)
{
	struct source source = { .v6 = client->sa.sa_family == AF_INET6, .levels = LEVELS };

	if (!source.v6) {
		source.address.low = ntohl(client->in.sin_addr.s_addr);
		return source;
	}
	source.address = prefix_address_of(&client->in6.sin6_addr);
	if (prefix_address_is_v4(source.address)) {
		source.v6 = false;
		source.address.low = (uint32_t)source.address.low;
	} else if (IN6_IS_ADDR_LINKLOCAL(&client->in6.sin6_addr)) {
		source.levels = 1;
		source.scope = client->in6.sin6_scope_id;
	}
	return source;
}

static struct prefix prefix_at(const struct source *source, unsigned level)
{
	unsigned bits = levels[source->v6][level].bits;
	struct prefix prefix = { source->v6, (unsigned char)bits, source->address, { 0, 0 } };

	if (!source->v6) {
		prefix.first.low &= UINT64_MAX << (32 - bits);
	} else if (source->levels == 1) {
		prefix.bits = 128;
	} else {
		prefix.first.high &= UINT64_MAX << (64 - bits);
		prefix.first.low = 0;
	}
	return prefix;
}

static struct meter *meter_of(const struct limiter_rules *rules, const struct source *source,
	unsigned level, enum good good)
{
	const struct prefix prefix = prefix_at(source, level);
	const struct meter_name name = { {
		rules->service << 16 | (uint32_t)good << 15 | (uint32_t)source->v6 << 14 |
			prefix.bits,
		source->scope,
		(uint32_t)(prefix.first.high >> 32),
		(uint32_t)prefix.first.high,
		(uint32_t)(prefix.first.low >> 32),
		(uint32_t)prefix.first.low,
	} };

	return meters_find(rules->meters, &name);
}

/* --- requests */

static int64_t request_cost(
	const struct limiter_rules *rules, const struct source *source, unsigned level)
{
	return METER_SECOND /
	       ((int64_t)rules->numbers.requests_per_s * levels[source->v6][level].multiple);
}

/* Which level is over its limit, or `levels` of the source. What an admission charges is in *ret_meters. */
static unsigned find_over(const struct limiter_rules *rules, const struct source *source,
	int64_t now, struct meter *ret_meters[static LEVELS])
{
	for (unsigned i = 0; i < source->levels; i++) {
		if (rules->numbers.requests_per_s > 0) {
			ret_meters[i] = meter_of(rules, source, i, REQUESTS);
			if (meter_used(ret_meters[i], now) + request_cost(rules, source, i) >
				rules->burst)
				return i;
		}
		if (rules->numbers.reply_bytes_per_s > 0 &&
			meter_used(meter_of(rules, source, i, REPLY_BYTES), now) >= rules->burst)
			return i;
	}
	return source->levels;
}

static bool exempts(const struct limiter_rules *rules, const union addr *client)
{
	return rules->exempt_table != NULL && access_admits(rules->exempt_table, client);
}

bool limiter_exempts(const struct limiter *limiter, const union addr *client)
{
	const struct limiter_rules *rules = atomic_load(&limiter->rules);

	return rules != NULL && exempts(rules, client);
}

/* One that would be dropped but for dry_run is charged to nobody, as if it were. */
static bool admit_over(
	struct limiter *limiter, const struct limiter_rules *rules, const struct prefix *over)
{
	offenders_note(&limiter->offenders, over);
	if (rules->numbers.dry_run != 0)
		atomic_fetch_add(&limiter->would_drop, 1);
	return rules->numbers.dry_run != 0;
}

bool limiter_admits(struct limiter *limiter, struct dice *dice, struct datagram *datagram)
{
	const struct limiter_rules *rules = atomic_load(&limiter->rules);
	int64_t now = meter_time(datagram->arrived_ns);
	struct meter *meters[LEVELS];
	struct source source;
	unsigned over;

	datagram->metered = false;
	if (rules == NULL || !limiter_is_on(limiter) || exempts(rules, &datagram->client))
		return true;
	source = source_of(&datagram->client);
	over = find_over(rules, &source, now, meters);
	if (over < source.levels) {
		const struct prefix prefix = prefix_at(&source, over);

		return dice_hit(dice, rules->numbers.leak) || admit_over(limiter, rules, &prefix);
	}
	datagram->metered = rules->numbers.reply_bytes_per_s > 0;
	for (unsigned i = 0; rules->numbers.requests_per_s > 0 && i < source.levels; i++)
		meter_charge(meters[i], now, request_cost(rules, &source, i));
	return true;
}

/* --- replies */

void limiter_charge_replies(
	struct limiter *limiter, const struct datagram *request, size_t bytes, int64_t now_ns)
{
	const struct limiter_rules *rules = atomic_load(&limiter->rules);
	struct source source;

	if (!request->metered || rules->numbers.reply_bytes_per_s == 0)
		return;
	source = source_of(&request->client);
	for (unsigned i = 0; i < source.levels; i++) {
		int64_t rate =
			(int64_t)rules->numbers.reply_bytes_per_s * levels[source.v6][i].multiple;
		int64_t cost = (int64_t)bytes * (METER_SECOND * FRACTION / rate) / FRACTION;

		meter_charge(meter_of(rules, &source, i, REPLY_BYTES), meter_time(now_ns), cost);
	}
}
