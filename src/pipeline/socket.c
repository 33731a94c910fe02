#include "pipeline/socket.h"

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

static int open_socket(const union addr *address, const struct socket_buffers *buffers, bool shares,
	struct socket *ret_socket)
{
	struct socket opened = { .wildcard = addr_is_wildcard(address) };
	int error;

	opened.fd = socket(address->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (opened.fd < 0)
		return -errno;
	ask_buffer(opened.fd, SO_RCVBUFFORCE, SO_RCVBUF, buffers->receive_bytes);
	ask_buffer(opened.fd, SO_SNDBUFFORCE, SO_SNDBUF, buffers->send_bytes);
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
	*ret_socket = opened;
	return 0;
}

int socket_open(
	const union addr *address, const struct socket_buffers *buffers, struct socket *ret_socket)
{
	return open_socket(address, buffers, false, ret_socket);
}

/* The first was bound alone, so another server that was there first, or comes later and tries the
 * same, is refused: only now does it let others share the port. */
int socket_open_beside(
	struct socket *first, const struct socket_buffers *buffers, struct socket *ret_socket)
{
	int error = set(first->fd, SOL_SOCKET, SO_REUSEPORT, 1);

	return error < 0 ? error : open_socket(&first->bound, buffers, true, ret_socket);
}

void socket_close(struct socket *socket)
{
	if (socket->fd >= 0)
		close(socket->fd);
	socket->fd = -1;
}

void socket_batch_init(struct socket_batch *batch, unsigned data_bytes)
{
	*batch = (struct socket_batch){ .data_bytes = data_bytes, .used = SOCKET_BATCH };
	clock_pair_read(&batch->clocks);
}

/* What the last call used has to be made ready again. */
static void prepare(struct socket_batch *batch, struct datagram *const slots[])
{
	for (unsigned i = 0; i < batch->used; i++) {
		batch->vectors[i].iov_base = slots[i]->data;
		batch->vectors[i].iov_len = batch->data_bytes;
		batch->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &slots[i]->client,
			.msg_namelen = sizeof(slots[i]->client),
			.msg_iov = &batch->vectors[i],
			.msg_iovlen = 1,
			.msg_control = &batch->controls[i],
			.msg_controllen = sizeof(batch->controls[i]),
		};
	}
	batch->used = 0;
}

/* The local address of a datagram that came to a wildcard socket. ipi_spec_dst is ours also where
 * the datagram was sent to a broadcast address. */
static void take_local_v4(struct datagram *datagram, const struct cmsghdr *control)
{
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(control), sizeof(info));
	datagram->local.in.sin_addr = info.ipi_spec_dst;
}

static void take_local_v6(struct datagram *datagram, const struct cmsghdr *control)
{
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(control), sizeof(info));
	if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
		return;
	datagram->local.in6.sin6_addr = info.ipi6_addr;
	if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		datagram->local.in6.sin6_scope_id = info.ipi6_ifindex;
}

static void take_control(struct datagram *datagram, struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			datagram->timestamp_ns = ts.tv_sec * NS_PER_S + ts.tv_nsec;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			take_local_v4(datagram, c);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			take_local_v6(datagram, c);
		}
	}
}

int socket_receive(const struct socket *socket, struct socket_batch *batch,
	struct datagram *const slots[static SOCKET_BATCH])
{
	int count;

	prepare(batch, slots);
	count = sys_receive(socket->fd, batch->messages, SOCKET_BATCH);
	if (count < 0)
		return count == -EAGAIN ? 0 : count;
	batch->used = (unsigned)count;
	clock_pair_read(&batch->clocks);
	for (int i = 0; i < count; i++) {
		struct datagram *datagram = slots[i];

		datagram->length = batch->messages[i].msg_len;
		datagram->truncated = batch->messages[i].msg_hdr.msg_flags & MSG_TRUNC;
		datagram->local = socket->bound;
		datagram->timestamp_ns = 0;
		take_control(datagram, &batch->messages[i].msg_hdr);
		datagram->arrived_ns =
			clock_pair_arrival_ns(&batch->clocks, datagram->timestamp_ns);
		if (datagram->timestamp_ns == 0)
			datagram->timestamp_ns = batch->clocks.realtime_ns;
	}
	return count;
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

bool socket_is_own(const struct socket *sockets, unsigned count, const union addr *source)
{
	for (unsigned i = 0; i < count; i++) {
		const union addr *bound = &sockets[i].bound;

		if (addr_port(bound) != addr_port(source))
			continue;
		if (bound->sa.sa_family == source->sa.sa_family && sockets[i].wildcard
				? is_local(source)
				: addr_same_host(bound, source))
			return true;
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

static size_t source_v4(const union addr *local, struct cmsghdr *control)
{
	struct in_pktinfo info = { .ipi_spec_dst = local->in.sin_addr };

	control->cmsg_level = IPPROTO_IP;
	control->cmsg_type = IP_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(control), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

static size_t source_v6(const union addr *local, struct cmsghdr *control)
{
	struct in6_pktinfo info = {
		.ipi6_addr = local->in6.sin6_addr,
		.ipi6_ifindex = local->in6.sin6_scope_id,
	};

	control->cmsg_level = IPPROTO_IPV6;
	control->cmsg_type = IPV6_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(control), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

/* An interface other than 0 would override the IPv4 source (ip(7)); a link-local one needs it. */
size_t socket_source(const union addr *local, struct socket_control *control)
{
	memset(control, 0, sizeof(*control));
	if (addr_is_wildcard(local))
		return 0;
	if (local->sa.sa_family == AF_INET6)
		return source_v6(local, (struct cmsghdr *)(void *)control);
	return source_v4(local, (struct cmsghdr *)(void *)control);
}

size_t socket_segment(uint16_t bytes, struct socket_control *control, size_t used)
{
	struct cmsghdr *header = (struct cmsghdr *)(void *)(control->bytes + used);

	*header = (struct cmsghdr){
		.cmsg_level = IPPROTO_UDP,
		.cmsg_type = UDP_SEGMENT,
		.cmsg_len = CMSG_LEN(sizeof(bytes)),
	};
	memcpy(CMSG_DATA(header), &bytes, sizeof(bytes));
	return used + CMSG_SPACE(sizeof(bytes));
}
