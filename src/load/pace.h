/* When requests are due: at a rate, which is reached at once or linearly over a while. */
#ifndef LOAD_PACE_H
#define LOAD_PACE_H

#include <stdint.h>

struct load_pace {
	double rate;   /* a second */
	double ramp_s; /* from 0 to it */
};

/* When request `number` is due, in ns since the begin; request 0 at once. */
int64_t load_pace_due_ns(const struct load_pace *pace, uint64_t number);

/* How many are due before a moment. */
uint64_t load_pace_count(const struct load_pace *pace, int64_t ns);

#endif
