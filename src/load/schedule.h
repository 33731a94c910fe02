/* The schedule of an open loop: when each request is due. The rate is constant, or rises linearly
 * from 0 first. */
#ifndef LOAD_SCHEDULE_H
#define LOAD_SCHEDULE_H

#include <stdint.h>

struct load_schedule {
	double rate;   /* requests a second */
	double ramp_s; /* seconds in which the rate rises from 0 to `rate` */
};

/* When request `number` is due, in ns since the start. Request 0 is due at 0. */
int64_t load_schedule_due_ns(const struct load_schedule *schedule, uint64_t number);

/* How many requests are due before `ns`. */
uint64_t load_schedule_count(const struct load_schedule *schedule, int64_t ns);

#endif
