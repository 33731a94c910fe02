/* What to do about losses, with the figures of the last second. */
#include <stdio.h>

#include "base/clock.h"
#include "server/server.h"

/* Workers that are busy for more of their time let the queue grow. */
#define BUSY_SHARE 0.9

/* "20 ms", "1.5 ms", "350 us" */
static void format_duration(int64_t ns, char text[static 24])
{
	if (ns >= 10 * NS_PER_MS)
		(void)snprintf(text, 24, "%lld ms", (long long)((ns + NS_PER_MS / 2) / NS_PER_MS));
	else if (ns >= NS_PER_MS)
		(void)snprintf(text, 24, "%.1f ms", (double)ns / (double)NS_PER_MS);
	else
		(void)snprintf(text, 24, "%lld us", (long long)((ns + NS_PER_US - 1) / NS_PER_US));
}

static uint64_t rate_lately(const struct service_load *load)
{
	return load->arrived > load->arrived_before ? load->arrived : load->arrived_before;
}

static int64_t need_of(const struct service_load *load)
{
	return (int64_t)rate_lately(load) * load->each_ns;
}

/* Rounded up, and so that there is a little room. */
static uint64_t workers_for(int64_t need_ns)
{
	return (uint64_t)((double)need_ns / (double)NS_PER_S / BUSY_SHARE) + 1;
}

static int64_t need_of_all(const struct dgram_server *server)
{
	int64_t need_ns = 0;

	for (unsigned i = 0; i < server->services_count; i++)
		if (server->services[i].queue != NULL)
			need_ns += need_of(&server->losses[i].load);
	return need_ns;
}

static void advise_pool(const struct dgram_server *server, unsigned number, unsigned reason,
	char text[static SERVER_ADVICE_MAX])
{
	const struct service_load *load = &server->losses[number].load;
	unsigned pool = server->options.workers, limit = server->services[number].max_workers;
	unsigned workers = limit > 0 && limit < pool ? limit : pool;
	uint64_t needed = workers_for(need_of(load)), all = workers_for(need_of_all(server));
	unsigned long long rate = rate_lately(load);
	char each[24];

	format_duration(load->each_ns, each);
	if (load->served == 0 && load->running > 0)
		(void)snprintf(text, SERVER_ADVICE_MAX,
			"no handler returned in the last second, and %llu requests are in their "
			"hands: find what they wait for",
			(unsigned long long)load->running);
	else if (load->each_ns == 0)
		(void)snprintf(text, SERVER_ADVICE_MAX,
			"no handler has run yet: see whether the process was stopped, or gets too "
			"little of a processor");
	else if (rate == 0)
		(void)snprintf(text, SERVER_ADVICE_MAX,
			"requests of %s each came in a burst: raise %s", each,
			"pool.workers or queue.max_wait_ms");
	else if (needed > workers)
		(void)snprintf(text, SERVER_ADVICE_MAX,
			"%llu/s at %s need about %llu workers; there are %u: raise %s", rate, each,
			(unsigned long long)needed, workers,
			workers < pool ? "max_workers" : "pool.workers");
	else if (all > pool)
		(void)snprintf(text, SERVER_ADVICE_MAX,
			"all services together need about %llu workers; there are %u: raise "
			"pool.workers, or limit the slow ones by max_workers",
			(unsigned long long)all, pool);
	else
		(void)snprintf(text, SERVER_ADVICE_MAX,
			"%llu/s at %s need about %llu of the %u workers: it is a burst, or some took "
			"far longer; raise %s",
			rate, each, (unsigned long long)needed, workers,
			reason == DROP_QUEUE_FULL ? "queue.capacity"
						  : "pool.workers or queue.max_wait_ms");
}

/* Of the open sockets of a service the smallest. */
static unsigned granted_bytes(const struct dgram_server *server, unsigned service)
{
	unsigned least = 0;

	for (unsigned i = 0; i < server->sockets_count; i++) {
		unsigned bytes = server->sockets[i].receive_buffer_bytes / 2;

		if (server->listeners[i].service == service && bytes > 0 &&
			(least == 0 || bytes < least))
			least = bytes;
	}
	return least;
}

static void advise_buffer(const struct dgram_server *server, unsigned service, const char *advice,
	char text[static SERVER_ADVICE_MAX])
{
	unsigned granted = granted_bytes(server, service);
	unsigned asked = server->options.receive_buffer_bytes;

	if (granted == 0) /* none is open now */
		(void)snprintf(text, SERVER_ADVICE_MAX, "%s", advice);
	else if (granted < asked)
		(void)snprintf(text, SERVER_ADVICE_MAX,
			"the kernel granted %u of the %u bytes of socket.receive_buffer_bytes: raise "
			"net.core.rmem_max",
			granted, asked);
	else
		(void)snprintf(text, SERVER_ADVICE_MAX, "the buffer of %u bytes was full: %s",
			granted, advice);
}

static bool is_caused_by_load(unsigned reason)
{
	return reason == DROP_QUEUE_FULL || reason == DROP_EXPIRED;
}

void server_advice(const struct dgram_server *server, unsigned service, unsigned reason,
	const char *advice, char text[static SERVER_ADVICE_MAX])
{
	const struct service *of = &server->services[service];

	if (is_caused_by_load(reason) && of->queue != NULL)
		advise_pool(server, service, reason, text);
	else if (of->queue == NULL &&
		 (is_caused_by_load(reason) || reason == SERVER_LOST_BY_KERNEL))
		(void)snprintf(text, SERVER_ADVICE_MAX,
			"%llu/s were served by receivers that run the handler themselves: raise "
			"receivers, or have the pool do it, with concurrency pool",
			(unsigned long long)server->losses[service].load.served);
	else if (reason == SERVER_LOST_BY_KERNEL)
		advise_buffer(server, service, advice, text);
	else
		(void)snprintf(text, SERVER_ADVICE_MAX, "%s", advice);
}
