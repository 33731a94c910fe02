/* Serving: the owner's loop, with the hook, the summaries, the looks at overdue handlers and the changes of the
 * machine's addresses in it. */
#include <errno.h>

#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

static void call_hook(struct dgram_server *server)
{
	const struct dgram_options *options = &server->options;
	int result = options->hook(options->hook_context);

	if (result != 0 && server->hook_result == 0) {
		server->hook_result = result;
		dgram_server_shutdown(server);
	}
	if (options->hook_interval_ms > 0)
		events_set(&server->events, &server->hook_timer,
			sys_monotonic_ns() + options->hook_interval_ms * NS_PER_MS);
}

static void on_hook_time(void *context)
{
	call_hook(context);
}

static void on_hook_ready(void *context, uint32_t ready)
{
	(void)ready;
	call_hook(context);
}

static void on_network_ready(void *context, uint32_t ready)
{
	(void)ready;
	server_network_follow(context);
}

/* Its notices may be there only after a look. */
static int watch_network(struct dgram_server *server)
{
	int fd = server_network_fd(server);

	if (fd < 0 || server->network_watch.fd == fd)
		return 0;
	server->network_watch = (struct events_watch){ fd, EPOLLIN, on_network_ready, server };
	return events_add(&server->events, &server->network_watch);
}

static void on_network_time(void *context)
{
	server_network_look(context);
	(void)watch_network(context);
}

void server_serve_hurry_hook(struct dgram_server *server)
{
	if (server->options.hook != NULL)
		events_set(&server->events, &server->hook_timer, 0);
}

void server_serve_unwatch(struct dgram_server *server)
{
	events_remove(&server->events, &server->network_watch);
	events_remove(&server->events, &server->hook_watch);
}

int server_serve_watch(struct dgram_server *server)
{
	int hook_fd = server->options.hook != NULL ? server->options.hook_fd : -1;
	int error;

	server->hook_timer.call = on_hook_time;
	server->hook_timer.context = server;
	server->look_timer.call = on_network_time;
	server->look_timer.context = server;
	server->network_watch.fd = -1;
	server->hook_watch = (struct events_watch){ hook_fd, EPOLLIN, on_hook_ready, server };
	error = watch_network(server);
	if (error == 0 && hook_fd >= 0)
		error = events_add(&server->events, &server->hook_watch);
	if (error == 0)
		return 0;
	server_serve_unwatch(server);
	return server_failed(server, EVENT_CANNOT_WATCH, error);
}

/* The hook's first call is due now. */
static void set_timers(struct dgram_server *server)
{
	events_set(
		&server->events, &server->hook_timer, server->options.hook != NULL ? 0 : INT64_MAX);
	server_summary_plan(server);
	server_losses_plan(server);
}

static int start_and_serve(struct dgram_server *server)
{
	int error = server->state < SERVER_STARTED ? server_start(server) : 0;

	if (error < 0)
		return error;
	if (server->state != SERVER_STARTED)
		return -EALREADY;
	set_timers(server);
	while (!server->stop.seen)
		(void)events_step(&server->events);
	error = server_stop(server);
	return error < 0 ? error : server->hook_result;
}

int dgram_server_serve_forever(struct dgram_server *server)
{
	int error = server_owner_enter(server);

	if (error < 0)
		return error;
	error = start_and_serve(server);
	server_owner_leave(server);
	return error;
}
