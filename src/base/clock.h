/* Ages from the kernel's timestamps. Those are CLOCK_REALTIME and every deadline here is
 * CLOCK_MONOTONIC: each batch reads both clocks and takes its ages from their difference. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL
#define NS_PER_US 1000LL

/* The pair of clocks as one thread last read it. Zeroed before the first reading. */
struct clock_pair {
	int64_t monotonic_ns;
	int64_t realtime_ns;
	int64_t trusted_ns; /* earlier timestamps are from before the wall clock was last set */
	bool stepped;	    /* it was set since the reading before: timestamps say nothing */
};

/* Read both clocks. The wall clock was set when it moved, against the monotonic one, by more than 1
 * ms and a thousandth of the time between two readings: by more than slewing can do. */
void clock_pair_read(struct clock_pair *pair);

/* The monotonic time at which a datagram with this timestamp arrived: never later than the pair's,
 * and the pair's when the timestamp is missing (0), from the future, or of a wall clock that was
 * set since. */
int64_t clock_pair_arrival_ns(const struct clock_pair *pair, int64_t timestamp_ns);

#endif
