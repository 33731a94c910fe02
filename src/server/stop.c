/* A server's end.
 *
 * DESIGN: dgram_server_shutdown() only raises a notice. The owner's thread does the rest of the stop, in
 * reverse of the start: receivers, which first take what has arrived; workers, which end when all is
 * served; the log. */
#include <errno.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

/* How long the end waits for handlers that run, once nothing else is left: PROMISES asks for an end within
 * 100 ms of the drain's time. */
#define GRACE_MS 100

/* Run the owner's loop until the notice was seen. False: `deadline_ns` has come first, or a second
 * shutdown. */
static bool run_until(struct dgram_server *server, const struct notice *notice, int64_t deadline_ns)
{
	server->drain_over = false;
	events_set(&server->events, &server->drain_timer, deadline_ns);
	while (!notice->seen && !server->drain_over && !server->abort.seen)
		(void)events_step(&server->events);
	events_cancel(&server->drain_timer);
	return notice->seen;
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
	worker_wake_all(&server->pool.shared);
	server_outside_abort(server);
}

/* Wait until all threads of a kind have ended; after the deadline, GRACE_MS longer for the handlers that
 * run. */
static bool await_end(struct dgram_server *server, const struct notice *notice, int64_t deadline_ns)
{
	struct pollfd ended = { .fd = notice->watch.fd, .events = POLLIN };
	int64_t grace_ns, now_ns;

	if (run_until(server, notice, deadline_ns))
		return true;
	abort_queued(server);
	now_ns = sys_monotonic_ns();
	grace_ns = now_ns + GRACE_MS * NS_PER_MS;
	while (now_ns < grace_ns) {
		int64_t left_ms = (grace_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;

		if (sys_wait(&ended, 1, (int)left_ms) > 0)
			return true;
		now_ns = sys_monotonic_ns();
	}
	return false;
}

/* True when all threads have ended. */
static bool drain(struct dgram_server *server)
{
	int64_t deadline_ns = sys_monotonic_ns() + server->options.drain_timeout_ms * NS_PER_MS;

	log_event(server->ring, EVENT_DRAINING,
		LOG_FIELDS(log_uint("drain_timeout_ms", server->options.drain_timeout_ms)));
	if (!await_end(server, &server->receivers_done, deadline_ns))
		return false;
	server_start_join(server);
	/* The workers end when they have served what is queued. */
	worker_close(&server->pool.shared);
	return server_workers(server, &server->options) == 0 ||
	       await_end(server, &server->workers_done, deadline_ns);
}

/* What arrived during the drain is still in the sockets: it goes into the books, too, except where a
 * receiver still runs a handler, or where it may be the next server's. */
static void refuse_rest(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (!server->listeners[i].started && !atomic_load(&server->listeners[i].shared))
			receiver_finish(&server->listeners[i].receiver, true);
}

int server_stop(struct dgram_server *server)
{
	int error = 0;

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
	server_outside_stop(server);
	server_serve_unwatch(server);
	refuse_rest(server);
	server_losses_look(server);
	server_books_log_ledger(server);
	log_stop(server->log, SERVER_LOG_STOP_MS);
	return error;
}

void dgram_server_shutdown(struct dgram_server *server)
{
	const struct notice *notice = atomic_fetch_add(&server->shutdowns, 1) == 0 ? &server->stop
										   : &server->abort;
	int saved = errno;

	(void)eventfd_write(notice->watch.fd, 1);
	errno = saved;
}
