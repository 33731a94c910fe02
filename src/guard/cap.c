#include "guard/cap.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"

/* 65,536 places are 512 KiB: a second-level cache holds them. */
#define PLACES 65536u
#define PROOFS 4096u

/* In each tick a byte of the allowance comes back. */
#define TICK_NS (NS_PER_S / CAP_REFILL_BYTES_PER_S)
#define PROOF_TICKS (CAP_PROOF_S * CAP_REFILL_BYTES_PER_S)

struct cap {
	uint64_t keys[3];
	_Atomic uint64_t accounts[PLACES];
	_Atomic uint64_t proofs[PROOFS]; /* half of the client's hash, and the tick of the end */
};

/* An account's word, from its highest bits on: 32, 12 and 20. */
struct account {
	uint32_t full_tick; /* when the allowance will be full */
	unsigned tag;
	uint64_t credit;
};

int cap_new(struct cap **ret_cap)
{
	struct cap *cap = calloc(1, sizeof(*cap));

	if (cap == NULL)
		return -ENOMEM;
	sys_random(cap->keys, sizeof(cap->keys));
	*ret_cap = cap;
	return 0;
}

void cap_free(struct cap *cap)
{
	free(cap);
}

size_t cap_bytes(void)
{
	return sizeof(struct cap);
}

/* --- the keyed hash */

/* One to one, and each bit depends on all (splitmix64, by Sebastiano Vigna). */
static uint64_t scramble(uint64_t word)
{
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
	word = (word ^ word >> 27) * 0x94d049bb133111ebu;
	return word ^ word >> 31;
}

static uint64_t hash_network(const struct cap *cap, unsigned service, const union addr *addr)
{
	uint64_t word = (uint64_t)service << 56;

	if (addr->sa.sa_family == AF_INET) {
		word |= ntohl(addr->in.sin_addr.s_addr) >> 8;
	} else {
		uint64_t half;

		memcpy(&half, &addr->in6.sin6_addr, sizeof(half));
		word |= (uint64_t)1 << 48 | be64toh(half) >> 16;
		if (IN6_IS_ADDR_LINKLOCAL(&addr->in6.sin6_addr))
			word ^= addr->in6.sin6_scope_id; /* where all have zeros */
	}
	return scramble(scramble(word ^ cap->keys[0]) ^ cap->keys[1]);
}

static uint64_t hash_client(const struct cap *cap, unsigned service, const union addr *addr)
{
	uint64_t hash = hash_network(cap, service, addr), halves[2];

	if (addr->sa.sa_family == AF_INET)
		return scramble(hash ^ addr->in.sin_addr.s_addr ^ cap->keys[2]);
	memcpy(halves, &addr->in6.sin6_addr, sizeof(halves));
	return scramble(scramble(hash ^ halves[0]) ^ halves[1] ^ cap->keys[2]);
}

/* --- proofs */

static uint32_t tick_now(void)
{
	return (uint32_t)(sys_monotonic_ns() / TICK_NS);
}

/* Ticks left; 0: it is over. More than `most` cannot be: it was over before the ticks began again, in 248 days. */
static uint32_t ticks_until(uint32_t tick, uint32_t now, uint32_t most)
{
	return tick - now <= most ? tick - now : 0;
}

void cap_prove(struct cap *cap, unsigned service, const union addr *client)
{
	uint64_t hash = hash_client(cap, service, client);

	atomic_store_explicit(&cap->proofs[hash % PROOFS],
		hash >> 32 << 32 | (uint32_t)(tick_now() + PROOF_TICKS), memory_order_relaxed);
}

static bool is_proven(struct cap *cap, unsigned service, const union addr *client)
{
	uint64_t hash = hash_client(cap, service, client);
	uint64_t proof = atomic_load_explicit(&cap->proofs[hash % PROOFS], memory_order_relaxed);

	return proof >> 32 == hash >> 32 &&
	       ticks_until((uint32_t)proof, tick_now(), PROOF_TICKS) > 0;
}

/* --- accounts */

static struct account account_of(uint64_t word)
{
	return (struct account){
		.full_tick = (uint32_t)(word >> 32),
		.tag = word >> 20 & 0xfff,
		.credit = word & CAP_CREDIT_MAX,
	};
}

static uint64_t account_word(const struct account *account)
{
	return (uint64_t)account->full_tick << 32 | (uint64_t)account->tag << 20 | account->credit;
}

static bool use_allowance(struct account *account, uint64_t bytes)
{
	const uint32_t now = tick_now();
	uint32_t used = ticks_until(account->full_tick, now, CAP_ALLOWANCE_BYTES);

	if (bytes > CAP_ALLOWANCE_BYTES - used)
		return false;
	account->full_tick = now + used + (uint32_t)bytes;
	return true;
}

/* A credit of 0 leaves another network its own. */
static void keep_credit(struct account *account, unsigned tag, uint64_t credit)
{
	if (credit == 0 && account->tag != tag)
		return;
	account->tag = tag;
	account->credit = credit < CAP_CREDIT_MAX ? credit : CAP_CREDIT_MAX;
}

bool cap_takes(
	struct cap *cap, unsigned service, const union addr *to, uint64_t credit, uint64_t bytes)
{
	const uint64_t hash = hash_network(cap, service, to);
	const unsigned tag = (unsigned)(hash >> 52);
	_Atomic uint64_t *place = &cap->accounts[hash % PLACES];
	uint64_t before = atomic_load_explicit(place, memory_order_relaxed), after;
	bool taken;

	do {
		struct account account = account_of(before);
		uint64_t have = credit + (account.tag == tag ? account.credit : 0);
		uint64_t lacking = bytes > have ? bytes - have : 0;

		if (lacking > 0 && is_proven(cap, service, to))
			return true;
		taken = lacking == 0 || use_allowance(&account, lacking);
		keep_credit(&account, tag, !taken ? have : lacking > 0 ? 0 : have - bytes);
		after = account_word(&account);
	} while (after != before && !atomic_compare_exchange_weak_explicit(place, &before, after,
					    memory_order_relaxed, memory_order_relaxed));
	return taken;
}
