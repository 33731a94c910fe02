/* A server's birth and end: all of its memory is taken here. */
#include "base/clock.h"
#include "server/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int server_failed(struct dgram_server *server, enum log_event_id event, int error)
{
	log_event(server->ring, event, LOG_FIELDS(log_errno("error", -error)));
	return error;
}

static int make_log(struct dgram_server *server, size_t sockets)
{
	struct log_settings settings = server_options_log(&server->options);
	int error = log_new(&settings, (unsigned)sockets, &server->log);

	if (error == 0)
		error = log_add_ring(server->log, LOG_MAIN, 0, &server->ring);
	return error;
}

static size_t sockets_of(const struct dgram_service *service)
{
	return server_hosts(service) * service->receivers;
}

/* Receivers that assist hold jobs as workers do. */
static struct queue_limits queue_limits_of(const struct dgram_service *options)
{
	bool assisted = options->handler->never_blocks;

	return (struct queue_limits){
		.capacity = options->queue_capacity,
		.workers_max = DGRAM_WORKERS_MAX + (assisted ? (unsigned)sockets_of(options) : 0),
		.assisted = assisted,
		.rules = {
			.discipline = options->queue_discipline == DGRAM_FIFO ? BACKLOG_FIFO
									    : BACKLOG_FAIR,
			.per_client = options->queue_ordering == DGRAM_ORDERING_PER_CLIENT,
		},
		.keeps_shed = options->busy_replies && options->handler->busy != NULL,
	};
}

static int make_queue(
	struct dgram_server *server, struct service *service, const struct dgram_service *options)
{
	struct queue_settings settings = server_options_queue(service, &server->options);
	struct queue_limits limits = queue_limits_of(options);

	server->queues_bytes += queue_bytes(&limits);
	return queue_new(&limits, &settings, &service->queue);
}

static int make_service(struct dgram_server *server, const struct dgram_service *options)
{
	struct service *service = &server->services[server->services_count++];
	int error;

	service->capacity = options->queue_capacity;
	service->max_wait_ms = options->queue_max_wait_ms;
	service->overload_interval_ms = options->queue_overload_interval_ms;
	service->fair_window_ms = options->queue_fair_window_ms;
	service->max_workers = options->max_workers;
	service->helpers = options->handler->never_blocks ? (unsigned)sockets_of(options) : 0;
	atomic_init(&service->max_wait_ns, options->queue_max_wait_ms * NS_PER_MS);
	service->broadcast = options->broadcast;
	service->handler.calls = options->handler;
	service->handler.server = server;
	service->handler.context = options->context;
	atomic_init(&service->min_source_port, options->min_source_port);
	service->name = strdup(server_service_name(options));
	service->handler.service = service->name;
	error = service->name == NULL ? -ENOMEM
				      : server_parameters_copy(options, &service->handler.values);
	if (error == 0 && options->concurrency == DGRAM_POOL)
		error = make_queue(server, service, options);
	return error;
}

/* With a worker of its own where it runs handlers. */
static int make_receiver(struct dgram_server *server, unsigned number)
{
	struct listener *listener = &server->listeners[number];
	struct receiver *receiver = &listener->receiver;
	struct worker_identity identity = { .number = WORKER_OF_RECEIVER(number) };
	int error;

	*receiver = (struct receiver){
		.service = &server->services[listener->service],
		.sockets = server->sockets,
		.number = number,
		.slab = server->slab,
		.workers = &server->pool.shared,
		.stop_fd = server->stop_fd,
		.shutdowns = &server->shutdowns,
	};
	error = receiver_prepare(receiver, server->options.max_datagram_bytes, server->options.gro);
	if (error == 0)
		error = log_add_ring(server->log, LOG_RECEIVER, number, &receiver->log);
	if (error < 0 || !receiver_serves(receiver))
		return error;
	identity.only = receiver->service;
	identity.log = receiver->log;
	return worker_new(&server->pool.shared, &identity, server->options.max_datagram_bytes,
		&receiver->worker);
}

static int make_listeners(
	struct dgram_server *server, unsigned service, const struct dgram_service *options)
{
	for (unsigned i = 0; i < sockets_of(options); i++) {
		unsigned number = server->sockets_count++;
		struct listener *listener = &server->listeners[number];
		int error;

		server->sockets[number].fd = -1;
		listener->server = server;
		listener->service = service;
		listener->host = i / options->receivers;
		listener->reuseport_index = i % options->receivers;
		listener->freebind = options->freebind;
		(void)server_endpoint(options, listener->host, &listener->endpoint);
		error = make_receiver(server, number);
		if (error < 0)
			return error;
	}
	return 0;
}

static int make_services(struct dgram_server *server, const struct dgram_service *services)
{
	for (unsigned i = 0; i < server->options.services_count; i++) {
		int error = make_service(server, &services[i]);

		if (error == 0)
			error = make_listeners(server, i, &services[i]);
		if (error < 0)
			return error;
	}
	for (unsigned i = 0; i < server->sockets_count; i++)
		server->listeners[i].receiver.sockets_count = server->sockets_count;
	return server_own_make(server);
}

static int make_eventfds(struct dgram_server *server)
{
	int *const fds[] = { &server->stop_fd, &server->abort_fd, &server->workers_done_fd,
		&server->receivers_done_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		*fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*fds[i] < 0)
			return -errno;
	}
	return 0;
}

/* Slots for all datagrams that wait, and for those that receivers and workers hold. */
static int make_slab(struct dgram_server *server, size_t sockets)
{
	unsigned workers = server_workers(server, &server->options);
	size_t slots = server->slots + sockets * (size_t)SOCKET_BATCH +
		       (workers + server->helpers) * (size_t)WORKER_SLOTS;

	server->slots_workers = workers;
	return slab_new((unsigned)slots, server->options.max_datagram_bytes, &server->slab);
}

static int make_tables(struct dgram_server *server, size_t sockets)
{
	server->services = calloc(server->options.services_count, sizeof(*server->services));
	server->sockets = calloc(sockets, sizeof(*server->sockets));
	server->listeners = calloc(sockets, sizeof(*server->listeners));
	server->polls = calloc(sockets + 2, sizeof(*server->polls));
	return server->services == NULL || server->sockets == NULL || server->listeners == NULL ||
			       server->polls == NULL
		       ? -ENOMEM
		       : 0;
}

static void add_needs(struct dgram_server *server, const struct dgram_service *service)
{
	if (service->concurrency == DGRAM_INLINE)
		return;
	server->queue_capacity += service->queue_capacity;
	server->slots += service->queue_capacity + QUEUE_SHED_MAX;
	server->helpers += service->handler->never_blocks ? sockets_of(service) : 0;
}

static void share_with_pool(struct dgram_server *server)
{
	struct worker_shared *shared = &server->pool.shared;

	server->pool.log = server->log;
	server->pool.reply_bytes = server->options.max_datagram_bytes;
	server->pool.workers_done_fd = server->workers_done_fd;
	server->pool.cpus = &server->cpus;
	shared->services = server->services;
	shared->services_count = (unsigned)server->options.services_count;
	shared->sockets = server->sockets;
	shared->slab = server->slab;
}

static int make_server(struct dgram_server *server, const struct dgram_service *services)
{
	size_t sockets = 0;
	int error;

	for (size_t i = 0; i < server->options.services_count; i++) {
		sockets += sockets_of(&services[i]);
		add_needs(server, &services[i]);
	}
	error = make_tables(server, sockets);
	if (error == 0)
		error = make_eventfds(server);
	if (error == 0)
		error = make_log(server, sockets);
	if (error == 0)
		error = make_slab(server, sockets);
	share_with_pool(server);
	if (error == 0)
		error = make_services(server, services);
	if (error == 0)
		error = pool_make(&server->pool, server_workers(server, &server->options));
	return error;
}

int dgram_server_new(const struct dgram_options *options, struct dgram_server **ret_server)
{
	int error = server_options_check(options);
	struct dgram_server *server;

	if (error < 0)
		return error;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return server_options_fail(options, -ENOMEM);
	server->stop_fd = server->abort_fd = server->workers_done_fd = server->receivers_done_fd =
		-1;
	pool_init(&server->pool);
	error = server_options_copy(server, options);
	if (error == 0)
		error = cpus_parse(options->cpus, &server->cpus);
	if (error == 0)
		error = make_server(server, options->services);
	if (error < 0) {
		dgram_server_free(server);
		return server_options_fail(options, error);
	}
	*ret_server = server;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void dgram_server_free(struct dgram_server *server)
{
	if (server == NULL)
		return;
	if (server->state == SERVER_STARTED) {
		dgram_server_shutdown(server);
		dgram_server_shutdown(server);
		(void)dgram_server_serve_forever(server);
	}
	if (server->state == SERVER_ABANDONED)
		return;
	if (server->threadless)
		server_threadless_stop(server);
	server_bind_undo(server);
	for (unsigned i = 0; i < server->sockets_count; i++) {
		receiver_release(&server->listeners[i].receiver);
		worker_free(server->listeners[i].receiver.worker);
	}
	for (unsigned i = 0; i < server->services_count; i++) {
		struct datagram_list left = { 0 };

		if (server->services[i].queue != NULL) {
			queue_discard(server->services[i].queue, &left);
			slab_give(server->slab, &left);
		}
		queue_free(server->services[i].queue);
		free(server->services[i].handler.values);
		free(server->services[i].name);
	}
	pool_destroy(&server->pool);
	slab_free(server->slab);
	own_addresses_free(server->own);
	log_free(server->log);
	close_fd(server->stop_fd);
	close_fd(server->abort_fd);
	close_fd(server->workers_done_fd);
	close_fd(server->receivers_done_fd);
	free(server->services);
	free(server->sockets);
	free(server->listeners);
	free(server->polls);
	free(server->log_target);
	free(server);
}
