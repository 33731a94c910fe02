#include "engine/socket.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static unsigned get(int fd, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	(void)getsockopt(fd, SOL_SOCKET, option, &value, &length);
	return (unsigned)value;
}

/* Ask beyond the system's limit first, which needs a privilege; then within it. The kernel may
 * grant less; that is reported, not an error. */
static void ask_buffer(int fd, int force_option, int option, unsigned bytes)
{
	if (bytes > 0 && set(fd, SOL_SOCKET, force_option, (int)bytes) < 0)
		(void)set(fd, SOL_SOCKET, option, (int)bytes);
}

/* IPv6 sockets take IPv6 only. Replies ignore a path MTU that a forged ICMP message may have shrunk
 * (IP_PMTUDISC_OMIT). */
static int set_options(int fd, const union addr *address)
{
	int error = set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);

	if (error == 0 && address->sa.sa_family == AF_INET6) {
		error = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		if (error == 0)
			error = set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
		if (error == 0 && addr_is_wildcard(address))
			error = set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	} else if (error == 0) {
		error = set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
		if (error == 0 && addr_is_wildcard(address))
			error = set(fd, IPPROTO_IP, IP_PKTINFO, 1);
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

static int bind_to(int fd, const union addr *address, union addr *ret_bound)
{
	socklen_t length = sizeof(*ret_bound);

	if (bind(fd, &address->sa, addr_length(address)) < 0)
		return -errno;
	if (getsockname(fd, &ret_bound->sa, &length) < 0)
		return -errno;
	return 0;
}

static int open_socket(const union addr *address, const struct socket_wishes *wishes, bool shares,
	struct socket *ret_socket)
{
	struct socket opened = { .wildcard = addr_is_wildcard(address), .beside = shares };
	int error;

	opened.fd = socket(address->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (opened.fd < 0)
		return -errno;
	ask_buffer(opened.fd, SO_RCVBUFFORCE, SO_RCVBUF, wishes->receive_bytes);
	ask_buffer(opened.fd, SO_SNDBUFFORCE, SO_SNDBUF, wishes->send_bytes);
	error = set_options(opened.fd, address);
	if (error == 0 && shares)
		error = set(opened.fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (error == 0)
		error = bind_to(opened.fd, address, &opened.bound);
	if (error < 0) {
		close(opened.fd);
		return error;
	}
	opened.receive_buffer_bytes = get(opened.fd, SO_RCVBUF);
	opened.send_buffer_bytes = get(opened.fd, SO_SNDBUF);
	opened.segments = has_segments(opened.fd);
	opened.gro = wishes->gro && set(opened.fd, IPPROTO_UDP, UDP_GRO, 1) == 0;
	if (wishes->busy_poll_us > 0 &&
		set(opened.fd, SOL_SOCKET, SO_BUSY_POLL, (int)wishes->busy_poll_us) == 0)
		opened.busy_poll_us = wishes->busy_poll_us;
	*ret_socket = opened;
	return 0;
}

int socket_open(
	const union addr *address, const struct socket_wishes *wishes, struct socket *ret_socket)
{
	return open_socket(address, wishes, false, ret_socket);
}

/* The first was bound alone, so another server that was there first, or comes later and tries the
 * same, is refused: only now does it let others share the port. */
int socket_open_beside(
	struct socket *first, const struct socket_wishes *wishes, struct socket *ret_socket)
{
	int error = set(first->fd, SOL_SOCKET, SO_REUSEPORT, 1);

	return error < 0 ? error : open_socket(&first->bound, wishes, true, ret_socket);
}

void socket_close(struct socket *socket)
{
	if (socket->fd >= 0)
		close(socket->fd);
	socket->fd = -1;
}

/* Only this machine's addresses can be bound to. When that cannot be tried, say yes: to drop one
 * datagram is better than to answer ourselves for ever. */
static bool is_local(const union addr *address)
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

bool socket_is_own_at_port(const struct socket *sockets, unsigned count, const union addr *source)
{
	bool foreign = false; /* the kernel says that it is not this machine's */

	for (unsigned i = 0; i < count; i++) {
		const union addr *bound = &sockets[i].bound;
		bool any = bound->sa.sa_family == source->sa.sa_family && sockets[i].wildcard;

		if (addr_port(bound) != addr_port(source) || sockets[i].beside)
			continue;
		if (any ? !foreign && is_local(source) : addr_same_host(bound, source))
			return true;
		foreign |= any;
	}
	return false;
}

uint64_t socket_kernel_drops(const struct socket *socket)
{
	uint32_t values[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(values);

	if (getsockopt(socket->fd, SOL_SOCKET, SO_MEMINFO, values, &length) < 0)
		return 0;
	return values[SK_MEMINFO_DROPS];
}
