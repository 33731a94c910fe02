/* Overdue handlers: a call that runs for longer than handler_timeout_ms is counted, once, and logged, one a second
 * for each service. It cannot be stopped, because its thread is ours. */
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "base/thread_look.h"
#include "server/server.h"

/* An overdue call is seen after its time and a quarter at most. */
#define LOOKS_PER_TIMEOUT 4
/* At most 100 looks a second, each with a lock for each worker. */
#define LOOK_MIN_NS (10 * NS_PER_MS)

/* A handler that is overdue. */
struct overdue {
	struct worker *worker;
	unsigned service;
	union addr client;
	int64_t since_ns;
	bool counted, told; /* before */
	int64_t cpu_ns;	    /* of its thread when the call was first seen */
};

static bool is_overdue(struct worker *worker, int64_t before_ns, struct overdue *ret_overdue)
{
	struct running_call *call = &worker->running_call;
	bool overdue;

	lock_take(&call->lock);
	if (call->since_ns > 0 && !call->seen) {
		call->seen = true;
		call->cpu_ns = thread_look_cpu_ns(atomic_load(&worker->recorder.thread));
	}
	overdue = call->since_ns > 0 && call->since_ns <= before_ns;
	*ret_overdue = (struct overdue){ worker, call->service, call->client, call->since_ns,
		call->counted, call->told, call->cpu_ns };
	call->counted |= overdue;
	lock_release(&call->lock);
	return overdue;
}

static void note_told(const struct overdue *overdue)
{
	struct running_call *call = &overdue->worker->running_call;

	lock_take(&call->lock);
	call->told |= call->since_ns == overdue->since_ns;
	lock_release(&call->lock);
}

static int64_t cpu_ms(pid_t thread, int64_t before_ns)
{
	return (thread_look_cpu_ns(thread) - before_ns) / NS_PER_MS;
}

static void log_overdue(struct dgram_server *server, const struct overdue *overdue, int64_t now_ns)
{
	struct service *service = &server->services[overdue->service];
	pid_t thread = atomic_load(&overdue->worker->recorder.thread);
	uint64_t suppressed, counted = atomic_load(&service->overdue);
	char does[THREAD_LOOK_MAX];

	if (!log_limit_pass(&service->overdue_limit, now_ns, &suppressed))
		return;
	note_told(overdue);
	suppressed = counted > service->overdue_told ? counted - service->overdue_told - 1 : 0;
	service->overdue_told = counted;
	log_event_as(server->ring, server_worker_source(overdue->worker), EVENT_HANDLER_OVERDUE,
		LOG_FIELDS(log_addr("client", &overdue->client), log_text("service", service->name),
			log_int("running_ms", (now_ns - overdue->since_ns) / NS_PER_MS),
			log_text("thread", thread_look(thread, does)),
			log_int("cpu_ms", cpu_ms(thread, overdue->cpu_ns)),
			log_uint("suppressed", suppressed),
			log_text("hint", overdue->worker->only == NULL
						 ? "the pool is one worker short until it returns"
						 : "its socket is not read until it returns")));
	server_records_log(server, server->ring, overdue->worker);
}

bool server_overdue_is(struct worker *worker)
{
	struct running_call *call = &worker->running_call;
	bool overdue;

	lock_take(&call->lock);
	overdue = call->since_ns > 0 && call->counted;
	lock_release(&call->lock);
	return overdue;
}

void server_overdue_show(struct worker *worker, struct dgram_worker_requests *shown)
{
	struct running_call *call = &worker->running_call;
	pid_t thread = atomic_load(&worker->recorder.thread);
	int64_t now_ns = sys_monotonic_ns(), seen_ns = -1;

	(void)thread_look(thread, shown->thread);
	lock_take(&call->lock);
	if (call->since_ns > 0) {
		shown->service = worker->shared->services[call->service].name;
		memcpy(&shown->client, &call->client, sizeof(call->client));
		shown->running_ns = now_ns > call->since_ns ? (uint64_t)(now_ns - call->since_ns)
							    : 1;
		shown->overdue = call->counted;
		seen_ns = call->seen ? call->cpu_ns : -1;
	}
	lock_release(&call->lock);
	if (seen_ns >= 0)
		shown->cpu_ns = (uint64_t)(thread_look_cpu_ns(thread) - seen_ns);
}

/* Of each service the call that runs for longest, and was not told yet, is told: one that hangs is found among any number
 * that are only slow. */
static void look_at_calls(struct dgram_server *server, int64_t now_ns)
{
	int64_t before_ns = now_ns - server->options.handler_timeout_ms * NS_PER_MS;
	struct overdue longest[DGRAM_SERVICES_MAX] = { { 0 } };
	unsigned counts[DGRAM_SERVICES_MAX] = { 0 };

	for (unsigned i = 0; i < WORKER_OF_RECEIVER(server->sockets_count); i++) {
		struct worker *worker = server_worker(server, i);
		struct overdue overdue, *of;

		if (worker == NULL || !is_overdue(worker, before_ns, &overdue))
			continue;
		of = &longest[overdue.service];
		counts[overdue.service]++;
		if (!overdue.counted)
			atomic_fetch_add(&server->services[overdue.service].overdue, 1);
		if (!overdue.told && (of->since_ns == 0 || overdue.since_ns < of->since_ns))
			*of = overdue;
	}
	for (unsigned i = 0; i < server->services_count; i++) {
		atomic_store(&server->services[i].workers_overdue, counts[i]);
		if (longest[i].since_ns > 0)
			log_overdue(server, &longest[i], now_ns);
	}
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
