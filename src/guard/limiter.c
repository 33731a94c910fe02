#include "guard/limiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/access.h"

/* A source, and the prefixes around it with their limits, as multiples of its own: enough for the clients in one, which
 * are seldom all busy, and so little that who has all of its addresses is held to that. A site has an IPv6 /56 or
 * /48. */
#define LEVELS 3u
enum family { V4, V6, V6_LINK_LOCAL, FAMILIES };
static const struct level {
	unsigned multiple, bits;
	struct prefix_address mask;
} levels[FAMILIES][LEVELS] = {
	[V4] = { { 1, 32, { 0, 0xffffffff } }, { 32, 24, { 0, 0xffffff00 } },
		{ 1024, 16, { 0, 0xffff0000 } } },
	[V6] = { { 1, 64, { UINT64_MAX, 0 } }, { 4, 56, { UINT64_MAX << 8, 0 } },
		{ 16, 48, { UINT64_MAX << 16, 0 } } },
	[V6_LINK_LOCAL] = { { 1, 128, { UINT64_MAX, UINT64_MAX } } },
};

/* What is limited. */
enum good { REQUESTS, REPLY_BYTES };

/* A byte may cost less than the meter's unit. */
#define FRACTION 256

struct limiter_rules {
	struct limiter_rules *before;
	struct limiter_numbers numbers;
	struct meters *meters;
	unsigned service;
	int64_t burst;
	struct costs {
		int64_t request, bytes; /* of FRACTION bytes */
	} costs[FAMILIES][LEVELS];
	struct access *exempt_table; /* NULL: nobody is */
	size_t exempt_count;
	struct prefix_rule exempt[];
};

static void set_costs(struct limiter_rules *rules)
{
	for (unsigned i = 0; i < FAMILIES * LEVELS; i++) {
		int64_t multiple = levels[i / LEVELS][i % LEVELS].multiple;
		int64_t requests = multiple * rules->numbers.requests_per_s;
		int64_t bytes = multiple * rules->numbers.reply_bytes_per_s;

		rules->costs[i / LEVELS][i % LEVELS] = (struct costs){
			.request = requests > 0 ? METER_SECOND / requests : 0,
			.bytes = bytes > 0 ? METER_SECOND * FRACTION / bytes : 0,
		};
	}
}

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
	set_costs(rules);
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
	enum family family;
	unsigned levels;
	uint32_t scope; /* of a link-local address */
	struct prefix_address address;
};

static struct source source_of(const union addr *client)
{
	struct source source = { .family = V4, .levels = LEVELS };

	if (client->sa.sa_family == AF_INET) {
		source.address.low = ntohl(client->in.sin_addr.s_addr);
		return source;
	}
	source.address = prefix_address_of(&client->in6.sin6_addr);
	if (IN6_IS_ADDR_LINKLOCAL(&client->in6.sin6_addr)) {
		source.family = V6_LINK_LOCAL;
		source.levels = 1;
		source.scope = client->in6.sin6_scope_id;
	} else if (!prefix_address_is_v4(source.address)) {
		source.family = V6;
	}
	return source;
}

static struct prefix prefix_at(const struct source *source, unsigned number)
{
	const struct level *level = &levels[source->family][number];

	return (struct prefix){
		.v6 = source->family != V4,
		.bits = (unsigned char)level->bits,
		.first = { source->address.high & level->mask.high,
			source->address.low & level->mask.low },
	};
}

/* The scope is 0 where it does not count. */
static uint64_t tag_at(const struct limiter_rules *rules, const struct source *source,
	unsigned number, enum good good)
{
	const struct level *level = &levels[source->family][number];
	const uint64_t kind = rules->service << 16 | (unsigned)good << 8 | level->bits;
	const struct meter_name name = { { kind << 32 | source->scope,
		source->address.high & level->mask.high, source->address.low & level->mask.low } };

	return meters_tag(rules->meters, &name);
}

/* Of the meters at each level. */
struct tags {
	uint64_t requests[LEVELS], bytes[LEVELS];
};

static struct tags tags_of(const struct limiter_rules *rules, const struct source *source)
{
	struct tags tags = { 0 };

	for (unsigned i = 0; i < source->levels; i++) {
		if (rules->numbers.requests_per_s > 0)
			tags.requests[i] = tag_at(rules, source, i, REQUESTS);
		if (rules->numbers.reply_bytes_per_s > 0)
			tags.bytes[i] = tag_at(rules, source, i, REPLY_BYTES);
	}
	return tags;
}

/* Which level is over its limit, or `levels` of the source. */
static unsigned find_over(const struct limiter_rules *rules, const struct source *source,
	const struct tags *tags, int64_t now)
{
	for (unsigned i = 0; i < source->levels; i++) {
		if (rules->numbers.requests_per_s > 0 &&
			meters_used(rules->meters, tags->requests[i], now) +
					rules->costs[source->family][i].request >
				rules->burst)
			return i;
		if (rules->numbers.reply_bytes_per_s > 0 &&
			meters_used(rules->meters, tags->bytes[i], now) >= rules->burst)
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
	struct source source;
	struct tags tags;
	unsigned over;

	datagram->metered = false;
	if (rules == NULL || !limiter_is_on(limiter) || exempts(rules, &datagram->client))
		return true;
	source = source_of(&datagram->client);
	tags = tags_of(rules, &source);
	over = find_over(rules, &source, &tags, now);
	if (over < source.levels) {
		const struct prefix prefix = prefix_at(&source, over);

		return dice_hit(dice, rules->numbers.leak) || admit_over(limiter, rules, &prefix);
	}
	datagram->metered = rules->numbers.reply_bytes_per_s > 0;
	for (unsigned i = 0; rules->numbers.requests_per_s > 0 && i < source.levels; i++)
		meters_charge(rules->meters, tags.requests[i], now,
			rules->costs[source.family][i].request);
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
		int64_t cost = (int64_t)bytes * rules->costs[source.family][i].bytes / FRACTION;

		meters_charge(rules->meters, tag_at(rules, &source, i, REPLY_BYTES),
			meter_time(now_ns), cost);
	}
}
