#include "base/histogram.h"

int64_t histogram_bucket_most(unsigned bucket)
{
	uint64_t step = HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS;

	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	return (int64_t)(((step + 1) << (bucket / HISTOGRAM_STEPS - 1)) - 1);
}

void histogram_copy(struct histogram *to, struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		atomic_store_explicit(&to->buckets[i],
			atomic_load_explicit(&from->buckets[i], memory_order_relaxed),
			memory_order_relaxed);
}

void histogram_subtract(struct histogram *from, struct histogram *before)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		from->buckets[i] -= before->buckets[i];
}

void histogram_merge(struct histogram *to, struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		atomic_store_explicit(&to->buckets[i],
			atomic_load_explicit(&to->buckets[i], memory_order_relaxed) +
				atomic_load_explicit(&from->buckets[i], memory_order_relaxed),
			memory_order_relaxed);
}

int64_t histogram_quantile(struct histogram *histogram, double quantile)
{
	uint64_t total = 0, seen = 0;
	uint64_t rank;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += histogram->buckets[i];
	if (total == 0)
		return 0;
	rank = (uint64_t)(quantile * (double)total);
	rank += (double)rank < quantile * (double)total; /* how many did not exceed it */
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > 0 && seen >= rank)
			return histogram_bucket_most(i);
	}
	return histogram_bucket_most(HISTOGRAM_BUCKETS - 1);
}
