/* What a worker counts, as another thread sees it. */
#include "engine/worker.h"

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
