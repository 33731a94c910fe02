/* Watching handlers: one that runs for longer than handler_timeout_ms is logged and counted, once.
 * It cannot be stopped, for its thread is ours. */
#include "server/server.h"

/* So an overdue handler is seen after at most a quarter more than its time. */
#define LOOKS_PER_TIMEOUT 4
#define LOOK_MIN_NS (10 * NS_PER_MS)

/* A handler that is overdue. */
struct overdue {
	unsigned service;
	union addr client;
	int64_t since_ns;
	bool first; /* it is seen for the first time */
};

static bool is_overdue(struct worker *worker, int64_t before_ns, struct overdue *ret_overdue)
{
	struct worker_watch *watch = &worker->watch;
	bool overdue;

	lock_take(&watch->lock);
	overdue = watch->since_ns > 0 && watch->since_ns <= before_ns;
	*ret_overdue =
		(struct overdue){ watch->service, watch->client, watch->since_ns, !watch->told };
	watch->told = overdue;
	lock_release(&watch->lock);
	return overdue;
}

static void log_overdue(struct dgram_server *server, const struct worker *worker,
	const struct overdue *overdue, int64_t now_ns)
{
	log_event_as(server->ring, server_worker_source(worker), EVENT_HANDLER_OVERDUE,
		LOG_FIELDS(log_addr("client", &overdue->client),
			log_text("service", server->services[overdue->service].name),
			log_int("running_ms", (now_ns - overdue->since_ns) / NS_PER_MS),
			log_text("hint", worker->only == NULL
						 ? "the pool is one worker short until it returns"
						 : "its socket is not read until it returns")));
}

static void look(struct dgram_server *server, int64_t now_ns)
{
	int64_t before_ns = now_ns - server->options.handler_timeout_ms * NS_PER_MS;
	unsigned counts[DGRAM_SERVICES_MAX] = { 0 };

	for (unsigned i = 0; i < WORKER_OF_RECEIVER(server->sockets_count); i++) {
		struct worker *worker = server_worker(server, i);
		struct overdue overdue;

		if (worker == NULL || !is_overdue(worker, before_ns, &overdue))
			continue;
		counts[overdue.service]++;
		if (!overdue.first)
			continue;
		atomic_fetch_add(&server->services[overdue.service].overdue, 1);
		log_overdue(server, worker, &overdue, now_ns);
	}
	for (unsigned i = 0; i < server->services_count; i++)
		atomic_store(&server->services[i].workers_overdue, counts[i]);
}

void server_watch(struct dgram_server *server, int64_t now_ns)
{
	if (server->options.handler_timeout_ms > 0)
		look(server, now_ns);
	else
		for (unsigned i = 0; i < server->services_count; i++)
			atomic_store(&server->services[i].workers_overdue, 0);
	server_plan_watch(server, now_ns);
}

void server_plan_watch(struct dgram_server *server, int64_t now_ns)
{
	int64_t interval_ns = server->options.handler_timeout_ms * NS_PER_MS / LOOKS_PER_TIMEOUT;

	atomic_store(&server->pool.shared.watched, interval_ns > 0);
	if (interval_ns > 0 && interval_ns < LOOK_MIN_NS)
		interval_ns = LOOK_MIN_NS;
	server->next_watch_ns = interval_ns > 0 ? now_ns + interval_ns : INT64_MAX;
}
