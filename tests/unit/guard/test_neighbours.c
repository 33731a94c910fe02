/* Which of the kernel's tables of neighbours count, with a kernel of our own. The real one is asked in
 * tests/interop/test_neighbours.py. */
/* link: -Wl,--wrap=socket,--wrap=bind,--wrap=send,--wrap=recvfrom,--wrap=close */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "guard/neighbours.h"

int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length);
int __wrap_close(int fd);

struct table {
	unsigned short type;
	uint32_t most, interface, queue_bytes;
};

static struct table tables[8];
static unsigned tables_count, read_count;
static struct nlmsghdr asked;
static int opened;

int __wrap_socket(int family, int type, int protocol)
{
	(void)family, (void)type, (void)protocol;
	opened++;
	return 1001;
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	(void)fd, (void)address, (void)length;
	return 0;
}

int __wrap_close(int fd)
{
	assert_int_equal(fd, 1001);
	opened--;
	return 0;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	(void)fd, (void)flags;
	memcpy(&asked, bytes, sizeof(asked));
	assert_int_equal(asked.nlmsg_type, RTM_GETNEIGHTBL);
	return (ssize_t)length;
}

static size_t put_number(unsigned char *to, size_t at, unsigned short type, uint32_t number)
{
	const struct rtattr attribute = { RTA_LENGTH(sizeof(number)), type };

	memcpy(to + at, &attribute, sizeof(attribute));
	memcpy(to + at + sizeof(attribute), &number, sizeof(number));
	return at + RTA_LENGTH(sizeof(number));
}

static size_t put_table(unsigned char *to, const struct table *table)
{
	struct nlmsghdr header = { .nlmsg_type = table->type, .nlmsg_seq = asked.nlmsg_seq };
	struct rtattr values = { .rta_type = NDTA_PARMS };
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ndtmsg)), begin;

	if (table->most != 0)
		at = put_number(to, at, NDTA_THRESH3, table->most);
	begin = at;
	at += sizeof(values);
	if (table->interface != 0)
		at = put_number(to, at, NDTPA_IFINDEX, table->interface);
	at = put_number(to, at, NDTPA_QUEUE_LENBYTES, table->queue_bytes);
	values.rta_len = (unsigned short)(at - begin);
	memcpy(to + begin, &values, sizeof(values));
	header.nlmsg_len = (uint32_t)at;
	memcpy(to, &header, sizeof(header));
	return at;
}

ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length)
{
	const struct table end = { .type = NLMSG_DONE };

	(void)fd, (void)room, (void)flags;
	memset(from, 0, *from_length);
	*from_length = sizeof(struct sockaddr_nl);
	memset(to, 0, 256);
	return (ssize_t)put_table(to, read_count < tables_count ? &tables[read_count++] : &end);
}

static int setup(void **state)
{
	(void)state;
	tables_count = read_count = 0;
	return 0;
}

static void has(unsigned short type, uint32_t most, uint32_t interface, uint32_t queue_bytes)
{
	tables[tables_count++] = (struct table){ type, most, interface, queue_bytes };
}

static void must_be(int error, uint32_t neighbours, uint32_t queue_bytes)
{
	struct neighbour_limits limits = { 1, 2 };

	assert_int_equal(neighbours_limits(AF_INET, &limits), error);
	assert_int_equal(limits.neighbours, neighbours);
	assert_int_equal(limits.queue_bytes, queue_bytes);
	assert_int_equal(opened, 0);
}

/* The defaults have no interface, and the loopback has no neighbours. */
static void the_interface_that_allows_most(void **state)
{
	(void)state;
	has(RTM_NEWNEIGHTBL, 1024, 0, 900);
	has(RTM_NEWNEIGHTBL, 0, 1, 800);
	has(RTM_NEWNEIGHTBL, 0, 2, 300);
	has(RTM_NEWNEIGHTBL, 0, 3, 700);
	has(RTM_NEWNEIGHTBL, 0, 4, 500);
	has(RTM_NEWLINK, 9, 5, 999);
	must_be(0, 1024, 700);
}

static void none(void **state)
{
	(void)state;
	has(RTM_NEWNEIGHTBL, 1024, 0, 900);
	has(RTM_NEWNEIGHTBL, 0, 1, 800);
	must_be(-ENOENT, 1, 2);
}

static void no_number_of_neighbours(void **state)
{
	(void)state;
	has(RTM_NEWNEIGHTBL, 0, 2, 300);
	must_be(-ENOENT, 1, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_interface_that_allows_most, setup),
		cmocka_unit_test_setup(none, setup),
		cmocka_unit_test_setup(no_number_of_neighbours, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
