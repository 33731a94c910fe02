/* The books of a server's services: the table of core/ledger.h, filled. */
#include <errno.h>
#include <stdlib.h>

#include "base/sys.h"
#include "server/server.h"

/* What dgram_server_stats() gives, in one piece. */
struct service_books {
	struct dgram_service_stats stats;
	struct dgram_counter counters[SERVER_COUNTERS];
	struct dgram_reason dropped[DROP_COUNT];
	struct dgram_reason failed[FAIL_COUNT];
};

#define FIELD(field, kind, unit, sentence) \
	{ #field, DGRAM_##kind, unit, sentence, offsetof(struct service_books, stats.field) },
#define DROPPED(id, name, sentence, advice)                    \
	{ "dropped_" name, DGRAM_COUNT, "datagrams", sentence, \
		offsetof(struct service_books, dropped[id].count) },
#define FAILED(id, name, sentence, advice)                    \
	{ "failed_" name, DGRAM_COUNT, "datagrams", sentence, \
		offsetof(struct service_books, failed[id].count) },

static const struct {
	const char *name;
	enum dgram_counter_kind kind;
	const char *unit;
	const char *sentence;
	size_t offset; /* of its value */
} rows[SERVER_COUNTERS] = { LEDGER_BEGIN(FIELD) LEDGER_DROPS(DROPPED) LEDGER_FAILURES(FAILED)
		LEDGER_END(FIELD) };

uint64_t server_books_kernel_drops(const struct dgram_server *server, unsigned service)
{
	uint64_t drops = 0;

	for (unsigned i = 0; i < server->sockets_count; i++)
		if (server->listeners[i].service == service && server->sockets[i].fd >= 0)
			drops += socket_kernel_drops(&server->sockets[i]);
	return drops;
}

static uint64_t run_by_receivers(const struct dgram_server *server, unsigned service)
{
	uint64_t requests = 0;

	for (unsigned i = 0; i < server->sockets_count; i++) {
		const struct worker *worker = server->listeners[i].receiver.worker;

		if (server->listeners[i].service == service && worker != NULL)
			requests += atomic_load_explicit(
				&worker->counters[service].requests, memory_order_relaxed);
	}
	return requests;
}

/* From its queue, or from its inline receivers. */
void server_books(struct dgram_server *server, unsigned service, struct queue_report *ret_report)
{
	*ret_report = (struct queue_report){ 0 };
	if (server->services[service].queue != NULL) {
		queue_snapshot(server->services[service].queue, ret_report);
		return;
	}
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (server->listeners[i].service == service)
			receiver_books(&server->listeners[i].receiver, &ret_report->ledger);
}

static void fill_counters(struct service_books *books)
{
	for (unsigned i = 0; i < SERVER_COUNTERS; i++) {
		const void *value = (const char *)books + rows[i].offset;

		books->counters[i] = (struct dgram_counter){ rows[i].name, rows[i].kind,
			rows[i].unit, rows[i].sentence, *(const uint64_t *)value };
	}
}

static void fill_books(struct dgram_server *server, unsigned number, struct service_books *books)
{
	struct service *service = &server->services[number];
	struct queue_report report;

	server_books(server, number, &report);
	books->stats = (struct dgram_service_stats){
		.name = service->name,
		.received = report.ledger.received,
		.replied = report.ledger.replied,
		.no_reply = report.ledger.no_reply,
		.dropped = books->dropped,
		.dropped_count = DROP_COUNT,
		.failed = books->failed,
		.failed_count = FAIL_COUNT,
		.queued = report.ledger.queued,
		.running = report.ledger.running,
		.queued_max = report.queued_max,
		.replies_extra = report.ledger.replies_extra,
		.busy_replied = atomic_load(&service->busy_replied),
		.handlers_overdue = atomic_load(&service->overdue),
		.workers_overdue = atomic_load(&service->workers_overdue),
		.dropped_by_kernel = server_books_kernel_drops(server, number),
		.run_by_receivers = run_by_receivers(server, number),
		.would_drop_limit = atomic_load(&service->limiter.would_drop),
		.hosts_waiting = atomic_load(&service->hosts_waiting),
		.log_lines_lost = log_lost(server->log),
		.replies_withheld = atomic_load(&service->door.withheld),
		.counters = books->counters,
		.counters_count = SERVER_COUNTERS,
	};
	server_outside_count(server, number, &books->stats);
	for (int i = 0; i < DROP_COUNT; i++)
		books->dropped[i] =
			(struct dgram_reason){ ledger_drop_names[i], report.ledger.dropped[i] };
	for (int i = 0; i < FAIL_COUNT; i++)
		books->failed[i] =
			(struct dgram_reason){ ledger_failure_names[i], report.ledger.failed[i] };
	fill_counters(books);
}

int dgram_server_stats(
	struct dgram_server *server, size_t service, struct dgram_service_stats **ret_stats)
{
	struct service_books *books;

	if (service >= server->services_count)
		return -ENOENT;
	books = malloc(sizeof(*books));
	if (books == NULL)
		return -ENOMEM;
	fill_books(server, (unsigned)service, books);
	*ret_stats = &books->stats;
	return 0;
}

void dgram_stats_free(void *stats)
{
	free(stats);
}

uint64_t dgram_server_log_lines_lost(struct dgram_server *server)
{
	return log_lost(server->log);
}

size_t server_books_changes(struct dgram_server *server, unsigned service,
	struct log_field fields[static SERVER_COUNTERS])
{
	uint64_t *before = server->summaries[service].counters;
	struct service_books books;
	size_t count = 0;

	fill_books(server, service, &books);
	for (unsigned i = 0; i < SERVER_COUNTERS; i++) {
		const struct dgram_counter *counter = &books.counters[i];
		uint64_t base = counter->kind == DGRAM_COUNT ? before[i] : 0;

		if (counter->value <=
			base) /* the kernel's drops fall for a moment, when a socket is replaced */
			continue;
		before[i] = counter->value;
		if (counter->kind != DGRAM_MOST)
			fields[count++] = log_uint(counter->name, counter->value - base);
	}
	return count;
}

/* Every figure is there, whether it happened or not. */
static void log_ledger(struct dgram_server *server, unsigned service)
{
	struct log_field fields[1 + SERVER_COUNTERS + 1];
	struct service_books books;
	char waiting_for[512];
	size_t count = 1 + SERVER_COUNTERS;

	fill_books(server, service, &books);
	fields[0] = log_text("service", books.stats.name);
	for (unsigned i = 0; i < SERVER_COUNTERS; i++)
		fields[1 + i] = log_uint(books.counters[i].name, books.counters[i].value);
	if (server_late_format(server, service, waiting_for, sizeof(waiting_for)) > 0)
		fields[count++] = log_text("waiting_for", waiting_for);
	log_event(server->ring, EVENT_LEDGER, fields, count);
}

void server_books_log_ledger(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++)
		log_ledger(server, i);
}
