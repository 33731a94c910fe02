/* Services whose handler runs in children. */
#include <errno.h>
#include <stdlib.h>

#include "base/sys.h"
#include "server/server.h"

/* As many workers hold the service as there are children to serve it. */
static void have_changed(void *context, unsigned serving)
{
	struct service *service = context;
	struct dgram_server *server = service->handler.server;
	struct queue_settings settings;

	service->children = serving;
	settings = server_options_queue(service, &server->options);
	queue_configure(service->queue, &settings);
	worker_wake(&server->pool.shared, sys_monotonic_ns());
}

/* Nothing that waits can be answered any more. */
static void are_over(void *context)
{
	const struct service *service = context;

	log_event(service->handler.server->ring, EVENT_STREAMS_ENDED,
		LOG_FIELDS(log_text("service", service->name)));
	dgram_server_shutdown(service->handler.server);
	dgram_server_shutdown(service->handler.server);
}

static int make_keeper(struct dgram_server *server, unsigned number)
{
	struct service *service = &server->services[number];
	const struct dgram_handler *calls = service->handler.calls;
	const struct children_host host = { &server->events, server->ring, have_changed, are_over,
		service };
	struct children_program program = {
		.service = service->name,
		.request_bytes = server->options.max_datagram_bytes,
		.reply_bytes = service->reply_bytes,
	};
	int error = -ENOENT;

	if (calls->children != NULL && service->queue != NULL && service->outside == NULL)
		error = calls->children(service->handler.state, &program.command);
	if (error < 0)
		return error == -ENOENT ? 0 : error;
	error = children_new(&program, &host, &server->outside[number].children);
	if (error == 0)
		service->outside = &server->outside[number].children->outside;
	if (error == 0)
		have_changed(service, 0);
	return error;
}

int server_outside_make(struct dgram_server *server)
{
	int error = 0;

	for (unsigned i = 0; error == 0 && i < server->services_count; i++)
		error = make_keeper(server, i);
	return error < 0 ? server_failed(server, EVENT_CANNOT_START_CHILD, error) : 0;
}

void server_outside_set(
	struct dgram_server *server, unsigned service, const struct dgram_service *options)
{
	struct handler_process_limits *process = &server->services[service].handler.process_limits;

	server->outside[service].limits = (struct children_limits){
		.start_timeout_ms = options->child_start_timeout_ms,
		.timeout_ms = options->child_timeout_ms,
		.memory_bytes = options->child_memory_bytes,
		.files = options->child_files,
		.max_requests = options->child_max_requests,
		.max_rss_bytes = options->child_max_rss_bytes,
		.rerun = options->child_rerun,
	};
	atomic_store(&process->timeout_ms, options->child_timeout_ms);
	atomic_store(&process->memory_bytes, options->child_memory_bytes);
	atomic_store(&process->files, options->child_files);
}

/* What a reconfiguration has changed. */
static void renew_children(const struct service *service, struct children *children)
{
	struct dgram_command command = { 0 };

	if (service->handler.calls->children(service->handler.state, &command) == 0)
		children_renew(children, command.arguments);
}

void server_outside_limit(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++) {
		struct server_outside *outside = &server->outside[i];
		unsigned most = server->services[i].max_workers, workers = server->options.workers;

		outside->limits.wanted = most > 0 && most < workers ? most : workers;
		if (outside->children == NULL)
			continue;
		renew_children(&server->services[i], outside->children);
		children_limit(outside->children, &outside->limits);
	}
}

void server_outside_abort(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++)
		if (server->outside[i].children != NULL)
			children_abort(server->outside[i].children);
}

void server_outside_stop(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++)
		if (server->outside[i].children != NULL)
			children_stop(server->outside[i].children);
}

void server_outside_free(struct dgram_server *server)
{
	for (unsigned i = 0; server->outside != NULL && i < server->services_count; i++)
		children_free(server->outside[i].children);
	free(server->outside);
}

void server_outside_count(
	const struct dgram_server *server, unsigned service, struct dgram_service_stats *stats)
{
	const struct children *children = server->outside[service].children;

	if (children == NULL)
		return;
	stats->children_serving = atomic_load(&children->serving);
	stats->children_failing = atomic_load(&children->failing);
	stats->children_recycled = atomic_load(&children->counts.recycled);
	stats->children_crashed = atomic_load(&children->counts.crashed);
	stats->children_killed = atomic_load(&children->counts.killed);
	stats->children_start_failed = atomic_load(&children->counts.start_failed);
}

int dgram_server_child_ends(
	struct dgram_server *server, size_t service, struct dgram_child_ends **ret_ends)
{
	struct {
		struct dgram_child_ends ends;
		struct dgram_child_end last[CHILDREN_ENDS_MAX];
	} * copy;

	if (service >= server->services_count)
		return -ENOENT;
	copy = calloc(1, sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	copy->ends.name = server->services[service].name;
	copy->ends.last = copy->last;
	copy->ends.has_children = server->outside[service].children != NULL;
	if (copy->ends.has_children)
		copy->ends.count = children_ends(server->outside[service].children, copy->last);
	*ret_ends = &copy->ends;
	return 0;
}

size_t server_outside_bytes(const struct dgram_server *server)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < server->services_count; i++)
		if (server->outside[i].children != NULL)
			bytes += children_bytes(server->outside[i].children);
	return bytes;
}
