/* What a worker counts, as another thread sees it. */
#include "engine/worker.h"

unsigned worker_counters_places(const struct worker *worker)
{
	return worker->only != NULL ? 1 : worker->shared->services_count;
}

unsigned worker_counters_place(const struct worker *worker, const struct service *service)
{
	return worker->only != NULL ? 0 : (unsigned)(service - worker->shared->services);
}

void worker_counters_begin(struct worker_counters *counters, int64_t now_ns)
{
	atomic_store_explicit(&counters->busy_since_ns, now_ns, memory_order_relaxed);
}

void worker_counters_end(struct worker_counters *counters, int64_t spent_ns)
{
	atomic_store_explicit(
		&counters->busy_ns, counters->busy_ns + spent_ns, memory_order_relaxed);
	atomic_store_explicit(&counters->busy_since_ns, 0, memory_order_relaxed);
}

void worker_counters_read(
	struct worker_counters *counters, int64_t now_ns, struct worker_counters *ret_counters)
{
	int64_t since_ns = atomic_load_explicit(&counters->busy_since_ns, memory_order_relaxed);
	int64_t busy_ns = atomic_load_explicit(&counters->busy_ns, memory_order_relaxed);

	if (since_ns > 0 && since_ns < now_ns)
		busy_ns += now_ns - since_ns;
	ret_counters->requests = atomic_load_explicit(&counters->requests, memory_order_relaxed);
	ret_counters->errors = atomic_load_explicit(&counters->errors, memory_order_relaxed);
	ret_counters->busy_ns = busy_ns;
	ret_counters->busy_since_ns = 0;
	histogram_copy(&ret_counters->wait_ns, &counters->wait_ns);
	histogram_copy(&ret_counters->service_ns, &counters->service_ns);
}
