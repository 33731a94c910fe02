/* What a server tells of itself: its books, and the lines about them. */
#include <errno.h>
#include <stdio.h>

#include "base/sys.h"
#include "pipeline/server.h"

static uint64_t kernel_drops(const struct dgram_server *server, unsigned service)
{
	uint64_t drops = 0;

	for (unsigned i = 0; i < server->sockets_count; i++)
		if (server->listeners[i].service == service && server->sockets[i].fd >= 0)
			drops += socket_kernel_drops(&server->sockets[i]);
	return drops;
}

int dgram_server_stats(struct dgram_server *server, size_t service, unsigned abi,
	struct dgram_service_stats *ret_stats)
{
	struct queue_report report;
	struct service *books;

	_Static_assert((int)DROP_COUNT < DGRAM_REASONS_MAX && (int)FAIL_COUNT < DGRAM_REASONS_MAX,
		"room for the NULL at the end");
	if (abi != DGRAM_ABI)
		return -EINVAL;
	if (service >= server->services_count)
		return -ENOENT;
	books = &server->services[service];
	queue_snapshot(books->queue, &report);
	*ret_stats = (struct dgram_service_stats){
		.name = books->name,
		.received = report.ledger.received,
		.replied = report.ledger.replied,
		.no_reply = report.ledger.no_reply,
		.queued = report.ledger.queued,
		.running = report.ledger.running,
		.queued_max = report.queued_max,
		.busy_replied = atomic_load(&books->busy_replied),
		.handlers_overdue = atomic_load(&books->overdue),
		.workers_overdue = atomic_load(&books->workers_overdue),
		.dropped_by_kernel = kernel_drops(server, (unsigned)service),
	};
	for (int i = 0; i < DROP_COUNT; i++)
		ret_stats->dropped[i] =
			(struct dgram_reason){ ledger_drop_names[i], report.ledger.dropped[i] };
	for (int i = 0; i < FAIL_COUNT; i++)
		ret_stats->failed[i] =
			(struct dgram_reason){ ledger_failure_names[i], report.ledger.failed[i] };
	return 0;
}

uint64_t dgram_server_log_lines_lost(struct dgram_server *server)
{
	return log_lost(server->log);
}

/* The books of a service as one line: every reason is there, whether it happened or not. */
static void log_books(struct dgram_server *server, unsigned service, const char *event)
{
	char keys[DROP_COUNT + FAIL_COUNT][48];
	struct log_field fields[DROP_COUNT + FAIL_COUNT + 12];
	struct service *books = &server->services[service];
	struct queue_report report;
	size_t n = 0, k = 0;

	queue_snapshot(books->queue, &report);
	fields[n++] = log_text("service", books->name);
	fields[n++] = log_uint("received", report.ledger.received);
	fields[n++] = log_uint("replied", report.ledger.replied);
	fields[n++] = log_uint("no_reply", report.ledger.no_reply);
	for (int i = 0; i < DROP_COUNT; i++, k++) {
		(void)snprintf(keys[k], sizeof(keys[k]), "dropped_%s", ledger_drop_names[i]);
		fields[n++] = log_uint(keys[k], report.ledger.dropped[i]);
	}
	for (int i = 0; i < FAIL_COUNT; i++, k++) {
		(void)snprintf(keys[k], sizeof(keys[k]), "failed_%s", ledger_failure_names[i]);
		fields[n++] = log_uint(keys[k], report.ledger.failed[i]);
	}
	fields[n++] = log_uint("queued", report.ledger.queued);
	fields[n++] = log_uint("running", report.ledger.running);
	fields[n++] = log_uint("queued_max", report.queued_max);
	fields[n++] = log_uint("busy_replied", atomic_load(&books->busy_replied));
	fields[n++] = log_uint("handlers_overdue", atomic_load(&books->overdue));
	fields[n++] = log_uint("workers_overdue", atomic_load(&books->workers_overdue));
	fields[n++] = log_uint("dropped_by_kernel", kernel_drops(server, service));
	fields[n++] = log_uint("log_lines_lost", log_lost(server->log));
	log_event(server->ring, LOG_LEVEL_INFO, event, fields, n);
}

void server_log_ledger(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++)
		log_books(server, i, "ledger");
}

/* The worker's counters now, with the time of the step that it is in. */
static void read_counters(struct worker *worker, int64_t now_ns, struct worker_counters *ret)
{
	struct worker_counters *counters = &worker->counters;
	int64_t since_ns = atomic_load_explicit(&counters->busy_since_ns, memory_order_relaxed);

	ret->requests = atomic_load_explicit(&counters->requests, memory_order_relaxed);
	ret->errors = atomic_load_explicit(&counters->errors, memory_order_relaxed);
	ret->busy_ns = atomic_load_explicit(&counters->busy_ns, memory_order_relaxed);
	if (since_ns > 0 && since_ns < now_ns)
		ret->busy_ns += now_ns - since_ns;
	histogram_copy(&ret->service_ns, &counters->service_ns);
}

static void log_worker(struct dgram_server *server, struct worker *worker, int64_t now_ns)
{
	const struct log_head head = { LOG_LEVEL_INFO, LOG_WORKER, worker->number };
	struct worker_counters *reported = &worker->reported;
	struct worker_counters now;
	struct histogram interval;
	int64_t elapsed_ns = now_ns - server->last_summary_ns, busy_ns;

	read_counters(worker, now_ns, &now);
	interval = now.service_ns;
	histogram_subtract(&interval, &reported->service_ns);
	busy_ns = now.busy_ns - reported->busy_ns;
	if (busy_ns < 0)
		busy_ns = 0;
	if (busy_ns > elapsed_ns)
		busy_ns = elapsed_ns;
	log_event_as(server->ring, head, "summary",
		LOG_FIELDS(log_uint("requests", now.requests - reported->requests),
			log_uint("errors", now.errors - reported->errors),
			log_int("busy_percent", elapsed_ns > 0 ? busy_ns * 100 / elapsed_ns : 0),
			log_int("service_p99_us", histogram_quantile(&interval, 0.99) / NS_PER_US),
			log_int("interval_ms", elapsed_ns / NS_PER_MS)));
	*reported = now;
}

void server_plan_summary(struct dgram_server *server)
{
	unsigned interval_s = server->options.log_summary_interval_s;

	server->next_summary_ns = interval_s > 0 ? server->last_summary_ns + interval_s * NS_PER_S
						 : INT64_MAX;
}

/* By the measured time of its handler: a queue that is full holds what will expire, and nothing
 * else is gained by its length. Said once. */
static void check_length(struct dgram_server *server, struct service *service)
{
	struct queue_settings settings = server_queue_settings(service, server->options.workers);
	struct queue_report report;
	int64_t full_ns;

	queue_snapshot(service->queue, &report);
	full_ns = report.mean_ns * service->capacity / settings.max_workers;
	if (settings.max_wait_ns == 0 || full_ns <= settings.max_wait_ns || service->told_too_long)
		return;
	service->told_too_long = true;
	log_event(server->ring, LOG_LEVEL_WARN, "queue longer than its deadline",
		LOG_FIELDS(log_text("service", service->name),
			log_uint("capacity", service->capacity),
			log_int("full_takes_ms", full_ns / NS_PER_MS),
			log_uint("max_wait_ms", service->max_wait_ms),
			log_text("hint", "lower queue.capacity or raise pool.workers")));
}

void server_log_summary(struct dgram_server *server, int64_t now_ns)
{
	for (unsigned i = 0; i < server->options.workers; i++)
		log_worker(server, server->pool.members[i].worker, now_ns);
	for (unsigned i = 0; i < server->services_count; i++) {
		log_books(server, i, "summary");
		check_length(server, &server->services[i]);
	}
	server->last_summary_ns = now_ns;
	server->next_summary_ns += server->options.log_summary_interval_s * NS_PER_S;
}
