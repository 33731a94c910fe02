#include "load/pace.h"

#include <math.h>

#include "base/clock.h"

/* In the ramp request n is due when the area under the rate, a triangle, is n. */
int64_t load_pace_due_ns(const struct load_pace *pace, uint64_t number)
{
	double n = (double)number;
	double ramped = pace->rate * pace->ramp_s / 2;

	if (n < ramped)
		return (int64_t)(sqrt(2 * n * pace->ramp_s / pace->rate) * (double)NS_PER_S);
	return (int64_t)((pace->ramp_s / 2 + n / pace->rate) * (double)NS_PER_S);
}

/* The formula, and then exactly. */
uint64_t load_pace_count(const struct load_pace *pace, int64_t ns)
{
	double s = (double)ns / (double)NS_PER_S;
	uint64_t count;

	if (ns <= 0)
		return 0;
	if (s < pace->ramp_s)
		count = (uint64_t)(pace->rate * s * s / 2 / pace->ramp_s);
	else
		count = (uint64_t)(pace->rate * (s - pace->ramp_s / 2));
	while (count > 0 && load_pace_due_ns(pace, count - 1) >= ns)
		count--;
	while (load_pace_due_ns(pace, count) < ns)
		count++;
	return count;
}
