/* Opening a server: its log, its services, its sockets. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guard/neighbours.h"
#include "server/server.h"

int server_bind_log(struct dgram_server *server, const struct dgram_options *options)
{
	struct log_settings settings = server_options_log(options);
	int error = log_set_workers(server->log, server_workers(server, options));

	if (error == 0)
		error = log_apply(server->log, &settings);
	if (error < 0)
		log_event(server->ring, EVENT_CANNOT_OPEN_LOG,
			LOG_FIELDS(
				log_text("target", settings.target), log_errno("error", -error)));
	return error;
}

static int open_services(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++) {
		int error = handler_open(&server->services[i].handler, server->ring);

		if (error == 0)
			continue;
		log_event(server->ring, EVENT_CANNOT_OPEN_SERVICE,
			LOG_FIELDS(log_text("service", server->services[i].name),
				log_errno("error", -error)));
		return error;
	}
	return 0;
}

/* Why an address cannot be listened on, where the error and the port tell. */
static const char *cause_of(int error, uint16_t port)
{
	switch (error) {
	case -EADDRINUSE:
		return port == 0 ? "no port is free: widen net.ipv4.ip_local_port_range"
				 : "another program has this port: see ss -ulnp";
	case -EADDRNOTAVAIL:
		return "no interface has this address yet: see ip address, or set freebind";
	case -ENODEV:
		return "there is no such interface yet: see ip link";
	case -EAFNOSUPPORT:
		return "there is no IPv6 here: the kernel runs without it, or "
		       "RestrictAddressFamilies forbids it";
	case -EACCES:
		return port < 1024 ? "ports below 1024 need CAP_NET_BIND_SERVICE"
				   : "net.ipv4.ip_unprivileged_port_start or a security module "
				     "forbids the port";
	case -EPERM:
		return "SocketBindDeny or a security module forbids it";
	case -EBADF:
		return "the socket that was handed in is closed";
	case -EMFILE:
		return "the process has no descriptor left: raise its limit of open files";
	case -ENFILE:
		return "the system has no file left: raise fs.file-max";
	case -ENOBUFS:
	case -ENOMEM:
		return "the system has no memory left for a socket";
	case -ENOPROTOOPT:
		return "this kernel lacks an option of sockets: it is too old";
	default:
		return "the kernel gives no reason";
	}
}

/* A socket of ours that has the address, or NULL. */
static const struct listener *find_rival(
	const struct dgram_server *server, const struct listener *listener)
{
	union addr address;

	if (endpoint_resolve(&listener->endpoint, &address) < 0)
		return NULL;
	for (const struct listener *other = server->listeners; other < listener; other++)
		if (addr_excludes(&server->sockets[other - server->listeners].bound, &address))
			return other;
	return NULL;
}

static void log_cannot_listen(
	struct dgram_server *server, const struct listener *listener, int error)
{
	const struct listener *rival = error == -EADDRINUSE ? find_rival(server, listener) : NULL;
	char address[ADDR_TEXT_MAX], hint[128];

	(void)snprintf(
		hint, sizeof(hint), "%s", cause_of(error, addr_port(&listener->endpoint.addr)));
	if (rival != NULL)
		(void)snprintf(hint, sizeof(hint), "our service %s listens there already",
			server->services[rival->service].name);
	log_event(server->ring, EVENT_CANNOT_LISTEN,
		LOG_FIELDS(log_text("service", server->services[listener->service].name),
			log_text("address", endpoint_format(&listener->endpoint, address)),
			log_errno("error", -error), log_text("hint", hint)));
}

/* What the kernel takes of its buffer for an IPv4 datagram of up to so many bytes, its own data included (Linux
 * 6.18; longer ones take 2304, and from 2000 bytes on 4352). */
static const struct {
	unsigned datagram_bytes, buffer_bytes;
} steps[] = { { 197, 832 }, { 645, 1280 } };

/* The part of a burst that the queue could hold and the socket cannot is lost in the kernel. Bursts are of short
 * datagrams: longer ones than the last step are not reckoned with. */
static void log_burst(
	struct dgram_server *server, const struct service *service, const struct socket *socket)
{
	unsigned step = server->options.max_datagram_bytes <= steps[0].datagram_bytes ? 0 : 1;
	unsigned holds = socket->receive_buffer_bytes / steps[step].buffer_bytes;

	if (service->queue == NULL || holds >= service->capacity)
		return;
	log_event(server->ring, EVENT_RECEIVE_BUFFER_BELOW_QUEUE,
		LOG_FIELDS(log_text("service", service->name), log_uint("holds", holds),
			log_uint("datagram_bytes", steps[step].datagram_bytes),
			log_uint("capacity", service->capacity),
			log_text("hint", "raise net.core.rmem_max and "
					 "socket.receive_buffer_bytes, or lower queue.capacity")));
}

/* The kernel doubles what it is asked for, to have room for its own overhead. */
static void log_reduced(
	struct dgram_server *server, const struct service *service, const struct socket *socket)
{
	if (socket->receive_buffer_bytes / 2 < server->options.receive_buffer_bytes)
		log_event(server->ring, EVENT_RECEIVE_BUFFER_REDUCED,
			LOG_FIELDS(log_text("service", service->name),
				log_text("hint", "raise net.core.rmem_max, or lower "
						 "socket.receive_buffer_bytes")));
	if (socket->send_buffer_bytes / 2 < server->options.send_buffer_bytes)
		log_event(server->ring, EVENT_SEND_BUFFER_REDUCED,
			LOG_FIELDS(log_text("service", service->name),
				log_text("hint", "raise net.core.wmem_max, or lower "
						 "socket.send_buffer_bytes")));
}

/* Enough forged requests from neighbours that do not exist fill the send buffer for three seconds, unless what
 * may wait for all neighbours that the kernel knows is less. */
static void log_neighbours(
	struct dgram_server *server, const struct service *service, const struct socket *socket)
{
	sa_family_t family = socket->bound.sa.sa_family;
	struct neighbour_limits limits;
	uint64_t wait_bytes; /* for each: one short reply always may */

	if (addr_is_loopback(&socket->bound) || neighbours_limits(family, &limits) < 0)
		return;
	wait_bytes = limits.queue_bytes > steps[0].buffer_bytes ? limits.queue_bytes
								: steps[0].buffer_bytes;
	if (wait_bytes * limits.neighbours <= socket->send_buffer_bytes)
		return;
	log_event(server->ring, EVENT_SEND_BUFFER_BELOW_NEIGHBOURS,
		LOG_FIELDS(log_text("service", service->name),
			log_uint("unres_qlen_bytes", limits.queue_bytes),
			log_uint("neighbours", limits.neighbours),
			log_uint("fits", socket->send_buffer_bytes / limits.neighbours),
			log_text("hint",
				family == AF_INET6
					? "lower net.ipv6.neigh.default.unres_qlen_bytes"
					: "lower net.ipv4.neigh.default.unres_qlen_bytes")));
}

static void log_listening(
	struct dgram_server *server, const struct listener *listener, const struct socket *socket)
{
	const struct service *service = &server->services[listener->service];
	const char *name = service->name;

	log_event(server->ring, EVENT_LISTENING,
		LOG_FIELDS(log_text("service", name), log_addr("address", &socket->bound),
			log_uint("receive_buffer_asked", server->options.receive_buffer_bytes),
			log_uint("receive_buffer_granted", socket->receive_buffer_bytes / 2),
			log_uint("send_buffer_asked", server->options.send_buffer_bytes),
			log_uint("send_buffer_granted", socket->send_buffer_bytes / 2)));
	log_reduced(server, service, socket);
	log_burst(server, service, socket);
	log_neighbours(server, service, socket);
	if (server->options.gro && !socket->gro)
		log_event(server->ring, EVENT_NO_UDP_GRO,
			LOG_FIELDS(log_text("service", name),
				log_text("hint", "this kernel has none: unset socket.gro")));
	if (socket->busy_poll_us < server->options.busy_poll_us)
		log_event(server->ring, EVENT_NO_BUSY_POLLING,
			LOG_FIELDS(log_text("service", name),
				log_text("hint", "socket.busy_poll_us needs CAP_NET_ADMIN")));
	if (!addr_is_loopback(&socket->bound))
		log_event(server->ring, EVENT_REACHABLE,
			LOG_FIELDS(log_text("service", name), log_addr("address", &socket->bound)));
}

static int open_socket_of(
	struct dgram_server *server, const struct listener *listener, struct socket *ret_socket)
{
	const struct socket_config config = {
		.receive_bytes = server->options.receive_buffer_bytes,
		.send_bytes = server->options.send_buffer_bytes,
		.gro = server->options.gro,
		.busy_poll_us = server->options.busy_poll_us,
		.freebind = listener->freebind,
		.own = server->own,
	};
	union addr address;
	int error;

	if (listener->fd >= 0)
		return socket_adopt(
			listener->fd, listener->reuseport_index > 0, &config, ret_socket);
	if (listener->reuseport_index > 0)
		return socket_open_reuseport(
			ret_socket - listener->reuseport_index, &config, ret_socket);
	error = endpoint_resolve(&listener->endpoint, &address);
	return error < 0 ? error : socket_open(&address, &config, ret_socket);
}

static int open_sockets(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++) {
		const struct listener *listener = &server->listeners[i];
		struct socket *socket = &server->sockets[i];
		int error = open_socket_of(server, listener, socket);

		if (error < 0) {
			log_cannot_listen(server, listener, error);
			return error;
		}
		if (listener->reuseport_index == 0)
			log_listening(server, listener, socket);
	}
	return 0;
}

void server_bind_undo(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		socket_close(&server->sockets[i]);
	for (unsigned i = 0; i < server->services_count; i++)
		handler_close(&server->services[i].handler);
}

int server_bind(struct dgram_server *server)
{
	int error;

	if (server->state != SERVER_NEW)
		return -EALREADY;
	error = server_bind_log(server, &server->options);
	if (error == 0)
		error = open_services(server);
	if (error == 0) {
		server_own_open(server);
		error = open_sockets(server);
	}
	if (error < 0)
		server_bind_undo(server);
	else
		server->state = SERVER_BOUND;
	return error;
}

int dgram_server_bind(struct dgram_server *server)
{
	int error = server_owner_enter(server);

	if (error < 0)
		return error;
	error = server_bind(server);
	server_owner_leave(server);
	return error;
}

static int find_socket(
	struct dgram_server *server, size_t service, size_t host, const struct socket **ret_socket)
{
	for (unsigned i = 0; i < server->sockets_count; i++) {
		if (server->listeners[i].service != service || server->listeners[i].host != host ||
			server->listeners[i].reuseport_index != 0)
			continue;
		if (server->sockets[i].fd < 0)
			return -EBADF;
		*ret_socket = &server->sockets[i];
		return 0;
	}
	return -ENOENT;
}

int dgram_server_fileno(struct dgram_server *server, size_t service, size_t host)
{
	const struct socket *socket;
	int error = find_socket(server, service, host, &socket);

	return error < 0 ? error : socket->fd;
}

int dgram_server_socket(struct dgram_server *server, size_t number)
{
	if (number >= server->sockets_count)
		return -ENOENT;
	if (server->sockets[number].fd < 0)
		return -EBADF;
	atomic_store(&server->listeners[number].shared, true);
	return server->sockets[number].fd;
}

int dgram_server_address(struct dgram_server *server, size_t service, size_t host,
	struct sockaddr_storage *ret_address)
{
	const struct socket *socket;
	int error = find_socket(server, service, host, &socket);

	if (error < 0)
		return error;
	memset(ret_address, 0, sizeof(*ret_address));
	memcpy(ret_address, &socket->bound, sizeof(socket->bound));
	return 0;
}
