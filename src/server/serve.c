/* A server's life: serve, drain, stop.
 *
 * DESIGN: dgram_server_shutdown() only writes an eventfd. The owner's thread does the rest of the stop,
 * in reverse of the start: receivers, which first take what has arrived; queues, which are closed;
 * workers, which end when all is served; the log. */
#include <errno.h>
#include <limits.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

/* How long the end waits for handlers that run, once nothing else is left: PROMISES asks for an end within
 * 100 ms of the drain's time. */
#define GRACE_NS (100 * NS_PER_MS)

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Rounded up, so that poll(2) does not return before the time. */
static int milliseconds_until(int64_t due_ns, int64_t now_ns)
{
	if (due_ns == INT64_MAX)
		return -1;
	if (due_ns <= now_ns)
		return 0;
	return (int)earlier((due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS, INT_MAX);
}

/* Run what is due; returns when the next is. */
static int64_t run_timers(struct dgram_server *server, bool hook_ready)
{
	const struct dgram_options *options = &server->options;
	int64_t now_ns = sys_monotonic_ns();

	if (now_ns >= server->next_look_ns)
		server_network_look(server);
	if (hook_ready || now_ns >= server->next_hook_ns) {
		if (options->hook != NULL)
			options->hook(options->hook_context);
		server->next_hook_ns = options->hook != NULL && options->hook_interval_ms > 0
					       ? now_ns + options->hook_interval_ms * NS_PER_MS
					       : INT64_MAX;
	}
	if (now_ns >= server->next_summary_ns)
		server_summary_log(server, now_ns);
	if (now_ns >= server->next_overdue_check_ns)
		server_overdue_check(server, now_ns);
	return earlier(earlier(server->next_hook_ns, server->next_look_ns),
		earlier(server->next_summary_ns, server->next_overdue_check_ns));
}

/* Run the hook and the timers until `fd` or abort_fd is readable, or until `deadline_ns`. Returns whether
 * `fd` is. */
static bool run_until(struct dgram_server *server, int fd, int64_t deadline_ns)
{
	struct pollfd fds[4] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = server->abort_fd, .events = POLLIN },
		{ .fd = server->options.hook != NULL ? server->options.hook_fd : -1,
			.events = POLLIN },
		{ .fd = server_network_fd(server), .events = POLLIN },
	};
	int64_t now_ns = sys_monotonic_ns();

	while (now_ns < deadline_ns) {
		int64_t due_ns = earlier(run_timers(server, fds[2].revents != 0), deadline_ns);

		now_ns = sys_monotonic_ns();
		(void)sys_wait(fds, 4, milliseconds_until(due_ns, now_ns));
		if (fds[3].revents != 0)
			server_network_follow(server);
		if (fds[0].revents != 0)
			return true;
		if (fds[1].revents != 0)
			return false;
		now_ns = sys_monotonic_ns();
	}
	return false;
}

/* Nothing more is pushed: the workers end when they have served what is queued. */
static void close_queues(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++)
		if (server->services[i].queue != NULL)
			queue_close(server->services[i].queue);
	eventcount_notify(&server->pool.shared.work, UINT_MAX);
}

/* Drop what is queued, and what workers popped or receivers received and did not begin. */
static void abort_queued(struct dgram_server *server)
{
	struct datagram_list dropped = { 0 };

	atomic_store(&server->pool.shared.aborting, true);
	for (unsigned i = 0; i < server->services_count; i++)
		if (server->services[i].queue != NULL)
			queue_discard(server->services[i].queue, &dropped);
	slab_give(server->slab, &dropped);
	eventcount_notify(&server->pool.shared.work, UINT_MAX);
}

/* Wait until `fd` says that all threads of a kind have ended; after the deadline, GRACE_NS longer for the
 * handlers that run. */
static bool await_end(struct dgram_server *server, int fd, int64_t deadline_ns)
{
	struct pollfd ended = { .fd = fd, .events = POLLIN };
	int64_t grace_ns;

	if (run_until(server, fd, deadline_ns))
		return true;
	abort_queued(server);
	grace_ns = sys_monotonic_ns() + GRACE_NS;
	while (sys_wait(&ended, 1, milliseconds_until(grace_ns, sys_monotonic_ns())) <= 0)
		if (sys_monotonic_ns() >= grace_ns)
			return false;
	return true;
}

/* True when all threads have ended. */
static bool drain(struct dgram_server *server)
{
	int64_t deadline_ns = sys_monotonic_ns() + server->options.drain_timeout_ms * NS_PER_MS;

	log_event(server->ring, EVENT_DRAINING,
		LOG_FIELDS(log_uint("drain_timeout_ms", server->options.drain_timeout_ms)));
	if (!await_end(server, server->receivers_done_fd, deadline_ns))
		return false;
	server_start_join(server);
	close_queues(server);
	return server_workers(server, &server->options) == 0 ||
	       await_end(server, server->workers_done_fd, deadline_ns);
}

/* What arrived during the drain is still in the sockets: it goes into the books, too, except where a
 * receiver still runs a handler. */
static void refuse_rest(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (!server->listeners[i].started)
			receiver_finish(&server->listeners[i].receiver, true);
}

int dgram_server_serve_forever(struct dgram_server *server)
{
	int error = 0;

	if (server->state == SERVER_NEW || server->state == SERVER_BOUND)
		error = dgram_server_start(server);
	if (error < 0)
		return error;
	if (server->state != SERVER_STARTED)
		return -EALREADY;
	server->last_summary_ns = sys_monotonic_ns();
	server->next_hook_ns = server->last_summary_ns;
	server_summary_plan(server);
	server_overdue_plan(server, server->last_summary_ns);
	while (!run_until(server, server->stop_fd, INT64_MAX))
		;
	if (drain(server)) {
		pool_join(&server->pool);
		server->state = SERVER_STOPPED;
	} else {
		error = -ETIMEDOUT;
		server->state = SERVER_ABANDONED;
		server_start_join_ended(server);
		log_event(server->ring, EVENT_HANDLERS_STILL_RUN,
			LOG_FIELDS(
				log_text("hint", "running= in the ledger says how many; they are "
						 "left to the end of the process")));
	}
	refuse_rest(server);
	server_books_log_ledger(server);
	log_stop(server->log, SERVER_LOG_STOP_MS);
	return error;
}

void dgram_server_shutdown(struct dgram_server *server)
{
	int fd = atomic_fetch_add(&server->shutdowns, 1) == 0 ? server->stop_fd : server->abort_fd;
	int saved = errno;

	(void)eventfd_write(fd, 1);
	errno = saved;
}
