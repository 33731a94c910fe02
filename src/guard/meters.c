#include "guard/meters.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/sys.h"

#define WAYS 8u
#define SETS 32768u

__extension__ typedef unsigned __int128 wide;

struct meter {
	_Atomic uint64_t tag;
	_Atomic int64_t full_at;
};

struct set {
	_Alignas(64) struct meter ways[WAYS];
};

struct meters {
	wide keys[1 + METER_WORDS];
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

static unsigned set_of(uint64_t tag)
{
	return (tag >> 32) % SETS;
}

/* Multilinear hashing: of 64-bit words the upper half of the 128-bit sum is strongly universal, so who does not know the
 * key finds no two sources that share a set or a tag. No meter has the tag 0. */
uint64_t meters_tag(const struct meters *meters, const struct meter_name *name)
{
	const struct set *set;
	wide sum = meters->keys[0];
	uint64_t tag;

	for (unsigned i = 0; i < METER_WORDS; i++)
		sum += meters->keys[1 + i] * name->words[i];
	tag = (uint64_t)(sum >> 64) | 1;
	set = &meters->sets[set_of(tag)];
	__builtin_prefetch(&set->ways[0]);
	__builtin_prefetch(&set->ways[WAYS / 2]);
	return tag;
}

/* The one that is nearest to full. */
static struct meter *nearest_in(struct set *set)
{
	struct meter *nearest = set->ways;

	for (struct meter *meter = set->ways; meter < set->ways + WAYS; meter++)
		if (atomic_load_explicit(&meter->full_at, memory_order_relaxed) <
			atomic_load_explicit(&nearest->full_at, memory_order_relaxed))
			nearest = meter;
	return nearest;
}

static struct meter *meter_of(struct meters *meters, uint64_t tag)
{
	struct set *set = &meters->sets[set_of(tag)];
	struct meter *meter;
	uint64_t found;

	do {
		for (unsigned i = 0; i < WAYS; i++)
			if (atomic_load_explicit(&set->ways[i].tag, memory_order_relaxed) == tag)
				return &set->ways[i];
		meter = nearest_in(set);
		found = atomic_load_explicit(&meter->tag, memory_order_relaxed);
	} while (!atomic_compare_exchange_strong(&meter->tag, &found, tag));
	return meter;
}

int64_t meters_used(struct meters *meters, uint64_t tag, int64_t now)
{
	const struct meter *meter = meter_of(meters, tag);
	int64_t full_at = atomic_load_explicit(&meter->full_at, memory_order_relaxed);

	return full_at > now ? full_at - now : 0;
}

void meters_charge(struct meters *meters, uint64_t tag, int64_t now, int64_t cost)
{
	struct meter *meter = meter_of(meters, tag);
	int64_t before = atomic_load_explicit(&meter->full_at, memory_order_relaxed), after;

	do {
		after = (before > now ? before : now) + cost;
		if (after > now + METER_MOST)
			after = now + METER_MOST;
	} while (!atomic_compare_exchange_weak(&meter->full_at, &before, after));
}
