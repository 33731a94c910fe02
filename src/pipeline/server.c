/* The server's memory and sockets: made, opened, closed. */
#include "pipeline/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

const char *dgram_version(void)
{
	return DGRAM_VERSION;
}

static const char *const default_host = "127.0.0.1";

static size_t hosts_of(const struct dgram_service *service)
{
	return service->hosts_count > 0 ? service->hosts_count : 1;
}

static const char *host_of(const struct dgram_service *service, size_t i)
{
	return service->hosts_count > 0 ? service->hosts[i] : default_host;
}

static int make_log(struct dgram_server *server)
{
	struct log_settings settings = server_log_settings(&server->options);
	int error = log_new(&settings, &server->log);

	if (error == 0)
		error = log_ring_new(server->log, LOG_MAIN, 0, &server->ring);
	return error;
}

static int copy_values(struct handler *handler, const double *values)
{
	size_t count = handler->calls->parameters_count;

	handler->values = calloc(count + 1, sizeof(*handler->values));
	if (handler->values == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		handler->values[i] = values != NULL ? values[i]
						    : handler->calls->parameters[i].initial;
	return 0;
}

static struct queue_shape shape_of(const struct dgram_service *options)
{
	return (struct queue_shape){
		.capacity = options->queue_capacity,
		.most_workers = DGRAM_WORKERS_MAX,
		.rules = {
			.discipline = options->queue_discipline == DGRAM_FIFO ? BACKLOG_FIFO
									    : BACKLOG_FAIR,
			.per_client = options->queue_ordering == DGRAM_ORDERING_PER_CLIENT,
		},
		.keeps_shed = options->busy_replies && options->handler->busy != NULL,
	};
}

static int make_service(struct dgram_server *server, const struct dgram_service *options)
{
	struct service *service = &server->services[server->services_count++];
	struct queue_shape shape = shape_of(options);
	struct queue_settings settings;
	int error;

	service->capacity = options->queue_capacity;
	service->max_wait_ms = options->queue_max_wait_ms;
	service->overload_interval_ms = options->queue_overload_interval_ms;
	service->fair_window_ms = options->queue_fair_window_ms;
	service->max_workers = options->max_workers;
	settings = server_queue_settings(service, server->options.workers);
	service->handler.calls = options->handler;
	service->handler.context = options->context;
	atomic_init(&service->min_source_port, options->min_source_port);
	server->queues_bytes += queue_bytes(&shape);
	service->name = strdup(options->name != NULL ? options->name : options->handler->name);
	error = service->name == NULL ? -ENOMEM
				      : copy_values(&service->handler, options->parameters);
	return error < 0 ? error : queue_new(&shape, &settings, &service->queue);
}

static int make_listener(
	struct dgram_server *server, unsigned service, const char *host, uint16_t port)
{
	unsigned number = server->sockets_count++;
	struct listener *listener = &server->listeners[number];

	server->sockets[number].fd = -1;
	listener->service = service;
	listener->receiver = (struct receiver){
		.service = &server->services[service],
		.sockets = server->sockets,
		.number = number,
		.slab = server->slab,
		.work = &server->pool.shared.work,
		.stop_fd = server->stop_fd,
	};
	receiver_prepare(&listener->receiver, server->options.max_datagram_bytes);
	return addr_parse(host, port, &listener->address) < 0
		       ? -EINVAL
		       : log_ring_new(server->log, LOG_RECEIVER, number, &listener->receiver.log);
}

static int make_services(struct dgram_server *server, const struct dgram_service *services)
{
	size_t count = server->options.services_count;

	for (size_t i = 0; i < count; i++) {
		int error = make_service(server, &services[i]);

		for (size_t j = 0; error == 0 && j < hosts_of(&services[i]); j++)
			error = make_listener(
				server, (unsigned)i, host_of(&services[i], j), services[i].port);
		if (error < 0)
			return error;
	}
	for (unsigned i = 0; i < server->sockets_count; i++)
		server->listeners[i].receiver.sockets_count = server->sockets_count;
	return 0;
}

static int make_eventfds(struct dgram_server *server)
{
	int *const fds[] = { &server->stop_fd, &server->now_fd, &server->done_fd };

	for (size_t i = 0; i < 3; i++) {
		*fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*fds[i] < 0)
			return -errno;
	}
	return 0;
}

/* Slots for all that wait, and for what receivers and workers hold. */
static int make_slab(struct dgram_server *server, size_t sockets)
{
	size_t slots = server->slots + sockets * (size_t)SOCKET_BATCH +
		       (size_t)server->options.workers * WORKER_SLOTS;

	server->slots_workers = server->options.workers;
	return slab_new((unsigned)slots, server->options.max_datagram_bytes, &server->slab);
}

static int make_tables(struct dgram_server *server, size_t sockets)
{
	server->services = calloc(server->options.services_count, sizeof(*server->services));
	server->sockets = calloc(sockets, sizeof(*server->sockets));
	server->listeners = calloc(sockets, sizeof(*server->listeners));
	server->polls = calloc(sockets + 1, sizeof(*server->polls));
	return server->services == NULL || server->sockets == NULL || server->listeners == NULL ||
			       server->polls == NULL
		       ? -ENOMEM
		       : 0;
}

static int make_all(struct dgram_server *server, const struct dgram_service *services)
{
	size_t sockets = 0;
	int error;

	for (size_t i = 0; i < server->options.services_count; i++) {
		sockets += hosts_of(&services[i]);
		server->queue_capacity += services[i].queue_capacity;
		server->slots += services[i].queue_capacity + QUEUE_SHED_MAX;
	}
	error = make_tables(server, sockets);
	if (error == 0)
		error = make_eventfds(server);
	if (error == 0)
		error = make_log(server);
	if (error == 0)
		error = make_slab(server, sockets);
	if (error == 0)
		error = make_services(server, services);
	if (error < 0)
		return error;
	server->pool.log = server->log;
	server->pool.reply_bytes = server->options.max_datagram_bytes;
	server->pool.done_fd = server->done_fd;
	server->pool.shared.services = server->services;
	server->pool.shared.services_count = server->services_count;
	server->pool.shared.sockets = server->sockets;
	server->pool.shared.slab = server->slab;
	return pool_make(&server->pool, server->options.workers);
}

int dgram_server_new(const struct dgram_options *options, struct dgram_server **ret_server)
{
	int error = server_check_options(options);
	struct dgram_server *server;

	if (error < 0)
		return error;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return -ENOMEM;
	server->stop_fd = server->now_fd = server->done_fd = -1;
	pool_init(&server->pool);
	error = server_copy_options(server, options);
	if (error == 0)
		error = make_all(server, options->services);
	if (error < 0) {
		dgram_server_free(server);
		return error;
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
	if (server->alone)
		worker_stop(server->pool.members[0].worker);
	server_close(server);
	for (unsigned i = 0; i < server->sockets_count; i++)
		receiver_release(&server->listeners[i].receiver);
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
	log_free(server->log);
	close_fd(server->stop_fd);
	close_fd(server->now_fd);
	close_fd(server->done_fd);
	free(server->services);
	free(server->sockets);
	free(server->listeners);
	free(server->polls);
	free(server->log_target);
	free(server);
}
