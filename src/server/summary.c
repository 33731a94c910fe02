/* Summary lines: what was done since the last ones, by each worker for each service, and for each service by all. */
#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

struct summary_line {
	struct log_field fields[SERVER_COUNTERS + 10];
	size_t count;
};

static void add_field(struct summary_line *line, struct log_field field)
{
	line->fields[line->count++] = field;
}

static int64_t percent(int64_t part_ns, int64_t whole_ns)
{
	return whole_ns > 0 ? (int64_t)(100.0 * (double)part_ns / (double)whole_ns) : 0;
}

/* The rate and the times of the requests that handlers ran on. */
static void add_times(
	struct summary_line *line, struct worker_counters *interval, int64_t elapsed_ns)
{
	double per_s;

	if (interval->requests == 0 || elapsed_ns == 0)
		return;
	per_s = (double)interval->requests * (double)NS_PER_S / (double)elapsed_ns;
	add_field(line, log_uint("per_s", (uint64_t)(per_s + 0.5)));
	add_field(line,
		log_int("wait_p50_us", histogram_quantile(&interval->wait_ns, 0.5) / NS_PER_US));
	add_field(line,
		log_int("wait_p99_us", histogram_quantile(&interval->wait_ns, 0.99) / NS_PER_US));
	add_field(line, log_int("service_p50_us",
				histogram_quantile(&interval->service_ns, 0.5) / NS_PER_US));
	add_field(line, log_int("service_p99_us",
				histogram_quantile(&interval->service_ns, 0.99) / NS_PER_US));
}

/* --- a worker's */

static void take_interval(struct worker *worker, unsigned place, int64_t now_ns, int64_t elapsed_ns,
	struct worker_counters *ret_interval)
{
	struct worker_counters *reported = &worker->reported[place], now;
	int64_t busy_ns;

	worker_counters_read(&worker->counters[place], now_ns, &now);
	*ret_interval = now;
	ret_interval->requests -= reported->requests;
	ret_interval->errors -= reported->errors;
	histogram_subtract(&ret_interval->wait_ns, &reported->wait_ns);
	histogram_subtract(&ret_interval->service_ns, &reported->service_ns);
	busy_ns = now.busy_ns - reported->busy_ns;
	ret_interval->busy_ns = busy_ns < 0 ? 0 : busy_ns > elapsed_ns ? elapsed_ns : busy_ns;
	*reported = now;
}

static void log_worker(struct dgram_server *server, const struct worker *worker,
	const struct service *service, struct worker_counters *interval, int64_t elapsed_ns)
{
	struct summary_line line = { .count = 0 };

	if (interval->requests == 0 && interval->busy_ns == 0)
		return;
	add_field(&line, log_text("service", service->name));
	add_field(&line, log_int("interval_ms", elapsed_ns / NS_PER_MS));
	if (interval->requests > 0)
		add_field(&line, log_uint("requests", interval->requests));
	if (interval->errors > 0)
		add_field(&line, log_uint("errors", interval->errors));
	add_times(&line, interval, elapsed_ns);
	add_field(&line, log_int("busy_percent", percent(interval->busy_ns, elapsed_ns)));
	log_event_as(
		server->ring, server_worker_source(worker), EVENT_SUMMARY, line.fields, line.count);
}

/* --- a service's */

static void add_interval(struct worker_counters *total, struct worker_counters *interval)
{
	total->requests += interval->requests;
	total->busy_ns += interval->busy_ns;
	histogram_merge(&total->wait_ns, &interval->wait_ns);
	histogram_merge(&total->service_ns, &interval->service_ns);
}

/* Threads that run its handler, or may. */
static unsigned count_threads(const struct dgram_server *server, unsigned service)
{
	const struct service *of = &server->services[service];
	unsigned threads = 0;

	if (of->queue != NULL)
		return server->options.workers +
		       (server->options.receivers_assist ? of->helpers : 0);
	for (unsigned i = 0; i < server->sockets_count; i++)
		threads += server->listeners[i].service == service;
	return threads;
}

static void log_service(struct dgram_server *server, unsigned number, struct worker_counters *total,
	int64_t elapsed_ns)
{
	struct service *service = &server->services[number];
	int64_t busy = percent(total->busy_ns, elapsed_ns * count_threads(server, number));
	unsigned peak = service->queue != NULL ? queue_take_peak(service->queue) : 0;
	struct summary_line line = { .count = 0 };
	char waiting_for[512];

	add_field(&line, log_text("service", service->name));
	add_field(&line, log_int("interval_ms", elapsed_ns / NS_PER_MS));
	line.count += server_books_changes(server, number, &line.fields[line.count]);
	add_times(&line, total, elapsed_ns);
	if (busy > 0)
		add_field(&line, log_int("busy_percent", busy));
	if (peak > 0)
		add_field(&line, log_uint("queued_peak", peak));
	if (server_late_format(server, number, waiting_for, sizeof(waiting_for)) > 0)
		add_field(&line, log_text("waiting_for", waiting_for));
	log_event(server->ring, EVENT_SUMMARY, line.fields, line.count);
}

static void summarize_service(
	struct dgram_server *server, unsigned number, int64_t now_ns, int64_t elapsed_ns)
{
	const struct service *service = &server->services[number];
	struct worker_counters total = { 0 };

	for (unsigned i = 0; i < WORKER_OF_RECEIVER(server->sockets_count); i++) {
		struct worker *worker = server_worker(server, i);
		struct worker_counters interval;

		if (worker == NULL || !worker_serves(worker, service))
			continue;
		take_interval(worker, number, now_ns, elapsed_ns, &interval);
		log_worker(server, worker, service, &interval, elapsed_ns);
		add_interval(&total, &interval);
	}
	log_service(server, number, &total, elapsed_ns);
}

static void summarize(struct dgram_server *server)
{
	int64_t now_ns = sys_monotonic_ns();

	for (unsigned i = 0; i < server->services_count; i++)
		summarize_service(server, i, now_ns, now_ns - server->last_summary_ns);
	server->last_summary_ns = now_ns;
}

static void on_interval_over(void *context)
{
	struct dgram_server *server = context;

	summarize(server);
	events_set(&server->events, &server->summary_timer,
		server->summary_timer.due_ns + server->options.log_summary_interval_s * NS_PER_S);
}

void server_summary_plan(struct dgram_server *server)
{
	unsigned interval_s = server->options.log_summary_interval_s;

	server->summary_timer.call = on_interval_over;
	server->summary_timer.context = server;
	events_set(&server->events, &server->summary_timer,
		interval_s > 0 ? server->last_summary_ns + interval_s * NS_PER_S : INT64_MAX);
}

int dgram_server_summarize(struct dgram_server *server)
{
	int error = server_owner_enter_from_hook(server);

	if (error < 0)
		return error;
	summarize(server);
	if (server->summary_timer.set)
		server_summary_plan(server);
	server_owner_leave(server);
	return 0;
}
