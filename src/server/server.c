/* A server's birth and end: all of its memory is taken here. */
#include "base/clock.h"
#include "base/sys.h"
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
	if (error == 0)
		error = log_add_ring(server->log, LOG_MAIN, 0, &server->crash_ring);
	return error;
}

static size_t sockets_of(const struct dgram_service *service)
{
	return server_hosts(service) * service->receivers + service->fds_count;
}

/* Receivers that assist hold jobs as workers do. */
static struct queue_limits queue_limits_of(
	struct dgram_server *server, struct service *service, const struct dgram_service *options)
{
	bool assisted = options->handler->never_blocks;

	return (struct queue_limits){
		.capacity = options->queue_capacity,
		.workers_max = DGRAM_WORKERS_MAX + (assisted ? (unsigned)sockets_of(options) : 0),
		.demand = &server->pool.shared.demand,
		.service = (unsigned)(service - server->services),
		.losses = service->losses,
		.assisted = assisted,
		.outside = options->handler->children != NULL,
		.rules = {
			.discipline = options->queue_discipline == DGRAM_FIFO ? BACKLOG_FIFO
									    : BACKLOG_FAIR,
			.per_client = options->queue_ordering == DGRAM_ORDERING_PER_CLIENT,
		},
	};
}

static int make_queue(
	struct dgram_server *server, struct service *service, const struct dgram_service *options)
{
	struct queue_settings settings = server_options_queue(service, &server->options);
	struct queue_limits limits = queue_limits_of(server, service, options);

	server->queues_bytes += queue_bytes(&limits);
	return queue_new(&limits, &settings, &service->queue);
}

static int make_service(struct dgram_server *server, const struct dgram_service *options)
{
	struct service *service = &server->services[server->services_count++];
	int error;

	service->capacity = options->queue_capacity;
	service->helpers = options->handler->never_blocks ? (unsigned)sockets_of(options) : 0;
	service->reply_bytes = options->max_reply_bytes > 0 ? options->max_reply_bytes
							    : server->options.max_datagram_bytes;
	service->broadcast = options->broadcast;
	service->busy_replies = options->busy_replies && options->handler->busy != NULL;
	service->on_missing_address = options->on_missing_address;
	service->handler.calls = options->handler;
	service->handler.server = server;
	service->handler.context = options->context;
	service->limiter.meters = &server->tables->meters;
	service->limiter.service = server->services_count - 1;
	service->limiter.loss = &service->losses[DROP_LIMIT];
	service->door.limiter = &service->limiter;
	service->door.service = server->services_count - 1;
	service->door.cap = &server->tables->cap;
	server_options_set(server, service, options);
	service->name = strdup(server_service_name(options));
	service->handler.service = service->name;
	error = service->name == NULL ? -ENOMEM : server_values_make(&service->handler, options);
	if (error == 0 && options->concurrency != DGRAM_INLINE)
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
		.is_first = listener->reuseport_index == 0,
		.ports = &server->ports,
		.slab = server->slab,
		.workers = &server->pool.shared,
		.stop_fd = server->stop.watch.fd,
		.shutdowns = &server->shutdowns,
	};
	error = log_add_ring(server->log, LOG_RECEIVER, number, &receiver->log);
	if (error == 0)
		error = receiver_prepare(
			receiver, server->options.max_datagram_bytes, server->options.gro);
	if (error < 0 || !receiver_serves(receiver))
		return error;
	identity.only = receiver->service;
	identity.log = receiver->log;
	identity.replies = receiver->replies;
	return worker_new(&server->pool.shared, &identity, &receiver->worker);
}

/* Sockets that were handed in and have one address, which stand one behind the other, are receivers of one host;
 * `first`: of its service. */
static int place_fd(struct listener *listener, int fd, bool first)
{
	int error = server_fds_address(fd, &listener->endpoint.addr);
	const struct listener *before = listener - 1;

	listener->fd = fd;
	listener->receivers = 1;
	listener->held = true;
	atomic_init(&listener->shared, true);
	if (first)
		return error;
	if (addr_same(&before->endpoint.addr, &listener->endpoint.addr)) {
		listener->host = before->host;
		listener->reuseport_index = before->reuseport_index + 1;
		listener[-(int)listener->reuseport_index].receivers++;
	} else {
		listener->host = before->host + 1;
	}
	return error;
}

static void place_host(
	struct listener *listener, const struct dgram_service *options, unsigned number)
{
	listener->fd = -1;
	listener->host = number / options->receivers;
	listener->reuseport_index = number % options->receivers;
	listener->receivers = options->receivers;
	listener->freebind = options->freebind;
	(void)server_endpoint(options, listener->host, &listener->endpoint);
}

static int make_listeners(
	struct dgram_server *server, unsigned service, const struct dgram_service *options)
{
	for (unsigned i = 0; i < sockets_of(options); i++) {
		unsigned number = server->sockets_count++;
		struct listener *listener = &server->listeners[number];
		int error = 0;

		server->sockets[number].fd = -1;
		listener->server = server;
		listener->service = service;
		if (options->fds_count > 0)
			error = place_fd(listener, options->fds[i], i == 0);
		else
			place_host(listener, options, i);
		if (error == 0)
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

static void see_notice(void *context, uint32_t ready)
{
	struct notice *notice = context;

	(void)ready;
	notice->seen = true;
	events_remove(notice->events, &notice->watch);
}

static int make_notice(struct notice *notice, struct events *events)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	notice->events = events;
	notice->watch = (struct events_watch){ fd, EPOLLIN, see_notice, notice };
	return events_add(events, &notice->watch);
}

static void end_drain(void *context)
{
	struct dgram_server *server = context;

	server->drain_over = true;
}

static int make_loop(struct dgram_server *server)
{
	int error = events_open(&server->events);

	server->drain_timer.call = end_drain;
	server->drain_timer.context = server;
	if (error == 0)
		error = make_notice(&server->stop, &server->events);
	if (error == 0)
		error = server_losses_open(server);
	if (error == 0)
		error = make_notice(&server->abort, &server->events);
	if (error == 0)
		error = make_notice(&server->workers_done, &server->events);
	if (error == 0)
		error = make_notice(&server->receivers_done, &server->events);
	return error;
}

/* All descriptors are -1, and zeroed memory is the rest: it may be freed. */
static void make_empty(struct dgram_server *server)
{
	server->events.fd = server->stop.watch.fd = server->abort.watch.fd =
		server->workers_done.watch.fd = server->receivers_done.watch.fd =
			server->losses_watch.fd = -1;
	notices_init(&server->notices);
	pool_init(&server->pool);
}

/* Slots for all datagrams that wait, and for those that receivers, workers and the owner hold. */
static int make_slab(struct dgram_server *server, size_t sockets)
{
	unsigned workers = server_workers(server, &server->options);
	size_t slots = server->slots + sockets * (size_t)SOCKET_BATCH +
		       (workers + server->helpers) * (size_t)WORKER_SLOTS +
		       (server->slots > 0 ? QUEUE_BATCH_MAX : 0);

	server->slots_workers = workers;
	return slab_new((unsigned)slots, server->options.max_datagram_bytes, &server->slab);
}

static int make_tables(struct dgram_server *server, size_t sockets)
{
	server->services = calloc(server->options.services_count, sizeof(*server->services));
	server->losses = calloc(server->options.services_count, sizeof(*server->losses));
	server->summaries = calloc(server->options.services_count, sizeof(*server->summaries));
	server->outside = calloc(server->options.services_count, sizeof(*server->outside));
	server->sockets = calloc(sockets, sizeof(*server->sockets));
	server->listeners = calloc(sockets, sizeof(*server->listeners));
	server->polls = calloc(sockets + 2, sizeof(*server->polls));
	return server->services == NULL || server->losses == NULL || server->summaries == NULL ||
			       server->outside == NULL || server->sockets == NULL ||
			       server->listeners == NULL || server->polls == NULL
		       ? -ENOMEM
		       : 0;
}

static void add_needs(struct dgram_server *server, const struct dgram_service *service)
{
	if (service->concurrency == DGRAM_INLINE)
		return;
	server->queue_capacity += service->queue_capacity;
	server->slots += service->queue_capacity;
	server->helpers += service->handler->never_blocks ? sockets_of(service) : 0;
}

static void share_with_pool(struct dgram_server *server)
{
	struct worker_shared *shared = &server->pool.shared;

	server->pool.log = server->log;
	server->pool.workers_done_fd = server->workers_done.watch.fd;
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
		error = make_loop(server);
	if (error == 0)
		error = make_log(server, sockets);
	if (error == 0)
		error = make_slab(server, sockets);
	if (error == 0)
		error = tables_new(&server->tables);
	share_with_pool(server);
	if (error == 0)
		error = make_services(server, services);
	if (error == 0)
		error = pool_make(&server->pool, server_workers(server, &server->options));
	return error;
}

int dgram_server_new(const struct dgram_options *options, struct dgram_server **ret_server)
{
	struct server_access access;
	int error = server_options_check(options);
	struct dgram_server *server;

	if (error == 0)
		error = server_fds_check(options);
	if (error == 0)
		error = server_access_make(options, &access);
	if (error < 0)
		return error;
	server = calloc(1, sizeof(*server));
	if (server == NULL) {
		server_access_free(&access);
		return server_options_fail(options, -ENOMEM);
	}
	make_empty(server);
	server->last_losses_ns = server->last_summary_ns = sys_monotonic_ns();
	error = server_options_copy(server, options);
	if (error == 0)
		error = cpus_parse(options->cpus, &server->cpus);
	if (error == 0)
		error = make_server(server, options->services);
	if (error < 0) {
		server_access_free(&access);
		(void)dgram_server_free(server);
		return server_options_fail(options, error);
	}
	server_access_put(server, options, &access);
	*ret_server = server;
	return 0;
}

static void close_notice(const struct notice *notice)
{
	if (notice->watch.fd >= 0)
		close(notice->watch.fd);
}

static void free_all(struct dgram_server *server)
{
	server_outside_free(server);
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
		server_values_free(&server->services[i].handler);
		for (unsigned table = 0; table < ACCESS_TABLES; table++)
			access_free(atomic_load(&server->services[i].access[table]));
		free(server->services[i].name);
	}
	pool_destroy(&server->pool);
	slab_free(server->slab);
	own_addresses_free(server->own);
	tables_free(server->tables);
	notices_close(&server->notices);
	log_free(server->log);
	server_losses_close(server);
	close_notice(&server->stop);
	close_notice(&server->abort);
	close_notice(&server->workers_done);
	close_notice(&server->receivers_done);
	events_close(&server->events);
	free(server->services);
	free(server->losses);
	free(server->summaries);
	free(server->sockets);
	free(server->listeners);
	free(server->polls);
	free(server->log_target);
	free(server);
}

int dgram_server_free(struct dgram_server *server)
{
	int error = server != NULL ? server_owner_enter(server) : 0;

	if (server == NULL || error < 0)
		return error;
	if (server->state == SERVER_STARTED) {
		dgram_server_shutdown(server);
		dgram_server_shutdown(server);
		server_serve_unwatch(server);
		(void)server_stop(server);
	}
	if (server->state == SERVER_ABANDONED) {
		server_owner_leave(server);
		return -ETIMEDOUT;
	}
	if (server->threadless)
		server_threadless_stop(server);
	free_all(server);
	return 0;
}
