#include "guard/cap.h"

#include "base/clock.h"
#include "base/prefix.h"
#include "base/sys.h"

/* In each tick a byte of the allowance comes back. */
#define TICK_NS (NS_PER_S / CAP_REFILL_BYTES_PER_S)
#define PROOF_TICKS (CAP_PROOF_S * CAP_REFILL_BYTES_PER_S)

/* An account's word. */
union account {
	uint64_t word;
	struct {
		uint64_t credit : 20, tag : 12;
		uint32_t full_tick; /* when the allowance will be full */
	};
};
_Static_assert(sizeof(union account) == sizeof(uint64_t), "one word");

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
		word |= (uint64_t)1 << 48 | prefix_word(&addr->in6.sin6_addr) >> 16;
		if (IN6_IS_ADDR_LINKLOCAL(&addr->in6.sin6_addr))
			word ^= addr->in6.sin6_scope_id; /* where all have zeros */
	}
	return scramble(scramble(word ^ cap->keys[0]) ^ cap->keys[1]);
}

static uint64_t hash_client(const struct cap *cap, unsigned service, const union addr *addr)
{
	uint64_t hash = hash_network(cap, service, addr);
	struct prefix_address whole;

	if (addr->sa.sa_family == AF_INET)
		return scramble(hash ^ addr->in.sin_addr.s_addr ^ cap->keys[2]);
	whole = prefix_address_of(&addr->in6.sin6_addr);
	return scramble(scramble(hash ^ whole.high) ^ whole.low ^ cap->keys[2]);
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

	atomic_store_explicit(&cap->proofs[hash % CAP_PROOFS],
		hash >> 32 << 32 | (uint32_t)(tick_now() + PROOF_TICKS), memory_order_relaxed);
}

static bool is_proven(struct cap *cap, unsigned service, const union addr *client)
{
	uint64_t hash = hash_client(cap, service, client);
	uint64_t proof =
		atomic_load_explicit(&cap->proofs[hash % CAP_PROOFS], memory_order_relaxed);

	return proof >> 32 == hash >> 32 &&
	       ticks_until((uint32_t)proof, tick_now(), PROOF_TICKS) > 0;
}

/* --- accounts */

static bool use_allowance(union account *account, uint64_t bytes)
{
	const uint32_t now = tick_now();
	uint32_t used = ticks_until(account->full_tick, now, CAP_ALLOWANCE_BYTES);

	if (bytes > CAP_ALLOWANCE_BYTES - used)
		return false;
	account->full_tick = now + used + (uint32_t)bytes;
	return true;
}

/* A credit of 0 leaves another network its own. */
static void keep_credit(union account *account, unsigned tag, uint64_t credit)
{
	if (credit == 0 && account->tag != tag)
		return;
	account->tag = tag & 0xfff;
	account->credit = (credit < CAP_CREDIT_MAX ? credit : CAP_CREDIT_MAX) & CAP_CREDIT_MAX;
}

bool cap_takes(
	struct cap *cap, unsigned service, const union addr *to, uint64_t credit, uint64_t bytes)
{
	const uint64_t hash = hash_network(cap, service, to);
	const unsigned tag = (unsigned)(hash >> 52);
	_Atomic uint64_t *place = &cap->accounts[hash % CAP_PLACES];
	uint64_t before = atomic_load_explicit(place, memory_order_relaxed);
	union account account;
	bool taken;

	do {
		uint64_t have, lacking;

		account.word = before;
		have = credit + (account.tag == tag ? account.credit : 0);
		lacking = bytes > have ? bytes - have : 0;
		if (lacking > 0 && is_proven(cap, service, to))
			return true;
		taken = lacking == 0 || use_allowance(&account, lacking);
		keep_credit(&account, tag, !taken ? have : lacking > 0 ? 0 : have - bytes);
	} while (account.word != before &&
		 !atomic_compare_exchange_weak_explicit(
			 place, &before, account.word, memory_order_relaxed, memory_order_relaxed));
	return taken;
}
