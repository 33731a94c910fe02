#include "engine/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"

/* What is received at once with UDP_GRO; each may be as long as any datagram. */
#define SUPER_PACKETS 8u
#define SUPER_PACKET_BYTES 65536u

/* Datagrams of one client that the kernel joined (UDP_GRO): segments of one length, except the last,
 * which may be shorter. */
struct super_packet {
	union addr client;
	union addr local;
	uint8_t cast;
	uint8_t addr_bytes;
	int64_t arrived_ns;
	struct timespec timestamp;
	size_t length;
	size_t segment; /* bytes of each segment */
	struct socket_control control;
};

struct super_packets {
	unsigned count;
	unsigned next; /* to take segments from */
	size_t offset; /* in it */
	struct super_packet packets[SUPER_PACKETS];
	struct mmsghdr messages[SUPER_PACKETS];
	struct iovec vectors[SUPER_PACKETS];
	unsigned char bytes[SUPER_PACKETS][SUPER_PACKET_BYTES];
};

int socket_batch_init(struct socket_batch *batch, unsigned data_bytes, bool gro)
{
	void *super = NULL;

	if (gro) {
		super = mmap(NULL, sizeof(struct super_packets), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (super == MAP_FAILED)
			return -ENOMEM;
	}
	*batch = (struct socket_batch){
		.data_bytes = data_bytes, .most = SOCKET_BATCH, .used = SOCKET_BATCH, .super = super
	};
	for (unsigned i = 0; i < SOCKET_BATCH; i++) {
		batch->vectors[i].iov_len = data_bytes;
		batch->messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &batch->vectors[i],
			.msg_iovlen = 1,
			.msg_control = &batch->controls[i],
		};
	}
	arrivals_read(&batch->arrivals, true);
	return 0;
}

void socket_batch_destroy(struct socket_batch *batch)
{
	if (batch->super != NULL)
		munmap(batch->super, sizeof(*batch->super));
	batch->super = NULL;
}

size_t socket_batch_bytes(bool gro)
{
	return gro ? sizeof(struct super_packets) : 0;
}

bool socket_batch_holds_more(const struct socket_batch *batch)
{
	return batch->super != NULL && batch->super->next < batch->super->count;
}

/* --- ancillary data that comes with a message */

/* ipi_addr is what the datagram was sent to. ipi_spec_dst is the same where that is ours, else the
 * address that an answer is to come from. It is 0 for what arrived before the kernel was asked for it, at a socket
 * that was handed in: then only the first is known, and no answer can leave from it if it is a broadcast
 * address. */
static enum datagram_cast read_local_v4(const struct in_pktinfo *info, union addr *local)
{
	bool known = info->ipi_spec_dst.s_addr != INADDR_ANY;

	local->in.sin_addr = known ? info->ipi_spec_dst : info->ipi_addr;
	if (!known && info->ipi_addr.s_addr == INADDR_BROADCAST)
		return DATAGRAM_BROADCAST;
	if (!known && !IN_MULTICAST(ntohl(info->ipi_addr.s_addr)))
		return DATAGRAM_UNICAST;
	if (info->ipi_addr.s_addr == info->ipi_spec_dst.s_addr)
		return DATAGRAM_UNICAST;
	return IN_MULTICAST(ntohl(info->ipi_addr.s_addr)) ? DATAGRAM_MULTICAST : DATAGRAM_BROADCAST;
}

static enum datagram_cast read_local_v6(const struct in6_pktinfo *info, union addr *local)
{
	if (IN6_IS_ADDR_MULTICAST(&info->ipi6_addr))
		return DATAGRAM_MULTICAST;
	local->in6.sin6_addr = info->ipi6_addr;
	if (IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
		local->in6.sin6_scope_id = info->ipi6_ifindex;
	return DATAGRAM_UNICAST;
}

/* The control message at `at` of those that the kernel wrote, or NULL: there is none. */
static const struct cmsghdr *control_at(const struct msghdr *header, size_t at)
{
	const char *bytes = header->msg_control;
	const struct cmsghdr *control = (const struct cmsghdr *)(const void *)(bytes + at);

	if (at + sizeof(*control) > header->msg_controllen || control->cmsg_len < sizeof(*control))
		return NULL;
	return control;
}

/* Is it this one, and whole? The kernel cuts what finds no room behind that which others asked for. */
static inline bool is_control(const struct cmsghdr *control, int level, int type, size_t bytes)
{
	return control->cmsg_level == level && control->cmsg_type == type &&
	       control->cmsg_len >= CMSG_LEN(bytes);
}

/* What came with a message: its time of arrival, and on a wildcard socket the address that was asked,
 * where the kernel gave them. Returns the length of its segments, 0 when it is one datagram. */
static inline size_t read_controls(
	const struct msghdr *header, struct timespec *timestamp, union addr *local, uint8_t *cast)
{
	const struct cmsghdr *control;
	int segment = 0;

	for (size_t at = 0; (control = control_at(header, at)) != NULL;
		at += CMSG_ALIGN(control->cmsg_len)) {
		const void *data = CMSG_DATA(control);

		if (is_control(control, SOL_SOCKET, SCM_TIMESTAMPNS, sizeof(*timestamp)))
			*timestamp = *(const struct timespec *)data;
		else if (is_control(control, IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo)))
			*cast = (uint8_t)read_local_v4(data, local);
		else if (is_control(
				 control, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo)))
			*cast = (uint8_t)read_local_v6(data, local);
		else if (is_control(control, IPPROTO_UDP, UDP_GRO, sizeof(segment)))
			memcpy(&segment, data, sizeof(segment));
	}
	return (size_t)segment;
}

/* From a timestamp that tells; else what stands in stays. */
static inline void note_arrival(struct arrivals *arrivals, const struct timespec *timestamp,
	int64_t *ret_arrived_ns, struct timespec *ret_arrived)
{
	int64_t timestamp_ns = timestamp->tv_sec * NS_PER_S + timestamp->tv_nsec;

	if (timestamp_ns < arrivals->trusted_ns || timestamp_ns > arrivals->latest_ns)
		return;
	*ret_arrived_ns = arrivals->monotonic_ns - (arrivals->realtime_ns - timestamp_ns);
	*ret_arrived = *timestamp;
	if (*ret_arrived_ns > arrivals->floor_ns)
		arrivals->floor_ns = *ret_arrived_ns;
	if (*ret_arrived_ns >= arrivals->in_doubt_ns)
		arrivals->in_doubt_ns = 0;
}

/* Until the ancillary data says more. The kernel cuts off what finds no room behind that which others asked for, if the
 * socket was theirs before (MSG_CTRUNC). */
static uint8_t initial_cast(const struct socket *socket)
{
	return socket->wildcard ? DATAGRAM_UNADDRESSED : DATAGRAM_UNICAST;
}

static uint8_t addr_bytes_of(const struct socket *socket)
{
	return (uint8_t)addr_length(&socket->bound);
}

/* Fewer than asked for: the socket is empty now. */
static int receive_messages(const struct socket *socket, struct arrivals *arrivals,
	struct mmsghdr *messages, unsigned most)
{
	int count;

	arrivals_prepare(arrivals);
	count = sys_receive(socket->fd, messages, most);
	if (count > 0)
		arrivals_read(arrivals, (unsigned)count < most);
	else if (count == -EAGAIN)
		arrivals_found_none(arrivals);
	return count;
}

union addr socket_address(const struct socket *socket)
{
	union addr address = socket->bound;

	if (address.sa.sa_family == AF_INET6)
		address.in6.sin6_scope_id =
			atomic_load_explicit(&socket->scope, memory_order_relaxed);
	return address;
}

/* --- one datagram a message */

/* Make ready again what the last call used: its slots may be others now, and the kernel wrote to the
 * lengths. */
static void prepare_slots(struct socket_batch *batch, struct datagram *const slots[])
{
	for (unsigned i = 0, used = batch->used; i < used; i++) {
		struct msghdr *header = &batch->messages[i].msg_hdr;

		batch->vectors[i].iov_base = slots[i]->data;
		header->msg_name = &slots[i]->client;
		header->msg_namelen = sizeof(slots[i]->client);
		header->msg_controllen = sizeof(batch->controls[i]);
	}
	batch->used = 0;
}

static void note_controls(
	const struct msghdr *header, struct arrivals *arrivals, struct datagram *datagram)
{
	struct timespec timestamp = { 0 };

	(void)read_controls(header, &timestamp, &datagram->local, &datagram->cast);
	note_arrival(arrivals, &timestamp, &datagram->arrived_ns, &datagram->timestamp);
}

static int receive_singles(
	const struct socket *socket, struct socket_batch *batch, struct datagram *const slots[])
{
	const uint8_t cast = initial_cast(socket), addr_bytes = addr_bytes_of(socket);
	union addr local;
	int count;

	prepare_slots(batch, slots);
	count = receive_messages(socket, &batch->arrivals, batch->messages, batch->most);
	if (count <= 0)
		return count;
	batch->used = (unsigned)count;
	local = socket_address(socket);
	for (int i = 0; i < count; i++) {
		struct datagram *slot = slots[i];
		struct msghdr *header = &batch->messages[i].msg_hdr;

		slot->length = batch->messages[i].msg_len;
		slot->truncated = header->msg_flags & MSG_TRUNC;
		slot->local = local;
		slot->cast = cast;
		slot->standing = DATAGRAM_COMMON;
		slot->addr_bytes = addr_bytes;
		slot->arrived_ns = batch->arrivals.unknown_ns;
		slot->timestamp = batch->arrivals.unknown;
		if (header->msg_controllen > 0)
			note_controls(header, &batch->arrivals, slot);
	}
	return count;
}

/* --- several datagrams a message */

static void prepare_super_packets(struct super_packets *super)
{
	for (unsigned i = 0; i < SUPER_PACKETS; i++) {
		struct super_packet *packet = &super->packets[i];

		super->vectors[i] = (struct iovec){ .iov_base = super->bytes[i],
			.iov_len = SUPER_PACKET_BYTES };
		super->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &packet->client,
			.msg_namelen = sizeof(packet->client),
			.msg_iov = &super->vectors[i],
			.msg_iovlen = 1,
			.msg_control = &packet->control,
			.msg_controllen = sizeof(packet->control),
		};
	}
}

static int receive_super_packets(const struct socket *socket, struct socket_batch *batch)
{
	struct super_packets *super = batch->super;
	int count;

	prepare_super_packets(super);
	count = receive_messages(socket, &batch->arrivals, super->messages, SUPER_PACKETS);
	for (int i = 0; i < count; i++) {
		struct super_packet *packet = &super->packets[i];
		struct timespec timestamp = { 0 };

		packet->length = super->messages[i].msg_len;
		packet->local = socket_address(socket);
		packet->cast = initial_cast(socket);
		packet->addr_bytes = addr_bytes_of(socket);
		packet->segment = read_controls(
			&super->messages[i].msg_hdr, &timestamp, &packet->local, &packet->cast);
		packet->arrived_ns = batch->arrivals.unknown_ns;
		packet->timestamp = batch->arrivals.unknown;
		note_arrival(&batch->arrivals, &timestamp, &packet->arrived_ns, &packet->timestamp);
		if (packet->segment == 0)
			packet->segment = packet->length;
		if (super->messages[i].msg_hdr.msg_flags & MSG_CTRUNC)
			packet->cast =
				DATAGRAM_UNADDRESSED; /* nor is the length of its segments known */
	}
	super->next = 0;
	super->offset = 0;
	super->count = count > 0 ? (unsigned)count : 0;
	return count;
}

/* The next segment becomes a datagram. */
static void take_segment(struct socket_batch *batch, struct datagram *datagram)
{
	struct super_packets *super = batch->super;
	struct super_packet *packet = &super->packets[super->next];
	struct msghdr *header = &super->messages[super->next].msg_hdr;
	size_t left = packet->length - super->offset;
	size_t length = left < packet->segment ? left : packet->segment;

	datagram->client = packet->client;
	datagram->local = packet->local;
	datagram->cast = packet->cast;
	datagram->standing = DATAGRAM_COMMON;
	datagram->addr_bytes = packet->addr_bytes;
	datagram->arrived_ns = packet->arrived_ns;
	datagram->timestamp = packet->timestamp;
	datagram->length = (uint32_t)length;
	datagram->truncated = length > batch->data_bytes || (header->msg_flags & MSG_TRUNC);
	if (!datagram->truncated)
		memcpy(datagram->data, super->bytes[super->next] + super->offset, length);
	super->offset += length;
	if (super->offset < packet->length)
		return;
	super->next++;
	super->offset = 0;
}

/* What does not fit into the slots waits for the next call. */
static int receive_segments(
	const struct socket *socket, struct socket_batch *batch, struct datagram *const slots[])
{
	struct super_packets *super = batch->super;
	int filled = 0;

	if (super->next == super->count) {
		int count = receive_super_packets(socket, batch);

		if (count <= 0)
			return count;
	}
	while (filled < (int)batch->most && super->next < super->count)
		take_segment(batch, slots[filled++]);
	return filled;
}

int socket_receive(const struct socket *socket, struct socket_batch *batch,
	struct datagram *const slots[static SOCKET_BATCH])
{
	int count = batch->super != NULL ? receive_segments(socket, batch, slots)
					 : receive_singles(socket, batch, slots);

	return count == -EAGAIN ? 0 : count;
}

/* --- ancillary data that is sent with a message */

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
size_t socket_source(const union addr *local, struct send_control *control)
{
	memset(control, 0, sizeof(*control));
	if (addr_is_wildcard(local))
		return 0;
	if (local->sa.sa_family == AF_INET6)
		return source_v6(local, (struct cmsghdr *)(void *)control);
	return source_v4(local, (struct cmsghdr *)(void *)control);
}

size_t socket_segment(uint16_t bytes, struct send_control *control, size_t used)
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

/* --- addresses of ours */

/* A wildcard socket is at all of the machine's addresses of its family. */
static bool is_at(const struct socket *socket, const union addr *source)
{
	const union addr address = socket_address(socket);

	if (!socket->wildcard || address.sa.sa_family != source->sa.sa_family)
		return addr_same_host(&address, source);
	return socket->own == NULL || own_addresses_hold(socket->own, source);
}

static bool has_port(const struct socket *socket, const union addr *source)
{
	in_port_t port = atomic_load_explicit(&socket->port, memory_order_acquire);

	return port == source->in.sin_port && port != 0;
}

bool socket_is_own(const struct socket *sockets, unsigned count, const union addr *source)
{
	for (unsigned i = 0; i < count; i++)
		if (has_port(&sockets[i], source) && !sockets[i].reuseport &&
			is_at(&sockets[i], source))
			return true;
	return false;
}
