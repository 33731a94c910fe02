#include "load/schedule.h"

#include <math.h>

#include "base/clock.h"

/* During the ramp the count of requests is the area under the rate, a triangle. */
int64_t load_schedule_due_ns(const struct load_schedule *schedule, uint64_t number)
{
	double n = (double)number;
	double ramped = schedule->rate * schedule->ramp_s / 2;

	if (n < ramped)
		return (int64_t)(sqrt(2 * n * schedule->ramp_s / schedule->rate) *
				 (double)NS_PER_S);
	return (int64_t)((schedule->ramp_s / 2 + n / schedule->rate) * (double)NS_PER_S);
}

/* Floating point may be off by a few: count exactly from its result on. */
uint64_t load_schedule_count(const struct load_schedule *schedule, int64_t ns)
{
	double s = (double)ns / (double)NS_PER_S;
	uint64_t count;

	if (ns <= 0)
		return 0;
	if (s < schedule->ramp_s)
		count = (uint64_t)(schedule->rate * s * s / 2 / schedule->ramp_s);
	else
		count = (uint64_t)(schedule->rate * (s - schedule->ramp_s / 2));
	while (count > 0 && load_schedule_due_ns(schedule, count - 1) >= ns)
		count--;
	while (load_schedule_due_ns(schedule, count) < ns)
		count++;
	return count;
}
