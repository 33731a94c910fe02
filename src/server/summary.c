/* Summary lines, at an interval. */
#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

static void log_worker(struct dgram_server *server, struct worker *worker, int64_t now_ns)
{
	struct worker_counters *reported = &worker->reported;
	struct worker_counters now;
	struct histogram interval;
	int64_t elapsed_ns = now_ns - server->last_summary_ns, busy_ns;

	worker_counters_read(worker, now_ns, &now);
	interval = now.service_ns;
	histogram_subtract(&interval, &reported->service_ns);
	busy_ns = now.busy_ns - reported->busy_ns;
	if (busy_ns < 0)
		busy_ns = 0;
	if (busy_ns > elapsed_ns)
		busy_ns = elapsed_ns;
	log_event_as(server->ring, server_worker_source(worker), EVENT_SUMMARY,
		LOG_FIELDS(log_uint("requests", now.requests - reported->requests),
			log_uint("errors", now.errors - reported->errors),
			log_int("busy_percent", elapsed_ns > 0 ? busy_ns * 100 / elapsed_ns : 0),
			log_int("service_p99_us", histogram_quantile(&interval, 0.99) / NS_PER_US),
			log_int("interval_ms", elapsed_ns / NS_PER_MS)));
	*reported = now;
}

/* By the measured time of its handler, the end of a full queue would expire: that length gains nothing.
 * Logged once. */
static void check_queue_length(struct dgram_server *server, struct service *service)
{
	struct queue_settings settings = server_options_queue(service, &server->options);
	int64_t max_wait_ns = service->max_wait_ms * NS_PER_MS, full_ns;
	struct queue_report report;

	queue_snapshot(service->queue, &report);
	full_ns = report.service_ewma_ns * service->capacity / settings.max_workers;
	if (max_wait_ns == 0 || full_ns <= max_wait_ns || service->length_reported)
		return;
	service->length_reported = true;
	log_event(server->ring, EVENT_QUEUE_TOO_LONG,
		LOG_FIELDS(log_text("service", service->name),
			log_uint("capacity", service->capacity),
			log_int("full_takes_ms", full_ns / NS_PER_MS),
			log_uint("max_wait_ms", service->max_wait_ms),
			log_text("hint", "lower queue.capacity or raise pool.workers")));
}

static void log_summary(void *context)
{
	struct dgram_server *server = context;
	int64_t now_ns = sys_monotonic_ns();

	for (unsigned i = 0; i < WORKER_OF_RECEIVER(server->sockets_count); i++) {
		struct worker *worker = server_worker(server, i);

		if (worker != NULL && (i >= DGRAM_WORKERS_MAX || i < server->options.workers))
			log_worker(server, worker, now_ns);
	}
	for (unsigned i = 0; i < server->services_count; i++) {
		server_books_log(server, i, EVENT_SUMMARY);
		if (server->services[i].queue != NULL)
			check_queue_length(server, &server->services[i]);
	}
	server->last_summary_ns = now_ns;
	events_set(&server->events, &server->summary_timer,
		server->summary_timer.due_ns + server->options.log_summary_interval_s * NS_PER_S);
}

void server_summary_plan(struct dgram_server *server)
{
	unsigned interval_s = server->options.log_summary_interval_s;

	server->summary_timer.call = log_summary;
	server->summary_timer.context = server;
	events_set(&server->events, &server->summary_timer,
		interval_s > 0 ? server->last_summary_ns + interval_s * NS_PER_S : INT64_MAX);
}
