/* The books of a server's services. */
#include <errno.h>
#include <stdio.h>

#include "base/sys.h"
#include "server/server.h"

static uint64_t kernel_drops(const struct dgram_server *server, unsigned service)
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
				&worker->counters.requests, memory_order_relaxed);
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
	server_books(server, (unsigned)service, &report);
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
		.run_by_receivers = run_by_receivers(server, (unsigned)service),
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
void server_books_log(struct dgram_server *server, unsigned service, enum log_event_id event)
{
	char keys[DROP_COUNT + FAIL_COUNT][48];
	struct log_field fields[DROP_COUNT + FAIL_COUNT + 13];
	struct service *books = &server->services[service];
	struct queue_report report;
	size_t n = 0, k = 0;

	server_books(server, service, &report);
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
	fields[n++] = log_uint("run_by_receivers", run_by_receivers(server, service));
	fields[n++] = log_uint("busy_replied", atomic_load(&books->busy_replied));
	fields[n++] = log_uint("handlers_overdue", atomic_load(&books->overdue));
	fields[n++] = log_uint("workers_overdue", atomic_load(&books->workers_overdue));
	fields[n++] = log_uint("dropped_by_kernel", kernel_drops(server, service));
	fields[n++] = log_uint("log_lines_lost", log_lost(server->log));
	log_event(server->ring, event, fields, n);
}

void server_books_log_ledger(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++)
		server_books_log(server, i, EVENT_LEDGER);
}
