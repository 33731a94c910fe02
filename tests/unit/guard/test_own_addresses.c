/* Reading the kernel's list of addresses, with a kernel of our own behind socket(2), send(2) and
 * recvfrom(2). The real one is asked in tests/interop/test_own_addresses.py. */
/* link: -Wl,--wrap=socket,--wrap=bind,--wrap=setsockopt,--wrap=send,--wrap=recvfrom,--wrap=close */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "guard/own_addresses.h"
#include "guard/prefixes.h"

#define FIRST_FD 1001

int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length);
int __wrap_close(int fd);

struct route {
	const char *address;
	unsigned char bits, type;
	uint32_t table, interface;
};

/* The kernel: what it lists, and what it gives to read. */
static struct {
	int socket_error, bind_error, send_error;
	int opened, closed, dumps;
	struct route routes[8];
	unsigned routes_count;
	unsigned filler;      /* so many IPv4 addresses more */
	unsigned interrupted; /* so many lists from now on */
	int done_error;	      /* at the end of the list */
	bool cut;	      /* a message is longer than what it is in */

	struct nlmsghdr asked; /* and not answered */
	struct rtmsg kind;
	unsigned at; /* of the answer: routes and filler, then the end */
} kernel;

int __wrap_socket(int family, int type, int protocol)
{
	assert_int_equal(family, AF_NETLINK);
	assert_true(type & SOCK_NONBLOCK && type & SOCK_CLOEXEC);
	assert_int_equal(protocol, NETLINK_ROUTE);
	if (kernel.socket_error != 0) {
		errno = kernel.socket_error;
		return -1;
	}
	return FIRST_FD + kernel.opened++;
}

/* One that is open. */
static bool is_open(int fd)
{
	return fd == FIRST_FD + kernel.opened - 1 && kernel.closed == kernel.opened - 1;
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_nl to;

	assert_int_equal(length, sizeof(to));
	memcpy(&to, address, sizeof(to));
	assert_true(is_open(fd));
	assert_int_equal(to.nl_groups, 0);
	if (kernel.bind_error == 0)
		return 0;
	errno = kernel.bind_error;
	return -1;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	(void)value;
	(void)length;
	assert_true(is_open(fd));
	assert_int_equal(level, SOL_NETLINK);
	assert_int_equal(option, NETLINK_GET_STRICT_CHK);
	errno = ENOPROTOOPT;
	return -1;
}

int __wrap_close(int fd)
{
	assert_true(is_open(fd));
	kernel.closed++;
	return 0;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	(void)flags;
	assert_true(is_open(fd));
	assert_int_equal(length, sizeof(kernel.asked) + sizeof(kernel.kind));
	assert_int_equal(kernel.asked.nlmsg_len, 0); /* the last answer was read to its end */
	if (kernel.send_error != 0) {
		errno = kernel.send_error;
		return -1;
	}
	memcpy(&kernel.asked, bytes, sizeof(kernel.asked));
	memcpy(&kernel.kind, (const char *)bytes + NLMSG_HDRLEN, sizeof(kernel.kind));
	kernel.at = 0;
	kernel.dumps += kernel.kind.rtm_family == AF_INET;
	return (ssize_t)length;
}

static void put_attribute(
	unsigned char *message, unsigned short type, const void *data, size_t bytes)
{
	struct nlmsghdr *header = (void *)message;
	struct rtattr attribute = { .rta_len = (unsigned short)RTA_LENGTH(bytes),
		.rta_type = type };

	memcpy(message + header->nlmsg_len, &attribute, sizeof(attribute));
	memcpy(message + header->nlmsg_len + RTA_LENGTH(0), data, bytes);
	header->nlmsg_len += (uint32_t)RTA_SPACE(bytes);
}

/* Returns the message's length. */
static size_t put_route(unsigned char *message, const struct route *route, unsigned short type)
{
	struct nlmsghdr *header = (void *)message;
	struct rtmsg *body = (void *)(message + NLMSG_HDRLEN);
	union addr address;

	assert_int_equal(addr_parse(route->address, 0, &address), 0);
	*header = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(sizeof(*body)), .nlmsg_type = type };
	*body = (struct rtmsg){
		.rtm_family = (unsigned char)address.sa.sa_family,
		.rtm_dst_len = route->bits,
		.rtm_type = route->type,
		.rtm_table = route->table < 256 ? (unsigned char)route->table : RT_TABLE_COMPAT,
	};
	put_attribute(message, RTA_TABLE, &route->table, sizeof(route->table));
	if (route->bits > 0 && address.sa.sa_family == AF_INET)
		put_attribute(message, RTA_DST, &address.in.sin_addr, 4);
	else if (route->bits > 0)
		put_attribute(message, RTA_DST, &address.in6.sin6_addr, 16);
	if (route->interface != 0)
		put_attribute(message, RTA_OIF, &route->interface, sizeof(route->interface));
	return header->nlmsg_len;
}

static size_t put_filler(unsigned char *message, unsigned number)
{
	char text[32];
	struct route route = { text, 32, RTN_LOCAL, RT_TABLE_LOCAL, 2 };

	(void)snprintf(text, sizeof(text), "10.%u.%u.%u", number >> 15, number >> 7 & 255,
		number << 1 & 255);
	return put_route(message, &route, RTM_NEWROUTE);
}

static size_t put_end(unsigned char *message)
{
	struct nlmsghdr *header = (void *)message;

	*header = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(sizeof(int)),
		.nlmsg_type = NLMSG_DONE };
	memcpy(message + NLMSG_HDRLEN, &kernel.done_error, sizeof(int));
	if (kernel.interrupted > 0) {
		header->nlmsg_flags = NLM_F_DUMP_INTR;
		kernel.interrupted--;
	}
	return header->nlmsg_len;
}

/* One message at a time, of the family asked for; the type is not filtered, as by old kernels. */
static size_t answer(unsigned char *message)
{
	struct nlmsghdr *header = (void *)message;
	size_t length = 0;

	assert_int_not_equal(kernel.asked.nlmsg_len, 0);
	while (length == 0 && kernel.at < kernel.routes_count) {
		const struct route *route = &kernel.routes[kernel.at++];

		if ((strchr(route->address, ':') != NULL) == (kernel.kind.rtm_family == AF_INET6))
			length = put_route(message, route, RTM_NEWROUTE);
	}
	if (length == 0 && kernel.kind.rtm_family == AF_INET &&
		kernel.at < kernel.routes_count + kernel.filler)
		length = put_filler(message, kernel.at++ - kernel.routes_count);
	if (length == 0)
		length = put_end(message);
	header->nlmsg_seq = kernel.asked.nlmsg_seq;
	if (header->nlmsg_type == NLMSG_DONE)
		kernel.asked.nlmsg_len = 0;
	else if (kernel.cut)
		header->nlmsg_len++;
	return length;
}

ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length)
{
	struct sockaddr_nl sender = { .nl_family = AF_NETLINK };

	assert_true(flags & MSG_DONTWAIT);
	assert_true(room >= 32768 && *from_length == sizeof(sender));
	memcpy(from, &sender, sizeof(sender));
	*from_length = sizeof(sender);
	assert_true(is_open(fd));
	return (ssize_t)answer(to);
}

static void has(const char *address, unsigned char bits, unsigned char type, uint32_t table)
{
	kernel.routes[kernel.routes_count++] = (struct route){ address, bits, type, table, 2 };
}

static bool holds(struct own_addresses *own, const char *text)
{
	union addr address;

	assert_int_equal(addr_parse(text, 7, &address), 0);
	return own_addresses_hold(own, &address);
}

static int setup(void **state)
{
	struct own_addresses *own;

	memset(&kernel, 0, sizeof(kernel));
	assert_int_equal(own_addresses_new(&own), 0);
	assert_true(holds(own, "192.0.2.1")); /* nothing is known */
	*state = own;
	return 0;
}

static int teardown(void **state)
{
	own_addresses_free(*state);
	assert_int_equal(kernel.closed, kernel.opened);
	own_addresses_free(NULL);
	return 0;
}

static void begin(struct own_addresses *own)
{
	has("192.0.2.7", 32, RTN_LOCAL, RT_TABLE_LOCAL);
	assert_int_equal(own_addresses_read(own), 0);
	assert_int_equal(kernel.dumps, 1);
	assert_true(holds(own, "192.0.2.7"));
	assert_false(holds(own, "192.0.2.8"));
}

/* The new address is known after one more list. */
static void must_learn(struct own_addresses *own)
{
	int dumps = kernel.dumps;

	kernel.routes[0].address = "192.0.2.8";
	assert_int_equal(own_addresses_read(own), 0);
	assert_int_equal(kernel.dumps, dumps + 1);
	assert_true(holds(own, "192.0.2.8"));
	assert_false(holds(own, "192.0.2.7"));
	assert_int_equal(kernel.opened, 1);
}

static void what_is_ours(void **state)
{
	struct own_addresses *own = *state;

	has("198.51.100.0", 24, RTN_LOCAL, RT_TABLE_MAIN);
	has("203.0.113.1", 32, RTN_LOCAL, 1000); /* of a VRF */
	has("203.0.113.2", 32, RTN_UNICAST, RT_TABLE_MAIN);
	has("203.0.113.255", 32, RTN_BROADCAST, RT_TABLE_LOCAL);
	has("2001:db8::", 128, RTN_ANYCAST, RT_TABLE_LOCAL);
	has("fe80::1", 128, RTN_LOCAL, RT_TABLE_LOCAL); /* of interface 2 */
	begin(own);
	assert_true(holds(own, "198.51.100.0") && holds(own, "198.51.100.255"));
	assert_true(holds(own, "203.0.113.1"));
	assert_false(holds(own, "203.0.113.2") || holds(own, "203.0.113.255"));
	assert_true(holds(own, "2001:db8::"));
	assert_false(holds(own, "2001:db8::1"));
	assert_true(holds(own, "fe80::1%2"));
	assert_false(holds(own, "fe80::1%3"));
}

/* What a proxy needs for what its firewall marks (TPROXY), and what makes all addresses ours. */
static void default_routes(void **state)
{
	struct own_addresses *own = *state;

	has("0.0.0.0", 0, RTN_LOCAL, 100);
	has("::", 0, RTN_LOCAL, 1000);
	assert_int_equal(own_addresses_read(own), 0);
	assert_false(holds(own, "192.0.2.1") || holds(own, "2001:db8::1"));
	kernel.routes[0].table = RT_TABLE_LOCAL;
	assert_int_equal(own_addresses_read(own), 0);
	assert_true(holds(own, "192.0.2.1"));
	assert_false(holds(own, "2001:db8::1"));
}

static void changes(void **state)
{
	struct own_addresses *own = *state;

	begin(own);
	must_learn(own);
}

/* A route changed while the list was read. */
static void interrupted_lists(void **state)
{
	struct own_addresses *own = *state;

	begin(own);
	kernel.interrupted = 2;
	assert_int_equal(own_addresses_read(own), 0);
	assert_int_equal(kernel.dumps, 4);
	kernel.interrupted = 1000;
	assert_int_equal(own_addresses_read(own), -EINTR);
	assert_true(holds(own, "192.0.2.99"));
	kernel.interrupted = 0;
	must_learn(own);
}

static void failures(void **state)
{
	struct own_addresses *own = *state;

	begin(own);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			kernel.send_error = ENOBUFS;
		else
			kernel.done_error = -ENOBUFS;
		assert_int_equal(own_addresses_read(own), -ENOBUFS);
		assert_true(holds(own, "192.0.2.99"));
		kernel.send_error = kernel.done_error = 0;
		assert_int_equal(own_addresses_read(own), 0);
		assert_false(holds(own, "192.0.2.99"));
	}
}

static void too_many(void **state)
{
	struct own_addresses *own = *state;

	kernel.filler = PREFIXES_MAX - 1;
	begin(own);
	kernel.filler++;
	assert_int_equal(own_addresses_read(own), -EOVERFLOW);
	assert_true(holds(own, "192.0.2.99"));
	kernel.filler = 0;
	must_learn(own);
}

/* Each call asks for what is missing, and leaves nothing open. */
static void no_netlink(void **state)
{
	struct own_addresses *own = *state;

	kernel.socket_error = EAFNOSUPPORT;
	assert_int_equal(own_addresses_read(own), -EAFNOSUPPORT);
	kernel.socket_error = 0;
	kernel.bind_error = ENOMEM;
	assert_int_equal(own_addresses_read(own), -ENOMEM);
	assert_int_equal(kernel.opened, 1);
	assert_int_equal(kernel.closed, 1);
	assert_true(holds(own, "192.0.2.99") && holds(own, "2001:db8::1"));
	kernel.bind_error = 0;
	begin(own);
	assert_int_equal(kernel.opened, 2);
}

/* A message that is longer than what came. */
static void cut_messages(void **state)
{
	struct own_addresses *own = *state;

	begin(own);
	kernel.cut = true;
	assert_int_equal(own_addresses_read(own), -EBADMSG);
	assert_true(holds(own, "192.0.2.99"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(default_routes, setup, teardown),
		cmocka_unit_test_setup_teardown(changes, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupted_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(failures, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(no_netlink, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_messages, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
