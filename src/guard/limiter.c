#include "guard/limiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/access.h"

/* Prefixes and their limits, as multiples of a source's: enough for the clients behind one, which are seldom all busy,
 * and so little that who has all of its addresses is held to that. A site of IPv6 has a /56 or a /48. */
struct level {
	unsigned bits, multiple;
};
static const struct level levels_v4[LIMITER_LEVELS] = { { 32, 1 }, { 24, 32 }, { 16, 1024 } };
static const struct level levels_v6[LIMITER_LEVELS] = { { 64, 1 }, { 56, 4 }, { 48, 16 } };

/* What is limited. */
enum good { REQUESTS, REPLY_BYTES, GOODS };

/* Costs of bytes are 1/256 of the meter's unit. */
#define FRACTION 256

struct limiter_rules {
	struct limiter_rules *before;
	struct limiter_settings settings;
	struct meters *meters;
	unsigned service;
	int64_t burst;
	struct prefix_rule *prefixes;
	struct access *exempt; /* NULL: nobody is */
};

bool limiter_limits(const struct limiter_settings *settings)
{
	return settings->requests_per_s > 0 || settings->reply_bytes_per_s > 0;
}

/* Of the settings' exemptions both the prefixes, to know them again, and a table. */
static int copy_exempt(const struct limiter_settings *settings, struct limiter_rules *rules)
{
	size_t count = settings->exempt_count;

	if (count == 0)
		return 0;
	rules->prefixes = calloc(count, sizeof(*rules->prefixes));
	if (rules->prefixes == NULL)
		return -ENOMEM;
	memcpy(rules->prefixes, settings->exempt, count * sizeof(*rules->prefixes));
	rules->settings.exempt = rules->prefixes;
	return access_new(rules->prefixes, count, false, &rules->exempt);
}

int limiter_rules_new(const struct limiter_settings *settings, struct meters *meters,
	unsigned service, struct limiter_rules **ret_rules)
{
	struct limiter_rules *rules = calloc(1, sizeof(*rules));
	int error;

	if (rules == NULL)
		return -ENOMEM;
	rules->settings = *settings;
	rules->meters = meters;
	rules->service = service;
	rules->burst = settings->burst_s * METER_SECOND;
	error = copy_exempt(settings, rules);
	if (error < 0)
		limiter_rules_free(rules);
	else
		*ret_rules = rules;
	return error;
}

void limiter_rules_free(struct limiter_rules *rules)
{
	if (rules == NULL)
		return;
	access_free(rules->exempt);
	free(rules->prefixes);
	free(rules);
}

void limiter_init(struct limiter *limiter)
{
	atomic_init(&limiter->rules, NULL);
	atomic_init(&limiter->limits, false);
	atomic_init(&limiter->would_drop, 0);
	limiter->kept = NULL;
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

void limiter_set(struct limiter *limiter, struct limiter_rules *rules)
{
	rules->before = limiter->kept;
	limiter->kept = rules;
	atomic_store(&limiter->rules, rules);
	atomic_store(&limiter->limits, limiter_limits(&rules->settings));
}

static bool exempt_same(const struct limiter_settings *one, const struct limiter_settings *other)
{
	bool same = one->exempt_count == other->exempt_count;

	for (size_t i = 0; same && i < one->exempt_count; i++)
		same = prefix_same(&one->exempt[i].prefix, &other->exempt[i].prefix);
	return same;
}

bool limiter_has(const struct limiter *limiter, const struct limiter_settings *settings)
{
	const struct limiter_settings *present;

	if (limiter->kept == NULL)
		return false;
	present = &limiter->kept->settings;
	return present->requests_per_s == settings->requests_per_s &&
	       present->reply_bytes_per_s == settings->reply_bytes_per_s &&
	       present->burst_s == settings->burst_s && present->leak == settings->leak &&
	       present->dry_run == settings->dry_run && exempt_same(present, settings);
}

/* --- the source and its prefixes */

struct source {
	const struct level *levels;
	unsigned levels_count;
	struct meter_name name; /* of the source itself; see name_level() */
};

static uint32_t word_at(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return ntohl(word);
}

/* The words: what is metered; an IPv4 address, or the first 64 bits of an IPv6 one; and, of a link-local address, the
 * others and the interface. */
static struct source source_of(const union addr *client)
{
	struct source source = { levels_v4, LIMITER_LEVELS, { { 0 } } };
	const struct in6_addr *v6 = &client->in6.sin6_addr;
	uint32_t *words = source.name.words;

	if (client->sa.sa_family == AF_INET) {
		words[1] = ntohl(client->in.sin_addr.s_addr);
	} else if (IN6_IS_ADDR_V4MAPPED(v6)) {
		words[1] = word_at(&v6->s6_addr[12]);
	} else {
		source.levels = levels_v6;
		words[1] = word_at(&v6->s6_addr[0]);
		words[2] = word_at(&v6->s6_addr[4]);
	}
	if (source.levels == levels_v6 && IN6_IS_ADDR_LINKLOCAL(v6)) {
		source.levels_count = 1;
		words[3] = word_at(&v6->s6_addr[8]);
		words[4] = word_at(&v6->s6_addr[12]);
		words[5] = client->in6.sin6_scope_id;
	}
	return source;
}

static struct meter *meter_of(const struct limiter_rules *rules, const struct source *source,
	unsigned level, enum good good)
{
	unsigned bits = source->levels[level].bits;
	struct meter_name name = source->name;
	uint32_t *words = name.words;

	words[0] = rules->service << 16 | (uint32_t)good << 15 |
		   (source->levels == levels_v6 ? 1u : 0u) << 14 | bits;
	words[1] &= UINT32_MAX << (bits < 32 ? 32 - bits : 0);
	words[2] &= bits > 32 ? UINT32_MAX << (64 - bits) : 0;
	return meters_find(rules->meters, &name);
}

/* --- requests */

static int64_t request_cost(const struct limiter_rules *rules, const struct level *level)
{
	return METER_SECOND / ((int64_t)rules->settings.requests_per_s * level->multiple);
}

static bool has_room(const struct limiter_rules *rules, const struct meter *meter,
	const struct level *level, int64_t now)
{
	return meter_used(meter, now) + request_cost(rules, level) <= rules->burst;
}

/* The level that is over its limit, or LIMITER_LEVELS. What an admission charges is in *ret_meters. */
static unsigned find_over(const struct limiter_rules *rules, const struct source *source,
	int64_t now, struct meter *ret_meters[static LIMITER_LEVELS])
{
	for (unsigned i = 0; i < source->levels_count; i++) {
		if (rules->settings.requests_per_s > 0) {
			ret_meters[i] = meter_of(rules, source, i, REQUESTS);
			if (!has_room(rules, ret_meters[i], &source->levels[i], now))
				return i;
		}
		if (rules->settings.reply_bytes_per_s > 0 &&
			meter_used(meter_of(rules, source, i, REPLY_BYTES), now) >= rules->burst)
			return i;
	}
	return LIMITER_LEVELS;
}

/* Note which prefix was refused. */
static void note_offender(struct limiter *limiter, const struct source *source, unsigned level,
	const union addr *client)
{
	unsigned bits = source->levels_count > 1 ? source->levels[level].bits : 128;
	union addr address = *client;
	uint8_t *bytes = address.in6.sin6_addr.s6_addr;

	addr_set_port(&address, 0);
	if (source->levels == levels_v4) {
		address.in = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_addr.s_addr =
				htonl(source->name.words[1] & UINT32_MAX << (32 - bits)) };
	} else if (bits <= 64) {
		memset(bytes + bits / 8, 0, 16 - bits / 8);
	}
	offenders_note(&limiter->offenders, &address, bits);
}

static bool exempts(const struct limiter_rules *rules, const union addr *client)
{
	return rules->exempt != NULL && access_admits(rules->exempt, client);
}

bool limiter_exempts(const struct limiter *limiter, const union addr *client)
{
	const struct limiter_rules *rules = atomic_load(&limiter->rules);

	return rules != NULL && exempts(rules, client);
}

/* One that would be dropped but for dry_run is charged as if it were. */
bool limiter_admits(struct limiter *limiter, struct dice *dice, struct datagram *datagram)
{
	const struct limiter_rules *rules = atomic_load(&limiter->rules);
	int64_t now = meter_time(datagram->arrived_ns);
	struct meter *meters[LIMITER_LEVELS];
	struct source source;
	unsigned over;

	datagram->metered = false;
	if (rules == NULL || !limiter_limits(&rules->settings) || exempts(rules, &datagram->client))
		return true;
	source = source_of(&datagram->client);
	over = find_over(rules, &source, now, meters);
	if (over < LIMITER_LEVELS) {
		if (dice_hit(dice, rules->settings.leak))
			return true;
		note_offender(limiter, &source, over, &datagram->client);
		if (rules->settings.dry_run)
			atomic_fetch_add(&limiter->would_drop, 1);
		return rules->settings.dry_run;
	}
	datagram->metered = rules->settings.reply_bytes_per_s > 0;
	for (unsigned i = 0; rules->settings.requests_per_s > 0 && i < source.levels_count; i++)
		meter_charge(meters[i], now, request_cost(rules, &source.levels[i]));
	return true;
}

/* --- replies */

void limiter_charge_replies(
	struct limiter *limiter, const struct datagram *request, size_t bytes, int64_t now_ns)
{
	const struct limiter_rules *rules = atomic_load(&limiter->rules);
	struct source source;

	if (!request->metered || rules == NULL || rules->settings.reply_bytes_per_s == 0)
		return;
	source = source_of(&request->client);
	for (unsigned i = 0; i < source.levels_count; i++) {
		int64_t rate =
			(int64_t)rules->settings.reply_bytes_per_s * source.levels[i].multiple;
		int64_t cost = (int64_t)bytes * (METER_SECOND * FRACTION / rate) / FRACTION;

		meter_charge(meter_of(rules, &source, i, REPLY_BYTES), meter_time(now_ns), cost);
	}
}
