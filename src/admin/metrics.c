/* DESIGN: the books of each service are read once a scrape, so what a scrape says of a service balances. Series come
 * from services, workers, sockets and reasons, which the configuration and the tables of the source decide: nothing that
 * a stranger sends makes one. All reasons are there from the start. */
#include "admin/metrics.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "admin/metric.h"
#include "admin/view.h"
#include "base/addr.h"

#define NAME_MAX_BYTES 96

struct scrape {
	FILE *file;
	struct admin *admin;
	struct admin_state state;
	struct dgram_service_stats *services[DGRAM_SERVICES_MAX];
	size_t count;
};

/* --- services */

static bool is_in(const struct dgram_reason *reasons, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(reasons[i].name, name) == 0)
			return true;
	return false;
}

/* A figure that a reason's family has. */
static bool is_reason(const struct dgram_service_stats *stats, const char *name)
{
	if (strncmp(name, "dropped_", 8) == 0)
		return is_in(stats->dropped, stats->dropped_count, name + 8);
	return strncmp(name, "failed_", 7) == 0 &&
	       is_in(stats->failed, stats->failed_count, name + 7);
}

/* What counts datagrams says so, and what only grows ends in _total. */
static void name_family(const struct dgram_counter *counter, char name[static NAME_MAX_BYTES])
{
	(void)snprintf(name, NAME_MAX_BYTES, "dgramd_%s%s%s",
		strcmp(counter->unit, "datagrams") == 0 ? "datagrams_" : "", counter->name,
		counter->kind == DGRAM_COUNT ? "_total" : "");
}

static void put_figures(const struct scrape *scrape)
{
	const struct dgram_service_stats *first = scrape->services[0];
	char name[NAME_MAX_BYTES];

	for (size_t k = 0; k < first->counters_count; k++) {
		const struct dgram_counter *counter = &first->counters[k];

		if (is_reason(first, counter->name) || strcmp(counter->name, "log_lines_lost") == 0)
			continue;
		name_family(counter, name);
		metric_family(scrape->file, name,
			counter->kind == DGRAM_COUNT ? "counter" : "gauge", counter->sentence);
		for (size_t i = 0; i < scrape->count; i++)
			metric_count(scrape->file, name,
				METRIC_LABELS({ "service", scrape->services[i]->name }),
				scrape->services[i]->counters[k].value);
	}
}

static void put_reasons(FILE *file, const char *name, const char *service,
	const struct dgram_reason *reasons, size_t count)
{
	for (size_t i = 0; i < count; i++)
		metric_count(file, name,
			METRIC_LABELS({ "service", service }, { "reason", reasons[i].name }),
			reasons[i].count);
}

static void put_losses(const struct scrape *scrape)
{
	static const char dropped[] = "dgramd_datagrams_dropped_total";
	static const char failed[] = "dgramd_datagrams_failed_total";

	metric_family(scrape->file, dropped, "counter",
		"Datagrams dropped before the handler ran, or their reply, by reason.");
	for (size_t i = 0; i < scrape->count; i++)
		put_reasons(scrape->file, dropped, scrape->services[i]->name,
			scrape->services[i]->dropped, scrape->services[i]->dropped_count);
	metric_family(scrape->file, failed, "counter",
		"Datagrams that the handler failed, or whose reply could not be sent, by reason.");
	for (size_t i = 0; i < scrape->count; i++)
		put_reasons(scrape->file, failed, scrape->services[i]->name,
			scrape->services[i]->failed, scrape->services[i]->failed_count);
}

/* --- times */

struct duration_family {
	const char *name, *help;
	size_t buckets, count; /* where they stand in the times of a service */
};

#define DURATION(field)                              \
	offsetof(struct dgram_service_times, field), \
		offsetof(struct dgram_service_times, field##_count)

static const struct duration_family duration_families[] = {
	{ "dgramd_socket_wait_seconds",
		"From the arrival in the kernel to the reception, of datagrams let in.",
		DURATION(socket_wait_ns) },
	{ "dgramd_queue_wait_seconds",
		"From the reception to the handler, of requests that were run.",
		DURATION(queue_wait_ns) },
	{ "dgramd_service_time_seconds", "How long the handler took.", DURATION(service_ns) },
};

static void put_durations(
	FILE *file, const struct duration_family *family, const struct dgram_service_times *times)
{
	const char *of = (const char *)times;

	metric_durations(file, family->name, times->name,
		*(const struct dgram_bucket *const *)(const void *)(of + family->buckets),
		*(const size_t *)(const void *)(of + family->count));
}

static void put_times(const struct scrape *scrape)
{
	struct dgram_service_times *times[DGRAM_SERVICES_MAX];
	size_t count = 0;

	while (count < DGRAM_SERVICES_MAX &&
		dgram_server_times(scrape->admin->server, count, &times[count]) == 0)
		count++;
	for (size_t k = 0; k < sizeof(duration_families) / sizeof(duration_families[0]); k++) {
		metric_family(scrape->file, duration_families[k].name, "histogram",
			duration_families[k].help);
		for (size_t i = 0; i < count; i++)
			put_durations(scrape->file, &duration_families[k], times[i]);
	}
	while (count > 0)
		dgram_stats_free(times[--count]);
}

/* --- workers */

enum worker_figure { REQUESTS, ERRORS, BUSY_NS };

struct worker_figures {
	char name[VIEW_NAME_MAX];
	uint64_t of[3];
};

static size_t read_workers(
	const struct scrape *scrape, struct worker_figures *workers, unsigned *ret_busy)
{
	struct dgram_worker_stats *stats;
	size_t count = 0;

	*ret_busy = 0;
	while (count < (size_t)2 * DGRAM_WORKERS_MAX &&
		dgram_server_worker_stats(scrape->admin->server, count, &stats) == 0) {
		struct worker_figures *worker = &workers[count++];

		view_worker_name(stats->number, worker->name);
		worker->of[REQUESTS] = stats->requests;
		worker->of[ERRORS] = stats->errors;
		worker->of[BUSY_NS] = stats->busy_ns;
		*ret_busy += stats->number < DGRAM_WORKERS_MAX && stats->step_ns > 0;
		dgram_stats_free(stats);
	}
	return count;
}

static void put_worker_families(FILE *file, const struct worker_figures *workers, size_t count)
{
	static const struct {
		const char *name, *help;
		enum worker_figure which;
	} families[] = {
		{ "dgramd_worker_requests_total",
			"Requests that the handler was run on, by worker, or receiver that runs it.",
			REQUESTS },
		{ "dgramd_worker_errors_total", "Those of them that the handler failed.", ERRORS },
		{ "dgramd_worker_busy_seconds_total",
			"Time in batches of requests, the one that it is in included.", BUSY_NS },
	};

	for (size_t k = 0; k < sizeof(families) / sizeof(families[0]); k++) {
		double unit = families[k].which == BUSY_NS ? 1e9 : 1;

		metric_family(file, families[k].name, "counter", families[k].help);
		for (size_t i = 0; i < count; i++)
			metric_number(file, families[k].name,
				METRIC_LABELS({ "worker", workers[i].name }),
				(double)workers[i].of[families[k].which] / unit);
	}
}

static void put_gauge(FILE *file, const char *name, const char *help, double value)
{
	metric_family(file, name, "gauge", help);
	metric_number(file, name, METRIC_NO_LABELS, value);
}

static void put_workers(const struct scrape *scrape)
{
	struct worker_figures *workers = calloc((size_t)2 * DGRAM_WORKERS_MAX, sizeof(*workers));
	unsigned busy;
	size_t count;

	if (workers == NULL)
		return;
	count = read_workers(scrape, workers, &busy);
	put_worker_families(scrape->file, workers, count);
	put_gauge(scrape->file, "dgramd_workers", "Threads of the pool.", scrape->state.workers);
	put_gauge(scrape->file, "dgramd_workers_busy", "Those of them that are in a batch.", busy);
	free(workers);
}

/* --- sockets */

enum socket_figure { RECEIVE_BUFFER, SEND_BUFFER, KERNEL_DROPS };

static void put_socket(FILE *file, const char *name, size_t number, enum socket_figure which,
	const struct dgram_socket_stats *stats)
{
	uint64_t value = which == RECEIVE_BUFFER ? stats->receive_buffer_bytes
			 : which == SEND_BUFFER	 ? stats->send_buffer_bytes
						 : stats->dropped_by_kernel;
	char text[ADDR_TEXT_MAX], socket[16];
	union addr address;

	memcpy(&address, &stats->address, sizeof(address));
	(void)snprintf(socket, sizeof(socket), "%zu", number);
	metric_count(file, name,
		METRIC_LABELS({ "service", stats->service }, { "socket", socket },
			{ "address", addr_format(&address, text) }),
		value);
}

static void put_socket_family(const struct scrape *scrape, const char *name, const char *type,
	const char *help, enum socket_figure which)
{
	struct dgram_socket_stats *stats;
	int error;

	metric_family(scrape->file, name, type, help);
	for (size_t i = 0;
		(error = dgram_server_socket_stats(scrape->admin->server, i, &stats)) != -ENOENT;
		i++) {
		if (error < 0)
			continue;
		put_socket(scrape->file, name, i, which, stats);
		dgram_stats_free(stats);
	}
}

static void put_sockets(const struct scrape *scrape)
{
	put_socket_family(scrape, "dgramd_socket_receive_buffer_bytes", "gauge",
		"Size of the receive buffer, as the kernel counts it.", RECEIVE_BUFFER);
	put_socket_family(scrape, "dgramd_socket_send_buffer_bytes", "gauge",
		"Size of the send buffer, as the kernel counts it.", SEND_BUFFER);
	put_socket_family(scrape, "dgramd_socket_dropped_by_kernel_total", "counter",
		"Lost before they were received, because the receive buffer was full.",
		KERNEL_DROPS);
}

/* --- the daemon */

static void put_daemon(const struct scrape *scrape)
{
	const struct admin_state *state = &scrape->state;
	FILE *file = scrape->file;

	metric_family(file, "dgramd_build_info", "gauge", "1; the label has the version.");
	metric_count(file, "dgramd_build_info", METRIC_LABELS({ "version", dgram_version() }), 1);
	put_gauge(file, "dgramd_start_time_seconds", "When it started, in Unix time.",
		(double)scrape->admin->started);
	put_gauge(file, "dgramd_ready", "1 if it is ready to be asked, as /readyz says.",
		state->ready && !state->stopping && !state->out);
	put_gauge(file, "dgramd_config_generation",
		"How many configurations were put in force: 1 after the start.",
		1 + (double)state->reloads);
	put_gauge(file, "dgramd_config_last_reload_successful", "0 if the last reload was refused.",
		!state->reload_refused);
	put_gauge(file, "dgramd_config_last_reload_timestamp_seconds",
		"When the last reload was, in Unix time; 0: there was none.",
		(double)state->last_reload);
	metric_family(file, "dgramd_config_reloads_refused_total", "counter",
		"Reloads that were refused.");
	metric_count(file, "dgramd_config_reloads_refused_total", METRIC_NO_LABELS,
		state->reloads_failed);
	metric_family(file, "dgramd_log_lines_lost_total", "counter", "Lines that the log lost.");
	metric_count(file, "dgramd_log_lines_lost_total", METRIC_NO_LABELS,
		dgram_server_log_lines_lost(scrape->admin->server));
}

static void put_all(struct scrape *scrape)
{
	while (scrape->count < DGRAM_SERVICES_MAX &&
		dgram_server_stats(scrape->admin->server, scrape->count,
			&scrape->services[scrape->count]) == 0)
		scrape->count++;
	put_daemon(scrape);
	if (scrape->count > 0) {
		put_figures(scrape);
		put_losses(scrape);
	}
	put_times(scrape);
	put_workers(scrape);
	put_sockets(scrape);
	while (scrape->count > 0)
		dgram_stats_free(scrape->services[--scrape->count]);
}

void metrics_view(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	struct scrape scrape = { .admin = admin, .state = admin_read(admin) };

	(void)number;
	scrape.file = open_memstream(&answer->body, &answer->length);
	answer->status = 200;
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
	if (scrape.file == NULL)
		return;
	put_all(&scrape);
	if (fclose(scrape.file) != 0) {
		free(answer->body);
		answer->body = NULL;
	}
}
