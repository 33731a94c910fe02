/* Ages from the kernel's timestamps. Those are CLOCK_REALTIME and every deadline here is
 * CLOCK_MONOTONIC: each batch reads both clocks and takes its ages from their difference. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL
#define NS_PER_US 1000LL

/* The pair of clocks as one thread last read it. Zeroed before the first reading.
 *
 * A timestamp from trusted_ns to realtime_ns tells the age: realtime_ns less the timestamp. A missing one
 * (0), one from the future or of a wall clock that was set since tells nothing, so trusted_ns is INT64_MAX
 * in the reading that finds the clock set. */
struct clock_pair {
	int64_t monotonic_ns;
	int64_t realtime_ns;
	int64_t trusted_ns;
	int64_t set_ns; /* trusted_ns of the next reading: earlier ones are from before the clock was last set */
};

/* Read both clocks. The wall clock was set when it moved against the monotonic clock by more than 1 ms and a
 * thousandth of the time between two readings, because slewing moves it by less. */
void clock_pair_read(struct clock_pair *pair);

#endif
