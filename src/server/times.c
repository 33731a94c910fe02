/* How long a service's requests took, for the public. */
#include <errno.h>
#include <stdlib.h>

#include "server/server.h"

struct service_durations {
	struct histogram socket_wait, queue_wait, service;
};

/* Histograms of workers that ran nothing are not looked at, because that would take memory for them. */
static void add_worker(struct worker *worker, unsigned service, struct service_durations *to)
{
	struct worker_counters *counters;

	if (worker == NULL)
		return;
	counters = &worker->counters[service];
	if (atomic_load_explicit(&counters->requests, memory_order_relaxed) == 0)
		return;
	histogram_merge(&to->service, &counters->service_ns);
}

static void add_all_workers(
	struct dgram_server *server, unsigned service, struct service_durations *to)
{
	for (unsigned i = 0; i < DGRAM_WORKERS_MAX; i++)
		add_worker(pool_worker(&server->pool, i), service, to);
	for (unsigned i = 0; i < server->sockets_count; i++) {
		struct receiver *receiver = &server->listeners[i].receiver;

		if (server->listeners[i].service != service)
			continue;
		histogram_merge(&to->socket_wait, &receiver->socket_wait_ns);
		add_worker(receiver->worker, service, to);
	}
}

static size_t count_buckets(const struct histogram *copy)
{
	size_t count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += copy->buckets[i] > 0;
	return count;
}

/* Returns what is behind them. */
static struct dgram_bucket *put_buckets(const struct histogram *copy, struct dgram_bucket *at,
	const struct dgram_bucket **ret_buckets, size_t *ret_count)
{
	*ret_buckets = at;
	*ret_count = server_worker_stats_buckets(copy, at);
	return at + *ret_count;
}

int dgram_server_times(
	struct dgram_server *server, size_t service, struct dgram_service_times **ret_times)
{
	struct service_durations all = { .socket_wait = { .buckets = { 0 } } };
	struct dgram_service_times *times;
	struct dgram_bucket *at;

	if (service >= server->services_count)
		return -ENOENT;
	add_all_workers(server, (unsigned)service, &all);
	histogram_merge(&all.queue_wait, &server->services[service].queue_waits);
	times = malloc(sizeof(*times) + sizeof(*at) * (count_buckets(&all.socket_wait) +
							      count_buckets(&all.queue_wait) +
							      count_buckets(&all.service)));
	if (times == NULL)
		return -ENOMEM;
	at = (struct dgram_bucket *)(times + 1);
	times->name = server->services[service].name;
	at = put_buckets(
		&all.socket_wait, at, &times->socket_wait_ns, &times->socket_wait_ns_count);
	at = put_buckets(&all.queue_wait, at, &times->queue_wait_ns, &times->queue_wait_ns_count);
	(void)put_buckets(&all.service, at, &times->service_ns, &times->service_ns_count);
	*ret_times = times;
	return 0;
}
