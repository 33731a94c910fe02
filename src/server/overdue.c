/* Overdue handlers: a call that runs for longer than handler_timeout_ms is counted, once, and logged, one a second
 * for each service. It cannot be stopped, because its thread is ours. */
#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

/* An overdue call is seen after its time and a quarter at most. */
#define LOOKS_PER_TIMEOUT 4
/* At most 100 looks a second, each with a lock for each worker. */
#define LOOK_MIN_NS (10 * NS_PER_MS)

/* A handler that is overdue. */
struct overdue {
	unsigned service;
	union addr client;
	int64_t since_ns;
	bool first; /* it was not reported yet */
};

static bool is_overdue(struct worker *worker, int64_t before_ns, struct overdue *ret_overdue)
{
	struct running_call *call = &worker->running_call;
	bool overdue;

	lock_take(&call->lock);
	overdue = call->since_ns > 0 && call->since_ns <= before_ns;
	*ret_overdue =
		(struct overdue){ call->service, call->client, call->since_ns, !call->reported };
	call->reported = overdue;
	lock_release(&call->lock);
	return overdue;
}

static void log_overdue(struct dgram_server *server, const struct worker *worker,
	const struct overdue *overdue, int64_t now_ns)
{
	struct service *service = &server->services[overdue->service];
	uint64_t suppressed;

	if (!log_limit_pass(&service->overdue_limit, now_ns, &suppressed))
		return;
	log_event_as(server->ring, server_worker_source(worker), EVENT_HANDLER_OVERDUE,
		LOG_FIELDS(log_addr("client", &overdue->client), log_text("service", service->name),
			log_int("running_ms", (now_ns - overdue->since_ns) / NS_PER_MS),
			log_uint("suppressed", suppressed),
			log_text("hint", worker->only == NULL
						 ? "the pool is one worker short until it returns"
						 : "its socket is not read until it returns")));
}

static void look_at_calls(struct dgram_server *server, int64_t now_ns)
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

void server_overdue_check(struct dgram_server *server)
{
	if (server->options.handler_timeout_ms > 0)
		look_at_calls(server, sys_monotonic_ns());
	else
		for (unsigned i = 0; i < server->services_count; i++)
			atomic_store(&server->services[i].workers_overdue, 0);
	server_overdue_plan(server);
}

static void on_look_time(void *context)
{
	server_overdue_check(context);
}

void server_overdue_plan(struct dgram_server *server)
{
	int64_t interval_ns = server->options.handler_timeout_ms * NS_PER_MS / LOOKS_PER_TIMEOUT;

	atomic_store(&server->pool.shared.track_calls, interval_ns > 0);
	if (interval_ns > 0 && interval_ns < LOOK_MIN_NS)
		interval_ns = LOOK_MIN_NS;
	server->overdue_timer.call = on_look_time;
	server->overdue_timer.context = server;
	events_set(&server->events, &server->overdue_timer,
		interval_ns > 0 ? sys_monotonic_ns() + interval_ns : INT64_MAX);
}
