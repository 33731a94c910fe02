/* Changing a server that runs: what is live, and the logs. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

/* Slots and workers for a larger pool. They are kept when it shrinks again. */
static int make_room(struct dgram_server *server, unsigned workers)
{
	int error = 0;

	if (workers > server->slots_workers) {
		error = slab_grow(server->slab, (workers - server->slots_workers) * WORKER_SLOTS);
		server->slots_workers = error == 0 ? workers : server->slots_workers;
	}
	if (error == 0)
		error = pool_make(&server->pool, workers);
	if (error < 0)
		return server_failed(server, EVENT_CANNOT_GROW_POOL, error);
	return 0;
}

/* Services are identified by their names: one that was added, removed or renamed waits for a restart. */
const struct dgram_service *server_reconfigure_find(
	const struct service *service, const struct dgram_options *options)
{
	for (size_t i = 0; i < options->services_count; i++)
		if (strcmp(service->name, server_service_name(&options->services[i])) == 0)
			return &options->services[i];
	return NULL;
}

static void apply_services(struct dgram_server *server, const struct dgram_options *options)
{
	for (unsigned i = 0; i < server->services_count; i++) {
		struct service *service = &server->services[i];
		const struct dgram_service *wanted = server_reconfigure_find(service, options);
		struct queue_settings settings;

		if (wanted != NULL)
			server_options_set(server, service, wanted);
		if (service->queue == NULL)
			continue;
		settings = server_options_queue(service, options);
		queue_configure(service->queue, &settings);
	}
	/* More workers may be allowed to take what waits. */
	worker_wake(&server->pool.shared, sys_monotonic_ns());
}

static int apply_all(struct dgram_server *server, const struct dgram_options *options)
{
	unsigned workers = server_workers(server, options);
	int error = server_bind_log(server, options);

	if (error == 0)
		error = make_room(server, workers);
	if (error == 0 && server->state == SERVER_STARTED)
		error = pool_resize(&server->pool, workers, server->ring);
	return error;
}

static int stopping(const struct dgram_options *options)
{
	(void)server_options_refuse(options, "the server is stopping");
	return -ESHUTDOWN;
}

/* What was checked. */
static int change_all(struct dgram_server *server, const struct dgram_options *options)
{
	struct dgram_options before = server->options, after = server->options;
	struct handler_values *values[DGRAM_SERVICES_MAX];
	int error = server_values_change(server, options, values);

	if (error < 0)
		return error;
	after.workers = options->workers;
	after.drain_timeout_ms = options->drain_timeout_ms;
	after.receivers_assist = options->receivers_assist;
	after.handler_timeout_ms = options->handler_timeout_ms;
	after.log_level = options->log_level;
	after.log_format = options->log_format;
	after.log_target = options->log_target;
	after.log_summary_interval_s = options->log_summary_interval_s;
	error = apply_all(server, &after);
	if (error == 0)
		error = server_options_copy(server, &after);
	if (error < 0) {
		(void)apply_all(server, &before);
		server_values_restore(server, values);
		return server_options_fail(options, error);
	}
	apply_services(server, options);
	server_outside_limit(server);
	server_summary_plan(server);
	server_overdue_check(server);
	return 0;
}

static int reconfigure(struct dgram_server *server, const struct dgram_options *options)
{
	struct server_access access;
	int error = server_options_check(options);

	if (error == 0 && (server->state == SERVER_STOPPED || atomic_load(&server->shutdowns) > 0))
		error = stopping(options);
	if (error == 0)
		error = server_access_make(options, &access);
	if (error < 0)
		return error;
	error = change_all(server, options);
	if (error == 0)
		server_access_put(server, options, &access);
	else
		server_access_free(&access);
	return error;
}

int dgram_server_reconfigure(struct dgram_server *server, const struct dgram_options *options)
{
	int error = server_owner_enter_from_hook(server);

	if (error < 0)
		return server_options_fail(options, error);
	error = reconfigure(server, options);
	server_owner_leave(server);
	return error;
}

int dgram_server_reopen_logs(struct dgram_server *server)
{
	int error = server_owner_enter_from_hook(server);

	if (error < 0)
		return error;
	error = log_reopen(server->log);
	if (error < 0)
		log_alarm(server->ring, EVENT_CANNOT_REOPEN_LOGS,
			LOG_FIELDS(log_errno("error", -error)));
	server_owner_leave(server);
	return error;
}

void dgram_server_flush_log(struct dgram_server *server)
{
	log_flush(server->log);
}

void dgram_server_log(struct dgram_server *server, enum dgram_log_level level, const char *event,
	const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_user_event(
		server->ring, (enum log_level)level, event, LOG_FIELDS(log_text("message", text)));
}
