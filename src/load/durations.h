/* Durations in ns: their count, shortest, longest, sum and quantiles. */
#ifndef LOAD_DURATIONS_H
#define LOAD_DURATIONS_H

#include <stdint.h>

#include "base/histogram.h"

/* Begin with zeros. */
struct load_durations {
	struct histogram histogram;
	uint64_t count;
	int64_t min_ns, max_ns;
	double sum_ns;
};

void load_durations_add(struct load_durations *durations, int64_t ns);

/* The duration that a share `quantile` (0 to 1) of them did not exceed, in ns or us: too long by up
 * to one part in 32, but never longer than the longest. 0 when there are none. */
int64_t load_durations_quantile_ns(struct load_durations *durations, double quantile);
double load_durations_quantile_us(struct load_durations *durations, double quantile);

#endif
