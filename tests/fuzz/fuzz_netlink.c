/* Answers and notices of the kernel, whatever they are: they are read within their bounds, and an answer that is
 * not understood leaves every address ours. */
/* parses: guard/netlink guard/own_addresses guard/notices guard/neighbours */
/* link: -Wl,--wrap=socket,--wrap=bind,--wrap=setsockopt,--wrap=send,--wrap=recvfrom,--wrap=close */
#include "input.h"

#include <errno.h>
#include <linux/neighbour.h>

#include "guard/neighbours.h"
#include "guard/notices.h"
#include "guard/own_addresses.h"

#define FD 1001
#define DATAGRAM_MAX 4096u

int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length);
int __wrap_close(int fd);

static struct input script;
static int opened;
static uint32_t sequence;

/* One call in 16 fails, if the script says so. */
static int fail_perhaps(void)
{
	static const int errors[] = { ENOMEM, ENOBUFS, EAFNOSUPPORT, EPERM };
	uint8_t byte = input_byte(&script);

	if (byte < 0xf0)
		return 0;
	errno = errors[byte % 4];
	return -1;
}

int __wrap_socket(int family, int type, int protocol)
{
	(void)type, (void)protocol;
	must(family == AF_NETLINK);
	if (fail_perhaps() < 0)
		return -1;
	opened++;
	return FD;
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	(void)address, (void)length;
	must(fd == FD);
	return fail_perhaps();
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	(void)level, (void)option, (void)value, (void)length;
	must(fd == FD);
	return 0;
}

int __wrap_close(int fd)
{
	must(fd == FD);
	opened--;
	return 0;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	struct nlmsghdr header;

	(void)flags;
	must(fd == FD && length >= sizeof(header));
	memcpy(&header, bytes, sizeof(header));
	must(header.nlmsg_len == length);
	sequence = header.nlmsg_seq;
	return fail_perhaps() < 0 ? -1 : (ssize_t)length;
}

static size_t put(unsigned char *to, size_t at, const void *bytes, size_t size)
{
	if (size > 0)
		memcpy(to + at, bytes, size);
	return at + size;
}

static size_t put_attribute(unsigned char *to, size_t at)
{
	static const unsigned short types[] = { RTA_DST, RTA_OIF, RTA_TABLE, NDTA_THRESH3,
		NDTA_PARMS, NDTPA_IFINDEX, NDTPA_QUEUE_LENBYTES, 0 };
	uint8_t kind = input_byte(&script), length = input_byte(&script) & 31, bytes[32];
	struct rtattr attribute = { .rta_type = types[kind % 8] };

	attribute.rta_len = (unsigned short)(RTA_LENGTH(length) + (kind >> 5 == 7 ? kind : 0));
	input_fill(&script, bytes, sizeof(bytes));
	for (unsigned i = 0; i < 2 && attribute.rta_type == NDTA_PARMS; i++) { /* inside */
		struct rtattr inner = { RTA_LENGTH(4), types[5 + (i + kind / 8) % 2] };

		memcpy(bytes + i * RTA_LENGTH(4), &inner, sizeof(inner));
	}
	at = put(to, at, &attribute, sizeof(attribute));
	return RTA_ALIGN(put(to, at, bytes, length));
}

static size_t put_message(unsigned char *to, size_t at)
{
	static const unsigned short types[] = { RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWADDR,
		RTM_DELADDR, RTM_NEWLINK, RTM_DELLINK, RTM_NEWNEIGHTBL, NLMSG_DONE, NLMSG_ERROR,
		RTM_NEWROUTE, RTM_NEWNEIGHTBL, RTM_NEWNEIGH };
	uint8_t kind = input_byte(&script), odd = input_byte(&script);
	struct nlmsghdr header = { .nlmsg_type = types[kind % 12], .nlmsg_seq = sequence };
	struct rtmsg route;
	size_t begin = at;

	input_fill(&script, &route, sizeof(route));
	if (odd & 1)
		route.rtm_type = kind & 1 ? RTN_LOCAL : RTN_ANYCAST;
	if (odd & 2)
		route.rtm_family = kind & 2 ? AF_INET : AF_INET6;
	if (kind % 12 == 7)
		memset(&route, 0, sizeof(int));
	at = put(to, at + sizeof(header), &route,
		header.nlmsg_type == RTM_NEWNEIGHTBL ? NLMSG_ALIGN(sizeof(struct ndtmsg))
						     : sizeof(route));
	for (unsigned i = 0; i < (odd >> 2 & 3u); i++)
		at = put_attribute(to, at);
	header.nlmsg_len = (uint32_t)(at - begin);
	if (odd >> 4 == 15)
		header.nlmsg_len = input_short(&script);
	if (odd >> 4 == 14)
		header.nlmsg_flags = NLM_F_DUMP_INTR;
	header.nlmsg_seq += odd >> 4 == 13;
	memcpy(to + begin, &header, sizeof(header));
	return NLMSG_ALIGN(at);
}

static ssize_t make_datagram(void *to, size_t room, uint8_t kind)
{
	unsigned char bytes[DATAGRAM_MAX] = { 0 };
	size_t length = 0;

	if (kind >> 4 == 1) {
		length = script.left < 512 ? script.left : 512;
		input_fill(&script, bytes, length);
	}
	for (unsigned i = 0; length < 512 && i <= (kind & 7u); i++)
		length = put_message(bytes, length);
	if (kind >> 4 == 2 && length > 0)
		length -= kind & 7u;
	memcpy(to, bytes, length);
	memset((char *)to + length, 0xa5, room - length);
	return kind >> 4 == 3 ? (ssize_t)room + 1 : (ssize_t)length;
}

ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length)
{
	static const int errors[] = { EAGAIN, ENOBUFS, EINTR, ENOMEM };
	uint8_t kind = input_byte(&script);
	struct sockaddr_nl sender = { .nl_family = AF_NETLINK, .nl_pid = kind >> 4 == 4 };

	(void)flags;
	must(fd == FD && room == NETLINK_BUFFER_BYTES && *from_length == sizeof(sender));
	memcpy(from, &sender, sizeof(sender));
	*from_length = sizeof(sender);
	if (script.left > 0 && kind >> 4 != 5)
		return make_datagram(to, room, kind);
	errno = script.left > 0 ? errors[kind % 4] : EAGAIN;
	return -1;
}

static void read_own_addresses(void)
{
	union addr address = { .in = { .sin_family = AF_INET } };
	struct own_addresses *own;

	must(own_addresses_new(&own) == 0);
	must(own_addresses_hold(own, &address));
	while (script.left > 0) {
		int error = own_addresses_read(own);

		must(error <= 0);
		input_fill(&script, &address.in.sin_addr, sizeof(address.in.sin_addr));
		must(own_addresses_hold(own, &address) || error == 0);
	}
	own_addresses_free(own);
}

static void take_notices(void)
{
	struct notices notices;

	notices_init(&notices);
	while (script.left > 0 && notices_open(&notices) < 0)
		;
	while (script.left > 0 && notices_fd(&notices) >= 0)
		must((notices_take(&notices) & ~3u) == 0);
	notices_close(&notices);
}

static void read_neighbours(void)
{
	struct neighbour_limits limits = { 0 };

	while (script.left > 0)
		if (neighbours_limits(script.left % 2 ? AF_INET : AF_INET6, &limits) == 0)
			must(limits.neighbours > 0 && limits.queue_bytes > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(
		void) = { read_own_addresses, take_notices, read_neighbours };

	script = (struct input){ data, size };
	readers[input_byte(&script) % 3]();
	must(opened == 0);
	return 0;
}
