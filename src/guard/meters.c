#include "guard/meters.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/sys.h"

#define WAYS 8u
#define SETS 32768u

struct set {
	_Alignas(64) struct meter ways[WAYS];
};

struct meters {
	uint64_t keys[2][1 + METER_WORDS];
	struct set sets[SETS];
};

size_t meters_bytes(void)
{
	return sizeof(struct meters);
}

/* A page that no source came to takes no memory. */
int meters_new(struct meters **ret_meters)
{
	struct meters *meters = mmap(NULL, sizeof(*meters), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (meters == MAP_FAILED)
		return -ENOMEM;
	sys_random(meters->keys, sizeof(meters->keys));
	*ret_meters = meters;
	return 0;
}

void meters_free(struct meters *meters)
{
	if (meters != NULL)
		munmap(meters, sizeof(*meters));
}

/* Multilinear hashing: of 32-bit words the upper half of the sum is strongly universal, so whoever does not know the
 * key finds no two sources that share a set or a tag. No meter has the tag 0. */
static uint64_t tag_of(const struct meters *meters, const struct meter_name *name)
{
	uint64_t high = meters->keys[0][0], low = meters->keys[1][0];

	for (unsigned i = 0; i < METER_WORDS; i++) {
		high += meters->keys[0][1 + i] * name->words[i];
		low += meters->keys[1][1 + i] * name->words[i];
	}
	return (high & ~(uint64_t)UINT32_MAX) | low >> 32 | 1;
}

/* The one with this tag, or the one that is nearest to full. */
static struct meter *find_in(struct set *set, uint64_t tag, uint64_t *ret_tag)
{
	struct meter *nearest = NULL;
	int64_t nearest_at = INT64_MAX;

	for (unsigned i = 0; i < WAYS; i++) {
		struct meter *meter = &set->ways[i];
		uint64_t its = atomic_load_explicit(&meter->tag, memory_order_relaxed);
		int64_t full_at = atomic_load_explicit(&meter->full_at, memory_order_relaxed);

		if (its != tag && full_at >= nearest_at)
			continue;
		nearest = meter;
		nearest_at = full_at;
		*ret_tag = its;
		if (its == tag)
			break;
	}
	return nearest;
}

struct meter *meters_find(struct meters *meters, const struct meter_name *name)
{
	uint64_t tag = tag_of(meters, name), found;
	struct set *set = &meters->sets[(tag >> 32) % SETS];
	struct meter *meter;

	do
		meter = find_in(set, tag, &found);
	while (found != tag && !atomic_compare_exchange_strong(&meter->tag, &found, tag));
	return meter;
}

void meter_charge(struct meter *meter, int64_t now, int64_t cost)
{
	int64_t before = atomic_load_explicit(&meter->full_at, memory_order_relaxed), after;

	do {
		after = (before > now ? before : now) + cost;
		if (after > now + METER_MOST)
			after = now + METER_MOST;
	} while (!atomic_compare_exchange_weak(&meter->full_at, &before, after));
}
