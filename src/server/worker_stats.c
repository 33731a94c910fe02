/* What a server's workers have done, for the public. */
#include <errno.h>
#include <stdlib.h>

#include "base/sys.h"
#include "server/server.h"

/* The pool's first, then those of receivers; NULL: there are not so many. */
static struct worker *find_worker(struct dgram_server *server, size_t index)
{
	for (unsigned i = 0; i < WORKER_OF_RECEIVER(server->sockets_count); i++) {
		struct worker *worker = i < DGRAM_WORKERS_MAX ? pool_worker(&server->pool, i)
							      : server_worker(server, i);

		if (worker != NULL && index-- == 0)
			return worker;
	}
	return NULL;
}

/* Of all services together. */
static void add_counters(struct worker *worker, struct worker_counters *ret_counters)
{
	int64_t now_ns = sys_monotonic_ns();

	*ret_counters = (struct worker_counters){ 0 };
	for (unsigned i = 0; i < worker->shared->services_count; i++) {
		struct worker_counters of_service;

		worker_counters_read(&worker->counters[i], now_ns, &of_service);
		ret_counters->requests += of_service.requests;
		ret_counters->errors += of_service.errors;
		ret_counters->busy_ns += of_service.busy_ns;
		histogram_merge(&ret_counters->service_ns, &of_service.service_ns);
	}
}

static size_t copy_buckets(const struct worker_counters *counters, struct dgram_bucket *buckets)
{
	size_t count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (counters->service_ns.buckets[i] == 0)
			continue;
		buckets[count].most_ns = (uint64_t)histogram_bucket_most(i);
		buckets[count++].count = counters->service_ns.buckets[i];
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
	struct worker *worker = find_worker(server, index);
	struct worker_counters counters;

	if (worker == NULL)
		return -ENOENT;
	all = malloc(sizeof(*all));
	if (all == NULL)
		return -ENOMEM;
	add_counters(worker, &counters);
	all->stats = (struct dgram_worker_stats){
		.number = worker->number,
		.requests = counters.requests,
		.errors = counters.errors,
		.busy_ns = (uint64_t)counters.busy_ns,
		.service_ns = all->buckets,
		.service_ns_count = copy_buckets(&counters, all->buckets),
	};
	*ret_stats = &all->stats;
	return 0;
}
