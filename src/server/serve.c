/* A server's life: serve, drain, stop; and without threads, one batch at a time.
 *
 * DESIGN: dgram_server_shutdown() only writes an eventfd. All else of the stop is done in the
 * owner's thread, in reverse of the start: receivers, which first take what had arrived; queues,
 * which are closed; workers, which end when all is served; the log. */
#include <errno.h>
#include <limits.h>
#include <sys/eventfd.h>

#include "base/sys.h"
#include "server/server.h"

/* How long handlers that run are waited for once nothing else is. */
#define GRACE_NS (100 * NS_PER_MS)

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Round up, so that what is due is due when poll(2) returns. */
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

	if (hook_ready || now_ns >= server->next_hook_ns) {
		if (options->hook != NULL)
			options->hook(options->hook_context);
		server->next_hook_ns = options->hook != NULL && options->hook_interval_ms > 0
					       ? now_ns + options->hook_interval_ms * NS_PER_MS
					       : INT64_MAX;
	}
	if (now_ns >= server->next_summary_ns)
		server_log_summary(server, now_ns);
	if (now_ns >= server->next_watch_ns)
		server_watch(server, now_ns);
	return earlier(
		server->next_hook_ns, earlier(server->next_summary_ns, server->next_watch_ns));
}

/* Run the hook and the summaries until `fd` or now_fd is readable, or until `deadline_ns`. True:
 * `fd` is. */
static bool run_until(struct dgram_server *server, int fd, int64_t deadline_ns)
{
	struct pollfd fds[3] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = server->now_fd, .events = POLLIN },
		{ .fd = server->options.hook != NULL ? server->options.hook_fd : -1,
			.events = POLLIN },
	};
	int64_t now_ns = sys_monotonic_ns();

	while (now_ns < deadline_ns) {
		int64_t due_ns = earlier(run_timers(server, fds[2].revents != 0), deadline_ns);

		now_ns = sys_monotonic_ns();
		(void)sys_wait(fds, 3, milliseconds_until(due_ns, now_ns));
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

/* Drop what is queued, and what workers have popped, or receivers received, and not begun. */
static void hurry(struct dgram_server *server)
{
	struct datagram_list dropped = { 0 };

	atomic_store(&server->pool.shared.hurry, true);
	for (unsigned i = 0; i < server->services_count; i++)
		if (server->services[i].queue != NULL)
			queue_discard(server->services[i].queue, &dropped);
	slab_give(server->slab, &dropped);
	eventcount_notify(&server->pool.shared.work, UINT_MAX);
}

/* Wait until `fd` says that all threads of a kind have ended; after the deadline, a little longer for
 * what cannot be dropped. */
static bool await_end(struct dgram_server *server, int fd, int64_t deadline_ns)
{
	struct pollfd ended = { .fd = fd, .events = POLLIN };
	int64_t grace_ns;

	if (run_until(server, fd, deadline_ns))
		return true;
	hurry(server);
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
	if (!await_end(server, server->deaf_fd, deadline_ns))
		return false;
	server_join_receivers(server);
	close_queues(server);
	return server_workers(server, &server->options) == 0 ||
	       await_end(server, server->done_fd, deadline_ns);
}

/* What came while we drained is still in the sockets: it goes into the books, too, but of those whose
 * receivers hang in a handler. */
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
	server_plan_summary(server);
	server_plan_watch(server, server->last_summary_ns);
	while (!run_until(server, server->stop_fd, INT64_MAX))
		;
	if (drain(server)) {
		pool_join(&server->pool);
		server->state = SERVER_STOPPED;
	} else {
		error = -ETIMEDOUT;
		server->state = SERVER_ABANDONED;
		server_join_ended_receivers(server);
		log_event(server->ring, EVENT_HANDLERS_STILL_RUN,
			LOG_FIELDS(
				log_text("hint", "running= in the ledger says how many; they are "
						 "left to the end of the process")));
	}
	refuse_rest(server);
	server_log_ledger(server);
	log_stop(server->log, SERVER_LOG_STOP_MS);
	return error;
}

void dgram_server_shutdown(struct dgram_server *server)
{
	int fd = atomic_fetch_add(&server->shutdowns, 1) == 0 ? server->stop_fd : server->now_fd;
	int saved = errno;

	(void)eventfd_write(fd, 1);
	errno = saved;
}

/* Worker `i` of those that work in the owner's thread, or NULL: the pool's first, where there is a
 * pool, and those of receivers that are inline. */
static struct worker *alone_worker(struct dgram_server *server, unsigned i)
{
	struct receiver *receiver;

	if (i == server->sockets_count)
		return server->pool.members[0].worker;
	receiver = &server->listeners[i].receiver;
	return receiver->service->queue == NULL ? receiver->worker : NULL;
}

void server_stop_alone(struct dgram_server *server)
{
	for (unsigned i = 0; i <= server->sockets_count; i++)
		if (alone_worker(server, i) != NULL)
			worker_stop(alone_worker(server, i));
	server->alone = false;
}

static int start_alone(struct dgram_server *server)
{
	int error = server->state == SERVER_NEW ? dgram_server_bind(server) : 0;

	if (error < 0 || server->alone)
		return error;
	for (unsigned i = 0; error == 0 && i <= server->sockets_count; i++)
		if (alone_worker(server, i) != NULL)
			error = worker_start(alone_worker(server, i));
	if (error < 0) {
		server_stop_alone(server);
		return server_failed(server, EVENT_CANNOT_START_WORKER, error);
	}
	server->alone = true;
	return 0;
}

/* A batch of what arrived at a socket, and what was taken from the kernel with it: no poll(2), the
 * owner's neither, tells of that any more. */
static int handle_batch(struct dgram_server *server, struct receiver *receiver)
{
	struct worker *worker = server->pool.members[0].worker;
	int received = 0, count;

	do {
		count = receiver_step(receiver);
		received += count > 0 ? count : 0;
		while (worker != NULL && worker_step(worker) == WORKER_WORKED)
			;
	} while (count > 0 && socket_batch_holds_more(&receiver->batch));
	return received > 0 ? received : count;
}

int dgram_server_handle_request(struct dgram_server *server, int timeout_ms)
{
	int received = 0;
	int error = server->state >= SERVER_STARTED ? -EBUSY : start_alone(server);

	if (error == 0 && atomic_load(&server->shutdowns) > 0)
		error = -ESHUTDOWN;
	if (error < 0)
		return error;
	for (unsigned i = 0; i < server->sockets_count; i++)
		server->polls[i] = (struct pollfd){ .fd = server->sockets[i].fd, .events = POLLIN };
	server->polls[server->sockets_count] =
		(struct pollfd){ .fd = server->stop_fd, .events = POLLIN };
	error = sys_wait(server->polls, server->sockets_count + 1, timeout_ms);
	if (error < 0)
		return error;
	for (unsigned i = 0; i < server->sockets_count; i++) {
		int count = server->polls[i].revents != 0
				    ? handle_batch(server, &server->listeners[i].receiver)
				    : 0;

		if (count > 0)
			received += count;
		else if (count < 0)
			error = count;
	}
	return received > 0 ? received : error < 0 ? error : 0;
}
