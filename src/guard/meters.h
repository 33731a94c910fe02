/* Meters: how much of its allowance each source has used up, in one table of fixed memory.
 *
 * A meter is a moment: the one at which all that was charged will have been refilled. What is charged moves it on, and
 * time comes nearer to it; one that time has passed is full again. So meters of all rates can be compared, and none
 * needs to be touched to be refilled.
 *
 * DESIGN: a source has one set of eight meters, by a keyed hash, and takes the one there that has its tag. A source that
 * has none takes over the meter that is nearest to full, with what is charged to it. So no meter is ever emptied but by
 * time: who fills the table with other sources makes them count for each other, and never less than they are. While the
 * sources that are not full again fit into their sets, each is counted exactly.
 *
 * No lock: a tag and a moment are each one atomic word. Two threads that charge one meter both count. If another
 * source takes the meter over meanwhile, what was charged is that one's. */
#ifndef GUARD_METERS_H
#define GUARD_METERS_H

#include <stddef.h>
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

struct meters;

/* The table, with a key of its own. -ENOMEM. */
int meters_new(struct meters **ret_meters);

/* NULL is fine. */
void meters_free(struct meters *meters);

/* Bytes of address space that it takes. */
size_t meters_bytes(void);

/* Who is metered. Two names of which no word differs are one. */
#define METER_WORDS 3u
struct meter_name {
	uint64_t words[METER_WORDS];
};

/* The tag of its meter, which is needed soon. Thread: any. */
uint64_t meters_tag(const struct meters *meters, const struct meter_name *name);

/* How much of this meter is to be refilled. Thread: any. */
int64_t meters_used(struct meters *meters, uint64_t tag, int64_t now);

/* Thread: any. */
void meters_charge(struct meters *meters, uint64_t tag, int64_t now, int64_t cost);

#endif
