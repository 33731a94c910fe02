#include "guard/meters.h"

#include <stddef.h>

static unsigned set_of(uint64_t tag)
{
	return (tag >> 32) % METER_SETS;
}

/* Multilinear hashing: of 64-bit words the upper half of the 128-bit sum is strongly universal, so who does not know the
 * key finds no two sources that share a set or a tag. No meter has the tag 0. */
uint64_t meters_tag(const struct meters *meters, const struct meter_name *name)
{
	const struct meter_set *set;
	meter_wide sum = meters->keys[0];
	uint64_t tag;

	for (unsigned i = 0; i < METER_WORDS; i++)
		sum += meters->keys[1 + i] * name->words[i];
	tag = ((uint64_t)(sum >> 64) | METER_KINDS) & ~(uint64_t)(METER_KINDS - 1);
	set = &meters->sets[set_of(tag)];
	__builtin_prefetch(&set->ways[0]);
	__builtin_prefetch(&set->ways[METER_WAYS / 2]);
	return tag;
}

/* The one that is nearest to full. */
static struct meter *nearest_in(struct meter_set *set)
{
	struct meter *nearest = set->ways;

	for (struct meter *meter = set->ways; meter < set->ways + METER_WAYS; meter++)
		if (atomic_load_explicit(&meter->full_at, memory_order_relaxed) <
			atomic_load_explicit(&nearest->full_at, memory_order_relaxed))
			nearest = meter;
	return nearest;
}

struct meter *meters_find(struct meters *meters, uint64_t tag)
{
	struct meter_set *set = &meters->sets[set_of(tag)];
	struct meter *meter;
	uint64_t found;

	do {
		for (unsigned i = 0; i < METER_WAYS; i++)
			if (atomic_load_explicit(&set->ways[i].tag, memory_order_relaxed) == tag)
				return &set->ways[i];
		meter = nearest_in(set);
		found = atomic_load_explicit(&meter->tag, memory_order_relaxed);
	} while (!atomic_compare_exchange_strong(&meter->tag, &found, tag));
	return meter;
}

/* Not even where another meter of the same source has taken it over meanwhile is that one charged. */
int64_t meters_charge(
	struct meters *meters, uint64_t tag, struct meter *found, int64_t now, int64_t cost)
{
	bool held = found != NULL && atomic_load_explicit(&found->tag, memory_order_relaxed) == tag;
	struct meter *meter = held ? found : meters_find(meters, tag);
	int64_t before = atomic_load_explicit(&meter->full_at, memory_order_relaxed), after;

	do {
		after = (before > now ? before : now) + cost;
		if (after > now + METER_MOST)
			after = now + METER_MOST;
	} while (!atomic_compare_exchange_weak(&meter->full_at, &before, after));
	return after - now;
}
