/* Meters: how much of its allowance each source has used up, in one table of fixed memory.
 *
 * A meter is a moment: the one at which all that was charged will have been refilled. What is charged moves it on, and
 * time comes nearer to it; one that time has passed is full again. So meters of all rates can be compared, and none
 * needs to be touched to be refilled.
 *
 * DESIGN: a source has one set of eight meters, by a keyed hash, and takes those there that have its tags. One for which
 * there is none takes over the meter that is nearest to full, with what is charged to it. So no meter is ever emptied but
 * by time: who fills the table with other sources makes them count for each other, and never less than they are. While
 * the sources that are not full again fit into their sets, each is counted exactly.
 *
 * No lock: a tag and a moment are each one atomic word. Two threads that charge one meter both count. If another
 * source takes the meter over meanwhile, what was charged is that one's. */
#ifndef GUARD_METERS_H
#define GUARD_METERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* Of the moments: 1/16 ns, so that fast rates are exact, too. 2^63 of them are 18 years since the machine started. */
#define METER_SECOND (16 * NS_PER_S)

static inline int64_t meter_time(int64_t monotonic_ns)
{
	return monotonic_ns * (METER_SECOND / NS_PER_S);
}

/* The most that a meter is charged ahead of time. */
#define METER_MOST (7200 * METER_SECOND)

/* Who is metered. Two names of which no word differs are one. */
#define METER_WORDS 3u
struct meter_name {
	uint64_t words[METER_WORDS];
};

#define METER_WAYS 8u
#define METER_SETS 32768u

__extension__ typedef unsigned __int128 meter_wide;

struct meters {
	meter_wide keys[1 + METER_WORDS]; /* random */
	struct meter_set {
		_Alignas(64) struct meter {
			_Atomic uint64_t tag;
			_Atomic int64_t full_at;
		} ways[METER_WAYS];
	} sets[METER_SETS];
};

/* A source has as many meters: with that many different tags, in one set. */
#define METER_KINDS 2u

/* The tag of its meter of kind 0; that set is needed soon. Thread: any. */
uint64_t meters_tag(const struct meters *meters, const struct meter_name *name);

static inline uint64_t meter_tag_of(uint64_t tag, unsigned kind)
{
	return tag + kind;
}

/* Its meter, which may become another's at any time. Thread: any. */
struct meter *meters_find(struct meters *meters, uint64_t tag);

/* How much of this meter is to be refilled. Thread: any. */
static inline int64_t meter_used(const struct meter *meter, int64_t now)
{
	int64_t full_at = atomic_load_explicit(&meter->full_at, memory_order_relaxed);

	return full_at > now ? full_at - now : 0;
}

/* Returns how much of it is to be refilled now. `found`: where it was found, or NULL. Thread: any. */
int64_t meters_charge(
	struct meters *meters, uint64_t tag, struct meter *found, int64_t now, int64_t cost);

#endif
