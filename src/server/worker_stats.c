/* What a server's workers have done, for the public. */
#include <errno.h>
#include <stdlib.h>

#include "base/sys.h"
#include "server/server.h"

struct worker *server_worker_stats_find(struct dgram_server *server, size_t index)
{
	for (unsigned i = 0; i < WORKER_OF_RECEIVER(server->sockets_count); i++) {
		struct worker *worker = i < DGRAM_WORKERS_MAX ? pool_worker(&server->pool, i)
							      : server_worker(server, i);

		if (worker != NULL && index-- == 0)
			return worker;
	}
	return NULL;
}

static uint64_t read_relaxed(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* The batch of this service that it is in. */
static void add_batch(
	const struct worker *worker, unsigned service, struct dgram_worker_stats *stats)
{
	int64_t since_ns = atomic_load_explicit(
		&worker->counters[service].busy_since_ns, memory_order_relaxed);
	int64_t now_ns;

	if (since_ns == 0)
		return;
	now_ns = sys_monotonic_ns();
	stats->step_ns = now_ns > since_ns ? (uint64_t)(now_ns - since_ns) : 1;
	stats->step_service = worker->shared->services[service].name;
	stats->busy_ns += stats->step_ns;
}

/* Of all services together. What it never ran is not looked at, because that would take memory for it. */
static void add_counters(
	struct worker *worker, struct dgram_worker_stats *stats, struct histogram *service_ns)
{
	for (unsigned i = 0; i < worker->shared->services_count; i++) {
		struct worker_counters *counters = &worker->counters[i];
		uint64_t requests = read_relaxed(&counters->requests);

		stats->requests += requests;
		stats->errors += read_relaxed(&counters->errors);
		stats->busy_ns +=
			(uint64_t)atomic_load_explicit(&counters->busy_ns, memory_order_relaxed);
		add_batch(worker, i, stats);
		if (requests > 0)
			histogram_merge(service_ns, &counters->service_ns);
	}
}

size_t server_worker_stats_buckets(const struct histogram *copy, struct dgram_bucket *buckets)
{
	size_t count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (copy->buckets[i] == 0)
			continue;
		buckets[count].most_ns = (uint64_t)histogram_bucket_most(i);
		buckets[count++].count = copy->buckets[i];
	}
	return count;
}

int dgram_server_worker_stats(
	struct dgram_server *server, size_t index, struct dgram_worker_stats **ret_stats)
{
	/* In one piece. */
	struct {
		struct dgram_worker_stats stats;
		struct dgram_bucket buckets[HISTOGRAM_BUCKETS];
	} * all;
	struct worker *worker = server_worker_stats_find(server, index);
	struct histogram service_ns = { .buckets = { 0 } };

	if (worker == NULL)
		return -ENOENT;
	all = malloc(sizeof(*all));
	if (all == NULL)
		return -ENOMEM;
	all->stats = (struct dgram_worker_stats){ .number = worker->number };
	add_counters(worker, &all->stats, &service_ns);
	all->stats.overdue = server_overdue_is(worker);
	all->stats.service_ns = all->buckets;
	all->stats.service_ns_count = server_worker_stats_buckets(&service_ns, all->buckets);
	*ret_stats = &all->stats;
	return 0;
}
