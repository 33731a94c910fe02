/* Opening a socket, putting another one in its place, and closing it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "engine/socket.h"

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static unsigned get_option(int fd, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	(void)getsockopt(fd, SOL_SOCKET, option, &value, &length);
	return (unsigned)value;
}

/* Ask beyond the system's limit first, which needs a privilege; then within it. When the kernel grants
 * less, that is reported, and no error. */
static void ask_buffer(int fd, int force_option, int option, unsigned bytes)
{
	if (bytes > 0 && set_option(fd, SOL_SOCKET, force_option, (int)bytes) < 0)
		(void)set_option(fd, SOL_SOCKET, option, (int)bytes);
}

/* IPV6_FREEBIND (Linux 4.15) lets a reply leave from an address that a route of
 * type local makes ours (AnyIP), as IPv4 does without.
 *
 * Routers fragment an IPv4 reply where their link is narrower, so it ignores a path MTU that a forged ICMP
 * message may have shrunk (OMIT). They drop an IPv6 reply, so it has to be fragmented here, by the path
 * MTU that their "packet too big" gives (DONT). The first reply that is too long for a path is lost. A
 * forged message has the replies to the one address that it names fragmented to 1280 bytes at the least,
 * for ten minutes, and none of them is lost. */
static int set_options(int fd, const union addr *address, bool wildcard)
{
	int error = set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);

	if (error == 0 && address->sa.sa_family == AF_INET6) {
		error = set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
		if (error == 0 && wildcard)
			error = set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		if (error == 0 && addr_is_wildcard(address))
			(void)set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	} else if (error == 0) {
		error = set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
		if (error == 0 && wildcard)
			error = set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	}
	return error;
}

/* Kernels before 4.18 know no such option. */
static bool has_segments(int fd)
{
	int value;
	socklen_t length = sizeof(value);

	return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &length) == 0;
}

/* Not for a wildcard, which needs no address. */
static int allow_any_address(int fd, const union addr *address)
{
	if (addr_is_wildcard(address))
		return 0;
	return address->sa.sa_family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1)
						 : set_option(fd, IPPROTO_IP, IP_FREEBIND, 1);
}

/* Does the kernel have to say which address was asked? On a wildcard socket; and on a broadcast address,
 * which connect(2) refuses. */
static int is_asked_at_many(const union addr *address, bool *ret_many)
{
	bool many = addr_is_wildcard(address) ||
		    (address->sa.sa_family == AF_INET &&
			    address->in.sin_addr.s_addr == htonl(INADDR_BROADCAST));

	if (!many && address->sa.sa_family == AF_INET) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return -errno;
		many = connect(fd, &address->sa, sizeof(address->in)) < 0 && errno == EACCES;
		close(fd);
	}
	*ret_many = many;
	return 0;
}

static int read_bound(int fd, union addr *ret_bound)
{
	socklen_t length = sizeof(*ret_bound);

	return getsockname(fd, &ret_bound->sa, &length) < 0 ? -errno : 0;
}

/* What is asked of each socket, bound or not. */
static int prepare(
	struct socket *socket, const union addr *address, const struct socket_config *config)
{
	ask_buffer(socket->fd, SO_RCVBUFFORCE, SO_RCVBUF, config->receive_bytes);
	ask_buffer(socket->fd, SO_SNDBUFFORCE, SO_SNDBUF, config->send_bytes);
	return set_options(socket->fd, address, socket->wildcard);
}

/* IPv6 sockets take IPv6 only. */
static int bind_to(
	const struct socket *socket, const union addr *address, const struct socket_config *config)
{
	int error = 0;

	if (address->sa.sa_family == AF_INET6)
		error = set_option(socket->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (error == 0 && config->freebind)
		error = allow_any_address(socket->fd, address);
	if (error == 0 && socket->reuseport)
		error = set_option(socket->fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (error == 0 && bind(socket->fd, &address->sa, addr_length(address)) < 0)
		error = -errno;
	return error;
}

/* From now on others may read it. */
static void publish_bound(struct socket *socket, const union addr *bound)
{
	if (bound->sa.sa_family == AF_INET6)
		atomic_store(&socket->scope, bound->in6.sin6_scope_id);
	atomic_store_explicit(&socket->port, bound->in.sin_port, memory_order_release);
}

/* What the kernel granted. Takes the socket, or closes it. */
static int finish(
	struct socket *socket, const struct socket_config *config, struct socket *ret_socket)
{
	int error = read_bound(socket->fd, &socket->bound);

	if (error < 0) {
		close(socket->fd);
		return error;
	}
	publish_bound(socket, &socket->bound);
	socket->receive_buffer_bytes = get_option(socket->fd, SO_RCVBUF);
	socket->send_buffer_bytes = get_option(socket->fd, SO_SNDBUF);
	socket->segments = has_segments(socket->fd);
	socket->gro = config->gro && set_option(socket->fd, IPPROTO_UDP, UDP_GRO, 1) == 0;
	if (config->busy_poll_us > 0 &&
		set_option(socket->fd, SOL_SOCKET, SO_BUSY_POLL, (int)config->busy_poll_us) == 0)
		socket->busy_poll_us = config->busy_poll_us;
	*ret_socket = *socket;
	return 0;
}

static int open_socket(const union addr *address, const struct socket_config *config,
	bool reuseport, struct socket *ret_socket)
{
	struct socket opened = { .reuseport = reuseport, .own = config->own };
	int error = is_asked_at_many(address, &opened.wildcard);

	if (error < 0)
		return error;
	opened.fd = socket(address->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (opened.fd < 0)
		return -errno;
	error = prepare(&opened, address, config);
	if (error == 0)
		error = bind_to(&opened, address, config);
	if (error == 0)
		return finish(&opened, config, ret_socket);
	close(opened.fd);
	return error;
}

int socket_adopt(
	int fd, bool reuseport, const struct socket_config *config, struct socket *ret_socket)
{
	struct socket adopted = { .reuseport = reuseport, .own = config->own };
	int error = read_bound(fd, &adopted.bound);

	if (error == 0)
		error = is_asked_at_many(&adopted.bound, &adopted.wildcard);
	if (error < 0)
		return error;
	adopted.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (adopted.fd < 0)
		return -errno;
	(void)set_option(adopted.fd, IPPROTO_UDP, UDP_GRO, 0);
	error = prepare(&adopted, &adopted.bound, config);
	if (error == 0)
		return finish(&adopted, config, ret_socket);
	close(adopted.fd);
	return error;
}

int socket_open(
	const union addr *address, const struct socket_config *config, struct socket *ret_socket)
{
	return open_socket(address, config, false, ret_socket);
}

/* The first was bound alone, so another server that was there first, or comes later and tries the
 * same, is refused: only now does it let others share the port. */
int socket_open_reuseport(
	struct socket *first, const struct socket_config *config, struct socket *ret_socket)
{
	int error = set_option(first->fd, SOL_SOCKET, SO_REUSEPORT, 1);

	return error < 0 ? error : open_socket(&first->bound, config, true, ret_socket);
}

int socket_open_idle(sa_family_t family, struct socket *ret_socket)
{
	const int type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int fd = socket(family, type, 0);

	if (fd < 0 && errno == EAFNOSUPPORT)
		fd = socket(family == AF_INET ? AF_INET6 : AF_INET, type, 0);
	if (fd < 0)
		return -errno;
	*ret_socket = (struct socket){ .fd = fd };
	return 0;
}

/* What does not change when a socket at the same address of another interface takes its place. */
static void copy_unshared(struct socket *socket, const struct socket *next)
{
	socket->bound = next->bound;
	socket->wildcard = next->wildcard;
	socket->reuseport = next->reuseport;
	socket->segments = next->segments;
	socket->receive_buffer_bytes = next->receive_buffer_bytes;
	socket->send_buffer_bytes = next->send_buffer_bytes;
	socket->gro = next->gro;
	socket->busy_poll_us = next->busy_poll_us;
	socket->own = next->own;
}

void socket_replace(struct socket *socket, const struct socket *next)
{
	uint64_t drops = socket_kernel_drops(socket);

	while (dup3(next->fd, socket->fd, O_CLOEXEC) < 0 && errno == EINTR)
		;
	close(next->fd);
	atomic_store(&socket->drops_before, drops);
	if (!socket_is_bound(socket))
		copy_unshared(socket, next);
	publish_bound(socket, &next->bound);
}

/* It says ENOTCONN, and wakes the pollers all the same: inet_shutdown() does that on purpose. What arrives is
 * still received, because UDP asks for the mark only when it has nothing and may wait (Linux 6.18). */
void socket_wake(const struct socket *socket)
{
	(void)shutdown(socket->fd, SHUT_RD);
}

void socket_close(struct socket *socket)
{
	if (socket->fd >= 0)
		close(socket->fd);
	socket->fd = -1;
	atomic_store(&socket->port, 0);
}

uint64_t socket_kernel_drops(const struct socket *socket)
{
	uint32_t values[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(values);
	uint64_t before = atomic_load(&socket->drops_before);

	if (getsockopt(socket->fd, SOL_SOCKET, SO_MEMINFO, values, &length) < 0)
		return before;
	return before + values[SK_MEMINFO_DROPS];
}

/* Only an address of this machine can be bound to. For the reason of a send that failed, no more often. */
bool socket_is_local(const union addr *address)
{
	union addr any_port = *address;
	int fd = socket(address->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local = true;

	if (fd < 0)
		return true;
	addr_set_port(&any_port, 0);
	if (bind(fd, &any_port.sa, addr_length(&any_port)) < 0)
		local = errno != EADDRNOTAVAIL;
	close(fd);
	return local;
}
