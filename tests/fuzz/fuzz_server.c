/* The whole server behind the door to the kernel, in one thread: the bytes are a script of datagrams, sources,
 * ancillary data, errors and time. The books balance at every moment, each reply answers a request that was let in
 * and goes to its sender, and all slots are there again at the end. */
/* parses: engine/socket guard/guard */
/* link: -Wl,--wrap=sys_send,--wrap=sys_receive,--wrap=sys_wait,--wrap=sys_timestamp */
/* link: -Wl,--wrap=sys_monotonic_ns,--wrap=sys_realtime_ns,--wrap=sys_random */
#include "input.h"

#include <dgram.h>
#include <errno.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/sys.h"

#define SERVICES 3u
#define ROUNDS_MAX 200u
#define UNADDRESSED 0xee /* fills what must not be served */

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count);
int __wrap_sys_receive(int fd, struct mmsghdr *messages, unsigned count);
int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);
int __wrap_sys_timestamp(int fd, bool on);
int64_t __wrap_sys_monotonic_ns(void);
int64_t __wrap_sys_realtime_ns(void);
void __wrap_sys_random(void *bytes, size_t length);

static struct input script;
static int64_t now_ns, wall_ns; /* CLOCK_REALTIME less the other */
static uint64_t received, handled, answered, drawn;
static bool gro;
static bool is_client[4096];	  /* by hash: who has sent something */
static in_port_t ports[SERVICES]; /* of the services, in network order */
static int fds[SERVICES];
static unsigned rounds;

int64_t __wrap_sys_monotonic_ns(void)
{
	return now_ns += 100;
}

int64_t __wrap_sys_realtime_ns(void)
{
	return now_ns + wall_ns;
}

int __wrap_sys_timestamp(int fd, bool on)
{
	(void)fd, (void)on;
	return input_byte(&script) >= 0xf0 ? -ENOBUFS : 0;
}

void __wrap_sys_random(void *bytes, size_t length)
{
	unsigned char *to = bytes;

	while (length-- > 0)
		*to++ = (unsigned char)(drawn++ * 167);
}

int __wrap_sys_wait(struct pollfd *waiting, unsigned count, int timeout_ms)
{
	uint8_t ready = input_byte(&script);
	unsigned set = 0;

	for (unsigned i = 0; i < count; i++)
		waiting[i].revents = 0;
	for (unsigned i = 0; i < count && i < SERVICES && count > SERVICES; i++)
		if ((ready >> i & 1) != 0 && ++set > 0)
			waiting[i].revents = POLLIN;
	if (count == 1 && (waiting[0].events & POLLOUT) != 0 && (ready & 1) != 0)
		return waiting[0].revents = POLLOUT, 1;
	if (set == 0)
		now_ns += timeout_ms < 0 ? NS_PER_S : timeout_ms * NS_PER_MS;
	if (ready >= 0xfc)
		return -ENOMEM;
	return (int)set;
}

static bool *client_of(const struct sockaddr *address, socklen_t length)
{
	const uint8_t *bytes = (const uint8_t *)address;
	uint32_t hash = 2166136261u;

	for (socklen_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return &is_client[hash % 4096];
}

/* --- what arrives */

static unsigned service_of(int fd)
{
	unsigned i = 0;

	while (i < SERVICES && fds[i] != fd)
		i++;
	must(i < SERVICES);
	return i;
}

static bool is_v6(int fd)
{
	return service_of(fd) == 1;
}

static void make_source(int fd, union addr *source)
{
	static const uint16_t some_ports[] = { 0, 1, 53, 1023, 1024, 1900, 5353, 40000 };
	static const uint32_t some_hosts[] = { INADDR_LOOPBACK, INADDR_ANY, INADDR_BROADCAST,
		0xc0000201, 0xc0000202, 0xe0000001, 0x0a000001, 0x7f000002 };
	uint8_t kind = input_byte(&script);
	uint32_t host = htonl(some_hosts[kind & 7]);

	*source = (union addr){ 0 };
	source->in.sin_port = kind >> 6 == 3 ? ports[kind % SERVICES]
					     : htons(some_ports[kind >> 3 & 7]);
	if (!is_v6(fd)) {
		source->in.sin_family = AF_INET;
		source->in.sin_addr.s_addr = host;
		return;
	}
	source->in6.sin6_family = AF_INET6;
	source->in6.sin6_addr.s6_addr[15] = 1;
	if (kind & 2)
		memcpy(&source->in6.sin6_addr, "\x20\x01\x0d\xb8", 4);
	if (kind & 4)
		memcpy(&source->in6.sin6_addr, "\xfe\x80", 2);
	if ((kind & 7) == 7)
		memcpy(&source->in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	source->in6.sin6_scope_id = kind & 4 ? kind & 3 : 0;
}

/* As put_cmsg() of the kernel: what finds no room is cut, and the flag says so. */
static void put_control(struct msghdr *header, size_t *used, size_t room, int level, int type,
	const void *data, size_t size)
{
	struct cmsghdr control = { CMSG_LEN(size), level, type };
	char *at = (char *)header->msg_control + *used;

	if (room - *used < sizeof(control)) {
		header->msg_flags |= MSG_CTRUNC;
		return;
	}
	if (room - *used < control.cmsg_len) {
		header->msg_flags |= MSG_CTRUNC;
		control.cmsg_len = room - *used;
	}
	memcpy(at, &control, sizeof(control));
	memcpy(at + sizeof(control), data, control.cmsg_len - sizeof(control));
	*used += CMSG_SPACE(size) < room - *used ? CMSG_SPACE(size) : room - *used;
}

static void put_timestamp(struct msghdr *header, size_t *used, size_t room, uint8_t kind)
{
	int64_t ns = now_ns + wall_ns - (int64_t)input_byte(&script) * 10 * NS_PER_MS;
	struct timespec timestamp = { ns / NS_PER_S, ns % NS_PER_S };

	if (kind & 0x80)
		timestamp.tv_sec += input_short(&script) - 30000;
	put_control(header, used, room, SOL_SOCKET, SCM_TIMESTAMPNS, &timestamp, sizeof(timestamp));
}

static void put_address(int fd, struct msghdr *header, size_t *used, size_t room, uint8_t kind)
{
	static const uint32_t hosts[] = { INADDR_LOOPBACK, INADDR_ANY, INADDR_BROADCAST,
		0xe0000001 };
	struct in_pktinfo v4 = { .ipi_addr.s_addr = htonl(hosts[kind & 3]),
		.ipi_spec_dst.s_addr = htonl(hosts[kind >> 2 & 3]) };
	struct in6_pktinfo v6 = { .ipi6_ifindex = kind >> 4 & 3 };

	v6.ipi6_addr.s6_addr[15] = 1;
	if (kind & 1)
		memcpy(&v6.ipi6_addr, kind & 2 ? "\xff\x02" : "\xfe\x80", 2);
	if (is_v6(fd))
		put_control(header, used, room, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
	else
		put_control(header, used, room, IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
}

/* In the kernel's order: of the socket, of UDP, of IP. Others may have asked for more. */
static void put_controls(int fd, struct msghdr *header, size_t length)
{
	uint8_t which = input_byte(&script), other[64] = { 0 };
	size_t room = header->msg_controllen, used = 0;
	int segment = (int)(length / 3 + 1);

	if (which & 1)
		put_timestamp(header, &used, room, which);
	if (which & 2)
		put_control(header, &used, room, SOL_SOCKET, SO_RXQ_OVFL, other, 4);
	if (which & 4)
		put_control(header, &used, room, SOL_SOCKET, SCM_TIMESTAMPING, other, 48);
	if ((which & 8) != 0 && length > 3)
		put_control(header, &used, room, IPPROTO_UDP, UDP_GRO, &segment, sizeof(segment));
	if (which & 16)
		put_control(header, &used, room, SOL_SOCKET, SO_MARK, other, 4);
	if (which & 32)
		put_address(fd, header, &used, room, input_byte(&script));
	if (which & 64)
		put_control(header, &used, room, IPPROTO_IP, IP_TTL, other, 4);
	header->msg_controllen = used;
}

/* Does it say, in full, to which of a wildcard socket's addresses it was sent? */
static bool is_addressed(int fd, struct msghdr *header)
{
	const size_t size = is_v6(fd) ? sizeof(struct in6_pktinfo) : sizeof(struct in_pktinfo);
	const int type = is_v6(fd) ? IPV6_PKTINFO : IP_PKTINFO;
	bool addressed = service_of(fd) == 2; /* bound to one */

	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
		control = CMSG_NXTHDR(header, control))
		addressed |= control->cmsg_level == (is_v6(fd) ? IPPROTO_IPV6 : IPPROTO_IP) &&
			     control->cmsg_type == type && control->cmsg_len >= CMSG_LEN(size);
	return addressed;
}

static void make_message(int fd, struct mmsghdr *message)
{
	static const uint16_t lengths[] = { 0, 1, 4, 63, 64, 65, 200, 9000 };
	struct msghdr *header = &message->msg_hdr;
	struct iovec *part = header->msg_iov;
	size_t length = lengths[input_byte(&script) % 8];
	size_t room = part->iov_len < length ? part->iov_len : length;
	union addr source;

	must(header->msg_iovlen == 1 && header->msg_namelen == sizeof(source));
	make_source(fd, &source);
	memcpy(header->msg_name, &source, sizeof(source));
	header->msg_namelen = addr_length(&source);
	*client_of(&source.sa, header->msg_namelen) = true;
	header->msg_flags = length > part->iov_len ? MSG_TRUNC : 0;
	message->msg_len = (unsigned)length;
	memset(part->iov_base, input_byte(&script) & 0x7f, room);
	put_controls(fd, header, length);
	if (gro ? (header->msg_flags & MSG_CTRUNC) != 0 : !is_addressed(fd, header))
		memset(part->iov_base, UNADDRESSED, room);
}

int __wrap_sys_receive(int fd, struct mmsghdr *messages, unsigned count)
{
	static const int errors[] = { EAGAIN, ENOMEM, ECONNREFUSED, ENETDOWN };
	uint8_t what = input_byte(&script);
	unsigned sent = what & 31;

	if (what >= 0xf0 || script.left == 0)
		return -errors[script.left == 0 ? 0 : what % 4];
	if (what >= 0xe0)
		sent = count;
	if (sent > count)
		sent = count;
	if (sent == 0)
		return -EAGAIN;
	for (unsigned i = 0; i < sent; i++)
		make_message(fd, &messages[i]);
	received += sent;
	now_ns += input_byte(&script) * NS_PER_US;
	return (int)sent;
}

/* --- what leaves */

static void check_message(int fd, const struct mmsghdr *message)
{
	const struct msghdr *header = &message->msg_hdr;
	const struct sockaddr *to = header->msg_name;

	must(to->sa_family == (is_v6(fd) ? AF_INET6 : AF_INET));
	must(header->msg_iovlen > 0 && *client_of(to, header->msg_namelen));
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
		control = CMSG_NXTHDR((struct msghdr *)(uintptr_t)header, control))
		must(control->cmsg_level == IPPROTO_IP || control->cmsg_level == IPPROTO_IPV6 ||
			control->cmsg_level == IPPROTO_UDP);
	for (size_t i = 0; i < header->msg_iovlen; i++)
		for (size_t at = 1; at < header->msg_iov[i].iov_len; at++)
			must(((uint8_t *)header->msg_iov[i].iov_base)[at] ==
				*(uint8_t *)header->msg_iov[i].iov_base);
}

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count)
{
	static const int errors[] = { EAGAIN, ENOBUFS, EPERM, EINVAL, ENETUNREACH, EMSGSIZE, EIO,
		EADDRNOTAVAIL };
	uint8_t what = input_byte(&script);

	if (what >= 0xc0)
		return -errors[what % 8];
	if (what >= 0xa0 && count > 1)
		count = 1 + what % (count - 1);
	for (unsigned i = 0; i < count; i++) {
		check_message(fd, &messages[i]);
		answered += messages[i].msg_hdr.msg_iovlen;
	}
	return (int)count;
}

/* --- the server */

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	uint8_t what = input_byte(&script);

	(void)state;
	handled++;
	must(request->length <= 64 && request->length != 63 && reply_size == 64);
	must(((const struct sockaddr_in *)(const void *)request->client)->sin_port != 0);
	must((uintptr_t)reply + reply_size <= (uintptr_t)request->data ||
		(uintptr_t)request->data + request->length <= (uintptr_t)reply);
	must(request->length == 0 || *(const uint8_t *)request->data != UNADDRESSED);
	for (size_t i = 0; i < request->length; i++)
		must(((const uint8_t *)request->data)[i] == ((const uint8_t *)request->data)[0]);
	now_ns += (int64_t)(what & 7u) * 100 * NS_PER_US;
	if (what >= 0xf8)
		return -EIO;
	if (what >= 0xf0)
		return DGRAM_NO_REPLY;
	if (what >= 0xe8)
		return 9000;
	if (what >= 0xe0) {
		(void)dgram_request_reply(request, request->data, request->length);
		memset(reply, 5, 3);
		return what & 1 ? DGRAM_NO_REPLY : 3;
	}
	if (what >= 0xd8)
		dgram_request_prove(request);
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

static ssize_t busy(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state;
	must(request->length <= 64 && reply_size == 64);
	handled++;
	memset(reply, 7, 5);
	return 5;
}

static bool verify(void *state, const struct dgram_request *request)
{
	(void)state;
	return request->length != 63;
}

static const struct dgram_handler handler = {
	.abi = DGRAM_ABI, .name = "fuzzed", .handle = handle, .verify = verify, .busy = busy
};

/* Who may come in, how often, and what may leave. */
static void set_guards(struct dgram_service *service)
{
	static const char *const few[] = { "10.0.0.1", "2001:db8::/32" };
	static const struct dgram_access access[] = { { .deny = few, .deny_count = 2 },
		{ .allow = few, .allow_count = 2 } };
	uint8_t how = input_byte(&script);

	if (how & 1)
		service->access = &access[how >> 1 & 1];
	service->limits_requests_per_s = how & 4 ? 5 : 0;
	service->limits_reply_bytes_per_s = how & 8 ? 500 : 0;
	service->limits_dry_run = how & 16;
	service->limits_exempt = few;
	service->limits_exempt_count = how & 32 ? 2 : 0;
	if (how & 64)
		service->max_reply_factor = how & 128 ? 0 : 0.5;
}

static void set_service(struct dgram_service *service, unsigned number)
{
	static const char *const names[SERVICES] = { "any", "six", "loop" };
	static const char *const hosts[SERVICES] = { "0.0.0.0", "::", "127.0.0.1" };
	uint8_t how = input_byte(&script);

	dgram_service_init(service, DGRAM_ABI);
	service->name = names[number];
	service->hosts = &hosts[number];
	service->hosts_count = 1;
	service->handler = &handler;
	service->queue_capacity = how & 1 ? 8 : 200;
	service->queue_max_wait_ms = how & 2 ? 20 : 1000;
	service->queue_discipline = how & 4 ? DGRAM_FIFO : DGRAM_FAIR;
	service->queue_ordering = (how & 12) == 8 ? DGRAM_ORDERING_PER_CLIENT : DGRAM_ORDERING_NONE;
	service->concurrency = how & 16 ? DGRAM_INLINE : DGRAM_POOL;
	service->min_source_port = how & 32 ? 1 : 1024;
	service->broadcast = how & 64;
	service->busy_replies = how & 128;
}

static void set_options(struct dgram_options *options, struct dgram_service services[SERVICES])
{
	uint8_t how = input_byte(&script);

	dgram_options_init(options, DGRAM_ABI);
	options->gro = gro = how & 1;
	for (unsigned i = 0; i < SERVICES; i++) {
		set_service(&services[i], i);
		if (how & 2)
			set_guards(&services[i]);
	}
	options->services = services;
	options->services_count = SERVICES;
	options->workers = 1;
	options->max_datagram_bytes = 64;
	options->receive_buffer_bytes = options->send_buffer_bytes = 0;
	options->log_target = "none";
}

static void note_sockets(struct dgram_server *server)
{
	struct sockaddr_storage address;

	for (unsigned i = 0; i < SERVICES; i++) {
		must(dgram_server_address(server, i, 0, &address) == 0);
		ports[i] = ((struct sockaddr_in *)(void *)&address)->sin_port;
		fds[i] = dgram_server_fileno(server, i, 0);
	}
}

static uint64_t sum_of(const struct dgram_reason *reasons, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += reasons[i].count;
	return sum;
}

/* What was received at all services, and answered. */
static void check_books(struct dgram_server *server)
{
	uint64_t all = 0, replies = 0;
	struct dgram_service_stats *stats;

	for (unsigned i = 0; i < SERVICES; i++) {
		must(dgram_server_stats(server, i, &stats) == 0);
		must(stats->received == stats->replied + stats->no_reply +
						sum_of(stats->dropped, stats->dropped_count) +
						sum_of(stats->failed, stats->failed_count) +
						stats->queued + stats->running);
		must(stats->running == 0);
		all += stats->received;
		replies += stats->replied + stats->replies_extra + stats->busy_replied;
		dgram_stats_free(stats);
	}
	must(replies == answered);
	must(answered <= 2 * handled && handled <= all); /* some with two */
	must(gro ? all <= received * 3 : all == received);
}

static void serve(struct dgram_server *server, struct dgram_options *options,
	struct dgram_service services[SERVICES])
{
	const bool was_gro = gro;

	while (script.left > 0 && rounds++ < ROUNDS_MAX) {
		uint8_t what = input_byte(&script);

		if (what >= 0xf0) {
			wall_ns += ((int64_t)input_byte(&script) - 128) * NS_PER_S;
		} else if (what >= 0xe8) {
			set_options(options, services);
			gro = was_gro; /* which stays */
			(void)dgram_server_reconfigure(server, options);
		} else if (what >= 0xe0) {
			now_ns += (int64_t)input_short(&script) * NS_PER_MS;
		} else {
			(void)dgram_server_handle_request(server, what & 63, (what >> 6) * 10);
		}
		check_books(server);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dgram_service services[SERVICES];
	struct dgram_options options;
	struct dgram_server *server;

	script = (struct input){ data, size };
	now_ns = 1000 * NS_PER_S;
	wall_ns = 1700000000 * NS_PER_S;
	received = handled = answered = drawn = rounds = 0;
	memset(is_client, 0, sizeof(is_client));
	set_options(&options, services);
	must(dgram_server_new(&options, &server) == 0);
	must(dgram_server_bind(server) == 0);
	note_sockets(server);
	serve(server, &options, services);
	check_books(server);
	must(dgram_server_free(server) == 0);
	return 0;
}
