/* Starting a server's threads: all are created parked, and released together. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/sys.h"
#include "server/server.h"

/* A receiver runs before the workers on a contended processor, because the kernel drops what it does not
 * take in time, from any source. With workers of 10 us of CPU on its core and one abuser at five times what
 * they can do, 61 % of the polite were answered without this, and all with it (make overload). */
#define RECEIVER_STEPS 5

static size_t memory_bytes(struct dgram_server *server)
{
	size_t serving = 0;

	for (unsigned i = 0; i < WORKER_OF_RECEIVER(server->sockets_count); i++) {
		const struct worker *worker = server_worker(server, i);

		if (worker != NULL)
			serving += sizeof(*worker) + (size_t)worker->shared->services_count * 2 *
							     sizeof(*worker->counters);
		if (worker != NULL && worker->only == NULL)
			serving += reply_batch_bytes(worker->replies);
	}
	for (unsigned i = 0; i < server->sockets_count; i++)
		serving += reply_batch_bytes(server->listeners[i].receiver.replies);
	return serving + slab_bytes(server->slab) + server->queues_bytes +
	       2 * log_ring_bytes(LOG_MAIN) + server->sockets_count * log_ring_bytes(LOG_RECEIVER) +
	       server_workers(server, &server->options) * log_ring_bytes(LOG_WORKER) +
	       server->sockets_count *
		       (sizeof(struct listener) + socket_batch_bytes(server->options.gro)) +
	       server->services_count * sizeof(struct service) + sizeof(*server->tables) +
	       (server->own != NULL ? own_addresses_bytes() : 0) + server_access_bytes(server) +
	       server_outside_bytes(server) + sizeof(*server);
}

static int begin_thread(void *context, enum dgram_thread thread)
{
	const struct dgram_options *options = &((struct dgram_server *)context)->options;

	return options->on_thread != NULL ? options->on_thread(options->start_context, thread) : 0;
}

static int begin_log(void *server)
{
	return begin_thread(server, DGRAM_THREAD_LOG);
}

static int begin_worker(void *server)
{
	return begin_thread(server, DGRAM_THREAD_WORKER);
}

static void *receiver_main(void *argument)
{
	char signal_stack[THREAD_SIGNAL_STACK];
	struct listener *listener = argument;
	struct receiver *receiver = &listener->receiver;
	int error = 0;
	bool go;

	thread_name("dgram/rx", (int)receiver->number);
	thread_use_signal_stack(signal_stack, sizeof(signal_stack));
	if (receiver->worker != NULL)
		error = worker_start(receiver->worker);
	if (error == 0)
		error = begin_thread(listener->server, DGRAM_THREAD_RECEIVER);
	go = start_latch_arrive(&listener->latch, error);
	if (receiver->service->queue != NULL)
		thread_prefer(RECEIVER_STEPS);
	if (go)
		receiver_run(receiver);
	if (receiver->worker != NULL)
		worker_stop(receiver->worker);
	atomic_store(&listener->ended, true);
	if (go && atomic_fetch_sub(&listener->server->receiving, 1) == 1)
		(void)eventfd_write(listener->server->receivers_done.watch.fd, 1);
	return NULL;
}

/* Only inline, where it is what the workers are elsewhere. */
static void pin_receiver(struct dgram_server *server, const struct listener *listener)
{
	unsigned number = listener->receiver.number;
	int error = 0;

	if (listener->receiver.service->queue == NULL)
		error = cpus_pin(&server->cpus, number, listener->thread);
	if (error < 0)
		log_event(server->ring, EVENT_CANNOT_PIN_RECEIVER,
			LOG_FIELDS(log_uint("receiver", number), log_errno("error", -error),
				log_text("hint", "pool.cpus names a CPU that is not there, or may "
						 "not be used")));
}

/* Of the handler, where that refused the receiver's worker. */
static int refuse_receiver(struct dgram_server *server, const struct worker *worker, int error)
{
	if (worker == NULL || worker->refused == NULL)
		return server_failed(server, EVENT_CANNOT_START_RECEIVER, error);
	handler_log_refusal(worker->refused, server->ring, error);
	return error;
}

static int park_receivers(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++) {
		struct listener *listener = &server->listeners[i];
		int error;

		start_latch_init(&listener->latch);
		error = thread_start(receiver_main, listener, &listener->thread);
		if (error < 0)
			return server_failed(server, EVENT_CANNOT_START_RECEIVER, error);
		listener->started = true;
		pin_receiver(server, listener);
		error = start_latch_await(&listener->latch);
		if (error < 0)
			return refuse_receiver(server, listener->receiver.worker, error);
	}
	return 0;
}

static void join_receiver(struct listener *listener)
{
	if (listener->started)
		thread_join(listener->thread);
	listener->started = false;
}

void server_start_join(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		join_receiver(&server->listeners[i]);
}

void server_start_join_ended(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (atomic_load(&server->listeners[i].ended))
			join_receiver(&server->listeners[i]);
}

static void release_receivers(struct dgram_server *server, bool go)
{
	if (go)
		atomic_store(&server->receiving, server->sockets_count);
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (server->listeners[i].started)
			start_latch_release(&server->listeners[i].latch, go);
	if (!go)
		server_start_join(server);
}

static int park_all(struct dgram_server *server)
{
	int error =
		pool_park(&server->pool, server_workers(server, &server->options), server->ring);

	if (error < 0)
		return error;
	error = park_receivers(server);
	if (error < 0) {
		release_receivers(server, false);
		pool_release(&server->pool, false);
	}
	return error;
}

void server_start_log_ready(struct dgram_server *server)
{
	if (server->ready || server->state != SERVER_STARTED || !dgram_server_is_ready(server))
		return;
	server->ready = true;
	log_event(server->ring, EVENT_READY,
		LOG_FIELDS(log_uint("workers", server_workers(server, &server->options)),
			log_uint("services", server->services_count),
			log_uint("receivers", server->sockets_count),
			log_uint("hosts_waiting", dgram_server_waiting(server, NULL, 0)),
			log_uint("queue_capacity", server->queue_capacity),
			log_uint("max_datagram_bytes", server->options.max_datagram_bytes),
			log_uint("memory_max_bytes", memory_bytes(server))));
}

int server_start(struct dgram_server *server)
{
	int error = server->state == SERVER_NEW ? server_bind(server) : 0;

	if (error < 0)
		return error;
	if (server->state != SERVER_BOUND || server->threadless)
		return -EALREADY;
	log_begin_with(server->log, (struct thread_prologue){ begin_log, server });
	server->pool.prologue = (struct thread_prologue){ begin_worker, server };
	error = log_start(server->log);
	if (error < 0)
		return server_failed(server, EVENT_CANNOT_START_LOG, error);
	error = server_serve_watch(server);
	if (error == 0)
		error = server_outside_make(server);
	if (error == 0)
		error = park_all(server);
	if (error < 0) {
		server_serve_unwatch(server);
		log_stop(server->log, SERVER_LOG_STOP_MS);
		return error;
	}
	server_overdue_plan(server);
	server->last_losses_ns = server->last_summary_ns = sys_monotonic_ns();
	server_outside_limit(server);
	pool_release(&server->pool, true);
	release_receivers(server, true);
	server->state = SERVER_STARTED;
	server_start_log_ready(server);
	return 0;
}

int dgram_server_start(struct dgram_server *server)
{
	int error = server_owner_enter(server);

	if (error < 0)
		return error;
	error = server_start(server);
	server_owner_leave(server);
	return error;
}
