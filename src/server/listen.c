/* Listening on a host: a socket for each of its receivers, and what the log says of them. */
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>

#include "guard/neighbours.h"
#include "server/server.h"

/* Why an address cannot be listened on, where the error and the address tell. */
static const char *cause_of(int error, const union addr *address)
{
	const uint16_t port = addr_port(address);
	const bool v6 = address->sa.sa_family == AF_INET6;

	switch (error) {
	case -EADDRINUSE:
		return port == 0 ? "no port is free: widen net.ipv4.ip_local_port_range"
				 : "another program has this port: see ss -ulnp";
	case -EADDRNOTAVAIL:
		return v6 ? "no interface has this address yet, or it is tentative: see ip address, "
			    "or set freebind"
			  : "no interface has this address yet: see ip address, or set freebind";
	case -ENODEV:
		return "there is no such interface yet: see ip link";
	case -EAFNOSUPPORT:
		return v6 ? "there is no IPv6 here: the kernel runs without it, or "
			    "RestrictAddressFamilies forbids it"
			  : "there is no IPv4 here: RestrictAddressFamilies forbids it";
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

/* A listener of ours that has the address, or NULL. */
static const struct listener *find_rival(
	const struct dgram_server *server, const struct listener *host)
{
	union addr address;

	if (endpoint_resolve(&host->endpoint, &address) < 0)
		return NULL;
	for (unsigned i = 0; i < server->sockets_count; i++) {
		union addr bound;

		if (!socket_is_bound(&server->sockets[i]))
			continue;
		bound = socket_address(&server->sockets[i]);
		if (addr_excludes(&bound, &address))
			return &server->listeners[i];
	}
	return NULL;
}

void server_listen_log_missing(
	struct dgram_server *server, const struct listener *host, enum log_event_id event)
{
	const struct listener *rival = host->missing == -EADDRINUSE ? find_rival(server, host)
								    : NULL;
	char address[ADDR_TEXT_MAX], hint[128];

	(void)snprintf(hint, sizeof(hint), "%s", cause_of(host->missing, &host->endpoint.addr));
	if (rival != NULL)
		(void)snprintf(hint, sizeof(hint), "our service %s listens there already",
			server->services[rival->service].name);
	log_event(server->ring, event,
		LOG_FIELDS(log_text("service", server->services[host->service].name),
			log_text("address", endpoint_format(&host->endpoint, address)),
			log_errno("error", -host->missing), log_text("hint", hint)));
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

void server_listen_log(
	struct dgram_server *server, const struct listener *host, const struct socket *socket)
{
	const struct service *service = &server->services[host->service];
	const union addr address = socket_address(socket);
	const char *name = service->name;

	log_event(server->ring, EVENT_LISTENING,
		LOG_FIELDS(log_text("service", name), log_addr("address", &address),
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
	if (!addr_is_loopback(&address))
		log_event(server->ring, EVENT_REACHABLE,
			LOG_FIELDS(log_text("service", name), log_addr("address", &address)));
}

/* Another server may still receive at it, which would take only the first part of what UDP_GRO joins, if it did not
 * ask for that. */
static int adopt_inherited(struct listener *listener, const struct dgram_inherited *left,
	struct socket_config config, struct socket *ret_socket)
{
	int gro = 0;
	socklen_t length = sizeof(gro);

	config.gro = config.gro && getsockopt(left->fd, IPPROTO_UDP, UDP_GRO, &gro, &length) == 0 &&
		     gro != 0;
	listener->held = left->held;
	atomic_store(&listener->shared, left->held);
	return socket_adopt(left->fd, listener->reuseport_index > 0, &config, ret_socket);
}

/* Those that it inherits, and new ones for the rest. */
static int open_at(struct dgram_server *server, struct listener *host, const union addr *address,
	const struct socket_config *config, struct socket *ret_sockets)
{
	const struct dgram_inherited *left = NULL;
	unsigned count = 0;
	int error = 0;

	while (error == 0 && count < host->receivers &&
		(left = server_inherit_find(server, host, address, left)) != NULL) {
		error = adopt_inherited(&host[count], left, *config, &ret_sockets[count]);
		count++;
	}
	if (error == 0 && count == 0)
		error = socket_open(address, config, &ret_sockets[count++]);
	for (; error == 0 && count < host->receivers; count++)
		error = socket_open_reuseport(&ret_sockets[0], config, &ret_sockets[count]);
	return error;
}

static int open_all(struct dgram_server *server, struct listener *host, struct socket *ret_sockets)
{
	const struct socket_config config = {
		.receive_bytes = server->options.receive_buffer_bytes,
		.send_bytes = server->options.send_buffer_bytes,
		.gro = server->options.gro,
		.busy_poll_us = server->options.busy_poll_us,
		.freebind = host->freebind,
		.own = server->own,
	};
	union addr address;
	int error = 0;

	if (host->fd >= 0) {
		for (unsigned i = 0; error == 0 && i < host->receivers; i++)
			error = socket_adopt(host[i].fd, i > 0, &config, &ret_sockets[i]);
		return error;
	}
	error = endpoint_resolve(&host->endpoint, &address);
	return error < 0 ? error : open_at(server, host, &address, &config, ret_sockets);
}

int server_listen_open(
	struct dgram_server *server, struct listener *host, struct socket *ret_sockets)
{
	int error;

	for (unsigned i = 0; i < host->receivers; i++)
		ret_sockets[i] = (struct socket){ .fd = -1 };
	error = open_all(server, host, ret_sockets);
	for (unsigned i = 0; error < 0 && i < host->receivers; i++)
		socket_close(&ret_sockets[i]);
	if (error == 0) {
		addr_set_port(&host->endpoint.addr, addr_port(&ret_sockets[0].bound));
		guard_ports_add(&server->ports, addr_port(&ret_sockets[0].bound));
	}
	host->missing = error;
	return error;
}
