/* Starting a server's threads: all are created parked, and released together. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "server/server.h"

/* What a receiver cannot take in time the kernel drops, whoever sent it: only the queue is fair. So it
 * goes before the workers. */
#define RECEIVER_STEPS 5

size_t server_memory_bytes(const struct dgram_server *server)
{
	size_t workers = server_workers(server, &server->options);
	size_t serving = workers;

	for (unsigned i = 0; i < server->sockets_count; i++)
		serving += server->listeners[i].receiver.worker != NULL;
	return slab_bytes(server->slab) + server->queues_bytes + log_ring_bytes(LOG_MAIN) +
	       server->sockets_count * log_ring_bytes(LOG_RECEIVER) +
	       workers * log_ring_bytes(LOG_WORKER) +
	       serving * (sizeof(struct worker) +
				 reply_batch_bytes(server->options.max_datagram_bytes)) +
	       server->sockets_count *
		       (sizeof(struct listener) + socket_batch_bytes(server->options.gro)) +
	       sizeof(*server);
}

static void *receiver_main(void *argument)
{
	struct listener *listener = argument;
	struct receiver *receiver = &listener->receiver;
	int error = receiver->worker != NULL ? worker_start(receiver->worker) : 0;
	bool go = gate_arrive(&listener->gate, error);

	if (receiver->service->queue != NULL)
		thread_prefer(RECEIVER_STEPS);
	if (go)
		receiver_run(receiver);
	if (receiver->worker != NULL)
		worker_stop(receiver->worker);
	atomic_store(&listener->ended, true);
	if (go && atomic_fetch_sub(&listener->server->receiving, 1) == 1)
		(void)eventfd_write(listener->server->deaf_fd, 1);
	return NULL;
}

/* Where it is what the workers are elsewhere. */
static void pin(struct dgram_server *server, const struct listener *listener)
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

static int park_receivers(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++) {
		struct listener *listener = &server->listeners[i];
		int error;

		gate_init(&listener->gate);
		error = thread_start(
			"dgram/rx", (int)i, receiver_main, listener, &listener->thread);
		if (error < 0)
			return server_failed(server, EVENT_CANNOT_START_RECEIVER, error);
		listener->started = true;
		pin(server, listener);
		error = gate_await(&listener->gate);
		if (error < 0)
			return server_failed(server, EVENT_CANNOT_START_RECEIVER, error);
	}
	return 0;
}

static void join(struct listener *listener)
{
	if (listener->started)
		thread_join(listener->thread);
	listener->started = false;
}

void server_join_receivers(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		join(&server->listeners[i]);
}

void server_join_ended_receivers(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (atomic_load(&server->listeners[i].ended))
			join(&server->listeners[i]);
}

static void release_receivers(struct dgram_server *server, bool go)
{
	if (go)
		atomic_store(&server->receiving, server->sockets_count);
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (server->listeners[i].started)
			gate_open(&server->listeners[i].gate, go);
	if (!go)
		server_join_receivers(server);
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

static void log_ready(struct dgram_server *server)
{
	log_event(server->ring, EVENT_READY,
		LOG_FIELDS(log_uint("workers", server_workers(server, &server->options)),
			log_uint("services", server->services_count),
			log_uint("receivers", server->sockets_count),
			log_uint("queue_capacity", server->queue_capacity),
			log_uint("max_datagram_bytes", server->options.max_datagram_bytes),
			log_uint("memory_max_bytes", server_memory_bytes(server))));
}

int dgram_server_start(struct dgram_server *server)
{
	int error = 0;

	if (server->state == SERVER_NEW)
		error = dgram_server_bind(server);
	if (error < 0)
		return error;
	if (server->state != SERVER_BOUND || server->alone)
		return -EALREADY;
	error = log_start(server->log);
	if (error < 0)
		return server_failed(server, EVENT_CANNOT_START_LOG, error);
	error = park_all(server);
	if (error < 0) {
		log_stop(server->log, SERVER_LOG_STOP_MS);
		return error;
	}
	server_plan_watch(server, 0);
	pool_release(&server->pool, true);
	release_receivers(server, true);
	server->state = SERVER_STARTED;
	log_ready(server);
	return 0;
}
