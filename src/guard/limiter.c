#include "guard/limiter.h"

#include "base/prefix.h"

/* A source, and the networks around it with their limits, as multiples of its own: enough for the clients in one, which
 * are seldom all busy, and so little that who has all of its addresses is held to that. A site has an IPv6 /56 or
 * /48. */
#define LEVELS_MAX 3u
static const struct level {
	unsigned bits, shift; /* 2^shift times its own */
} v4_levels[] = { { 32, 0 }, { 24, 5 }, { 16, 10 } },
  v6_levels[] = { { 64, 0 }, { 56, 2 }, { 48, 4 } }, link_local_levels[] = { { 128, 0 } };

/* A byte may cost less than the meter's unit, so costs are those of FRACTION bytes, or requests. */
#define FRACTION 256

static int64_t cost_of(unsigned each_second)
{
	return each_second > 0 ? METER_SECOND * FRACTION / each_second : 0;
}

void limiter_set(struct limiter *limiter, const struct limiter_numbers *numbers)
{
	atomic_store(&limiter->costs[LIMITER_REQUESTS], cost_of(numbers->requests_per_s));
	atomic_store(&limiter->costs[LIMITER_REPLY_BYTES], cost_of(numbers->reply_bytes_per_s));
	atomic_store(&limiter->burst, numbers->burst_s * METER_SECOND);
	atomic_store(&limiter->leak, numbers->leak);
	atomic_store(&limiter->dry_run, numbers->dry_run);
	atomic_store(&limiter->on, numbers->requests_per_s > 0 || numbers->reply_bytes_per_s > 0);
}

/* --- the source and its networks */

struct source {
	const struct level *levels;
	unsigned count;
	uint32_t scope; /* of a link-local address */
	struct prefix_address
		address; /* of IPv4 in the first 32 bits; of IPv6 the first 64, if not link-local */
};

static struct source source_of(const union addr *client)
{
	struct prefix_address address = { 0, 0 };
	uint32_t v4;

	if (client->sa.sa_family == AF_INET6)
		address = prefix_address_of(&client->in6.sin6_addr);
	if (client->sa.sa_family == AF_INET6 && !prefix_address_is_v4(address)) {
		if (IN6_IS_ADDR_LINKLOCAL(&client->in6.sin6_addr))
			return (struct source){ link_local_levels, 1, client->in6.sin6_scope_id,
				address };
		return (struct source){ v6_levels, 3, 0, { address.high, 0 } };
	}
	v4 = client->sa.sa_family == AF_INET ? ntohl(client->in.sin_addr.s_addr)
					     : (uint32_t)address.low;
	return (struct source){ v4_levels, 3, 0, { (uint64_t)v4 << 32, 0 } };
}

/* Its meters: for each good one of each level. */
struct account {
	const struct limiter *limiter;
	const struct level *levels;
	unsigned count; /* of levels */
	uint64_t tags[LEVELS_MAX];
	struct meter *found[LEVELS_MAX]; /* those that were looked at last, or NULL */
};
_Static_assert(LIMITER_GOODS == METER_KINDS, "a meter a good");

static void open_account(
	struct account *account, const struct limiter *limiter, const union addr *client)
{
	const struct source source = source_of(client);

	*account = (struct account){ limiter, source.levels, source.count, { 0 }, { NULL } };
	for (unsigned i = 0; i < source.count; i++) {
		unsigned bits = source.levels[i].bits;
		uint64_t kind = limiter->service << 8 | bits;
		struct meter_name name = { { kind << 32 | source.scope, source.address.high,
			source.address.low } };

		if (bits < 64)
			name.words[1] &= ~(UINT64_MAX >> bits);
		account->tags[i] = meters_tag(limiter->meters, &name);
	}
}

static int64_t cost_of_one(const struct limiter *limiter, enum limiter_good good)
{
	return atomic_load_explicit(&limiter->costs[good], memory_order_relaxed);
}

static int64_t cost_at(const struct account *account, unsigned level, size_t count, int64_t one)
{
	return (int64_t)count * (one >> account->levels[level].shift) / FRACTION;
}

/* Has one of them less left than so many cost, or nothing? */
static bool any_is_over(struct account *account, enum limiter_good good, size_t count, int64_t now)
{
	const struct limiter *limiter = account->limiter;
	int64_t burst = atomic_load_explicit(&limiter->burst, memory_order_relaxed);
	int64_t one = cost_of_one(limiter, good);

	for (unsigned i = 0; one > 0 && i < account->count; i++) {
		int64_t cost = cost_at(account, i, count, one);
		struct meter *meter =
			meters_find(limiter->meters, meter_tag_of(account->tags[i], good));

		account->found[i] = meter;
		if (meter_used(meter, now) + (cost > 0 ? cost : 1) > burst)
			return true;
	}
	return false;
}

/* Is one of them used up now, so that no other of the same cost may follow at once? */
static bool charge(const struct account *account, enum limiter_good good, size_t count, int64_t now)
{
	const struct limiter *limiter = account->limiter;
	int64_t burst = atomic_load_explicit(&limiter->burst, memory_order_relaxed);
	int64_t one = cost_of_one(limiter, good);
	bool used_up = false;

	for (unsigned i = 0; one > 0 && i < account->count; i++) {
		int64_t cost = cost_at(account, i, count, one), used;

		used = meters_charge(limiter->meters, meter_tag_of(account->tags[i], good),
			account->found[i], now, cost);
		used_up |= used + cost > burst;
	}
	return used_up;
}

/* --- requests */

static bool is_dry_run(const struct limiter *limiter)
{
	return atomic_load_explicit(&limiter->dry_run, memory_order_relaxed);
}

/* One that would be dropped but for dry_run is charged to nobody, as if it were. */
static bool admit_over(struct limiter *limiter, const struct datagram *datagram)
{
	if (!is_dry_run(limiter))
		return false;
	atomic_fetch_add(&limiter->would_drop, 1);
	loss_note(limiter->loss, datagram, 0, 0);
	return true;
}

bool limiter_admits(struct limiter *limiter, struct dice *dice, struct datagram *datagram)
{
	int64_t now = meter_time(datagram->arrived_ns);
	struct account account;
	bool over;

	datagram->metered = false;
	if (!atomic_load_explicit(&limiter->on, memory_order_relaxed) ||
		datagram->standing == DATAGRAM_EXEMPT)
		return true;
	open_account(&account, limiter, &datagram->client);
	over = any_is_over(&account, LIMITER_REPLY_BYTES, 0, now) ||
	       any_is_over(&account, LIMITER_REQUESTS, 1, now);
	datagram->metered = !over && cost_of_one(limiter, LIMITER_REPLY_BYTES) > 0;
	if ((over || charge(&account, LIMITER_REQUESTS, 1, now)) && !is_dry_run(limiter))
		datagram->standing = DATAGRAM_OVER;
	return !over ||
	       dice_hit(dice, atomic_load_explicit(&limiter->leak, memory_order_relaxed)) ||
	       admit_over(limiter, datagram);
}

/* --- replies */

void limiter_charge_replies(
	const struct limiter *limiter, const struct datagram *request, size_t bytes, int64_t now_ns)
{
	struct account account;

	if (!request->metered)
		return;
	open_account(&account, limiter, &request->client);
	(void)charge(&account, LIMITER_REPLY_BYTES, bytes, meter_time(now_ns));
}
