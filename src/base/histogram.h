/* A histogram of durations, for quantiles with an error of at most one part in 32. One thread
 * adds, or several by histogram_add_shared() alone; any thread may read at the same time. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

/* Buckets for each power of two, from 0 ns up to 2^40 ns (18 minutes); longer durations are in the last. */
#define HISTOGRAM_STEPS_LOG2 5
#define HISTOGRAM_STEPS (1u << HISTOGRAM_STEPS_LOG2)
#define HISTOGRAM_BUCKETS ((40 - HISTOGRAM_STEPS_LOG2 + 1) * HISTOGRAM_STEPS)

struct histogram {
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(int64_t ns)
{
	uint64_t value = (uint64_t)ns;
	unsigned exponent, bucket;

	if (ns < (int64_t)HISTOGRAM_STEPS)
		return ns < 0 ? 0 : (unsigned)ns;
	exponent = (63u ^ (unsigned)__builtin_clzll(value)) - HISTOGRAM_STEPS_LOG2;
	bucket = exponent * HISTOGRAM_STEPS + (unsigned)(value >> exponent);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The same duration `count` times. A plain load and store: only one thread adds. Thread: that one. */
static inline void histogram_add_many(struct histogram *histogram, int64_t ns, unsigned count)
{
	_Atomic uint64_t *bucket = &histogram->buckets[histogram_bucket(ns)];

	atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + count,
		memory_order_relaxed);
}

/* The same where several threads add. */
static inline void histogram_add_shared(struct histogram *histogram, int64_t ns, unsigned count)
{
	atomic_fetch_add_explicit(
		&histogram->buckets[histogram_bucket(ns)], count, memory_order_relaxed);
}

static inline void histogram_add(struct histogram *histogram, int64_t ns)
{
	histogram_add_many(histogram, ns, 1);
}

/* The longest duration in ns that a bucket holds. */
int64_t histogram_bucket_most(unsigned bucket);

/* What was added to `now` since `before` was copied from it. Thread: any, for `now`. */
void histogram_copy(struct histogram *to, struct histogram *from);
void histogram_subtract(struct histogram *from, struct histogram *before);

/* Add all of one to a copy of another. Thread: any, for `from`. */
void histogram_merge(struct histogram *to, struct histogram *from);

/* The duration in ns that a share `quantile` (0 to 1) did not exceed: its bucket's upper end; 0
 * when there are none. Thread: the owner of a copy. */
int64_t histogram_quantile(struct histogram *histogram, double quantile);

#endif
