#include "guard/loops.h"

#include <string.h>

#include "base/clock.h"

#define MEMORY_MS 1000u

#define HASHED_BYTES 64u
#define STEP_BYTES 16u

/* Which of a source's repeats in one second are dropped: those above a number, one in so many. */
static const struct step {
	uint32_t above, one_in;
} steps[] = { { 10000, 2 }, { 1000, 10 }, { 100, 100 } };

/* --- fingerprints */

/* The halves of a product: each bit of either factor changes both. */
__extension__ typedef unsigned __int128 product;

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	const product whole = (product)a * b;

	return (uint64_t)whole ^ (uint64_t)(whole >> 64);
}

static inline uint64_t word_at(const unsigned char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static inline uint64_t mix(uint64_t sum, const unsigned char *step, uint64_t factor)
{
	return fold(sum ^ word_at(step), factor ^ word_at(step + 8));
}

static __attribute__((noinline)) uint64_t mix_v6(
	uint64_t sum, const struct sockaddr_in6 *source, uint64_t factor)
{
	uint64_t ends = source->sin6_port | (uint64_t)source->sin6_scope_id << 32;

	return mix(fold(sum ^ ends, factor), source->sin6_addr.s6_addr, factor);
}

/* The address, and the port. */
static inline uint64_t mix_source(uint64_t sum, const union addr *source, uint64_t factor)
{
	if (source->sa.sa_family == AF_INET)
		return fold(sum ^ addr_word(source), factor);
	return mix_v6(sum, &source->in6, factor);
}

static __attribute__((noinline)) uint64_t mix_few(
	uint64_t sum, const void *bytes, size_t length, uint64_t factor)
{
	unsigned char few[STEP_BYTES] = { 0 };

	if (length > 0)
		memcpy(few, bytes, length);
	return mix(sum, few, factor);
}

/* The last step may have bytes of the one before it once more. */
static inline uint64_t mix_bytes(
	uint64_t sum, const unsigned char *bytes, size_t length, uint64_t factor)
{
	const unsigned char *last;

	if (length < STEP_BYTES)
		return mix_few(sum, bytes, length, factor);
	last = bytes + (length < HASHED_BYTES ? length : HASHED_BYTES) - STEP_BYTES;
	for (; bytes < last; bytes += STEP_BYTES)
		sum = mix(sum, bytes, factor);
	return mix(sum, last, factor);
}

static inline uint32_t fingerprint(
	const struct loops *loops, const union addr *other, const void *bytes, size_t length)
{
	const uint64_t factor = loops->keys.factor;
	uint64_t sum = mix_source(loops->keys.begin + length, other, factor);

	return (uint32_t)mix_bytes(sum, bytes, length, factor);
}

static inline void remember(struct loops *loops, uint32_t print, uint32_t now_ms)
{
	atomic_store_explicit(&loops->fingerprints[print % LOOPS_FINGERPRINTS],
		(uint64_t)print << 32 | now_ms, memory_order_relaxed);
}

static inline bool is_remembered(const struct loops *loops, uint32_t print, uint32_t now_ms)
{
	uint64_t entry = atomic_load_explicit(
		&loops->fingerprints[print % LOOPS_FINGERPRINTS], memory_order_relaxed);

	return entry >> 32 == print && now_ms - (uint32_t)entry <= MEMORY_MS;
}

bool loops_look(
	struct loops *loops, struct datagram *const *received, unsigned count, int64_t now_ns)
{
	const uint32_t now_ms = (uint32_t)(now_ns / NS_PER_MS);
	bool any = false;

	atomic_store_explicit(&loops->now_ms, now_ms, memory_order_relaxed);
	for (unsigned i = 0; i < count; i++) {
		struct datagram *datagram = received[i];
		size_t length = datagram->truncated ? 0 : datagram->length;
		uint32_t print = fingerprint(loops, &datagram->client, datagram->data, length);

		datagram->fingerprint = print;
		any |= is_remembered(loops, print, now_ms);
	}
	return any;
}

void loops_note(struct loops *loops, const struct datagram *request, const union addr *to,
	const void *data, size_t length)
{
	uint32_t now_ms = atomic_load_explicit(&loops->now_ms, memory_order_relaxed);

	remember(loops, request->fingerprint, now_ms);
	remember(loops, fingerprint(loops, to, data, length), now_ms);
}

/* --- repeats */

/* How many this source has sent in this second, with this one. */
static uint32_t count_repeat(struct loops *loops, const union addr *source)
{
	uint64_t hash = mix_source(loops->keys.begin, source, loops->keys.source_factor);
	_Atomic uint64_t *place = &loops->repeats[hash % LOOPS_SOURCES];
	uint64_t entry = atomic_load_explicit(place, memory_order_relaxed);
	uint32_t second = atomic_load_explicit(&loops->now_ms, memory_order_relaxed) / 1000;

	if (entry >> 32 != second)
		entry = (uint64_t)second << 32;
	atomic_store_explicit(place, ++entry, memory_order_relaxed);
	return (uint32_t)entry;
}

bool loops_must_drop(struct loops *loops, struct dice *dice, const struct datagram *datagram)
{
	uint32_t now_ms = atomic_load_explicit(&loops->now_ms, memory_order_relaxed), repeats;

	if (!is_remembered(loops, datagram->fingerprint, now_ms))
		return false;
	repeats = count_repeat(loops, &datagram->client);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (repeats > steps[i].above)
			return dice_hit(dice, steps[i].one_in);
	return false;
}
