#include "load/durations.h"

#include "base/clock.h"

void load_durations_add(struct load_durations *durations, int64_t ns)
{
	if (durations->count == 0 || ns < durations->min_ns)
		durations->min_ns = ns;
	if (durations->count == 0 || ns > durations->max_ns)
		durations->max_ns = ns;
	durations->count++;
	durations->sum_ns += (double)ns;
	histogram_add(&durations->histogram, ns);
}

int64_t load_durations_quantile_ns(struct load_durations *durations, double quantile)
{
	int64_t ns = histogram_quantile(&durations->histogram, quantile);

	return ns < durations->max_ns ? ns : durations->max_ns;
}

double load_durations_quantile_us(struct load_durations *durations, double quantile)
{
	return (double)load_durations_quantile_ns(durations, quantile) / (double)NS_PER_US;
}
