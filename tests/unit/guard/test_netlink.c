/* What is read of netlink's messages and attributes, to the byte; and an answer, with a kernel of our own. The real one
 * is asked in tests/interop. */
/* link: -Wl,--wrap=socket,--wrap=bind,--wrap=send,--wrap=recvfrom,--wrap=close */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "guard/netlink.h"

int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length);
int __wrap_close(int fd);

static struct netlink netlink;

/* What the kernel gives to read, one after the other. */
static struct {
	unsigned char bytes[256];
	ssize_t length; /* or -errno */
} received[8];
static unsigned received_count, read_count;
static uint32_t asked; /* the number of the question */

int __wrap_socket(int family, int type, int protocol)
{
	(void)family, (void)type, (void)protocol;
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
	return 0;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	struct nlmsghdr header;

	(void)flags;
	assert_int_equal(fd, 1001);
	memcpy(&header, bytes, sizeof(header));
	assert_int_equal(header.nlmsg_len, length);
	asked = header.nlmsg_seq;
	return (ssize_t)length;
}

ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length)
{
	(void)flags;
	assert_int_equal(fd, 1001);
	assert_int_equal(room, NETLINK_BUFFER_BYTES);
	assert_true(read_count < received_count);
	memset(from, 0, *from_length);
	*from_length = sizeof(struct sockaddr_nl);
	memcpy(to, received[read_count].bytes, sizeof(received[0].bytes));
	if (received[read_count].length >= 0)
		return received[read_count++].length;
	errno = (int)-received[read_count++].length;
	return -1;
}

static int setup(void **state)
{
	(void)state;
	memset(received, 0, sizeof(received));
	memset(&netlink, 0, sizeof(netlink));
	received_count = read_count = 0;
	assert_int_equal(netlink_open(&netlink, 0), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	netlink_close(&netlink);
	assert_int_equal(read_count, received_count);
	return 0;
}

static void comes(ssize_t length)
{
	received[received_count++].length = length;
}

/* A message of `bytes` after its header, which say `what`. */
static void comes_message(unsigned short type, unsigned bytes, int what, unsigned ahead)
{
	const struct nlmsghdr header = { .nlmsg_len = NLMSG_HDRLEN + bytes,
		.nlmsg_type = type,
		.nlmsg_seq = netlink.sequence + ahead };

	memcpy(received[received_count].bytes, &header, sizeof(header));
	memcpy(received[received_count].bytes + sizeof(header), &what, sizeof(what));
	comes(header.nlmsg_len);
}

static void receiving(void **state)
{
	(void)state;
	comes(-EINTR);
	comes(40);
	assert_int_equal(netlink_receive(&netlink), 40);
	comes(NETLINK_BUFFER_BYTES);
	assert_int_equal(netlink_receive(&netlink), NETLINK_BUFFER_BYTES);
	comes(NETLINK_BUFFER_BYTES + 1);
	assert_int_equal(netlink_receive(&netlink), -EMSGSIZE);
	comes(-ENOBUFS);
	assert_int_equal(netlink_receive(&netlink), -ENOBUFS);
}

/* Put a header that says this length at `at`. */
static void put_header(size_t at, uint32_t says)
{
	const struct nlmsghdr header = { .nlmsg_len = says };

	memcpy(netlink.buffer + at, &header, sizeof(header));
}

static void messages_within_what_came(void **state)
{
	const size_t head = sizeof(struct nlmsghdr);

	(void)state;
	for (uint32_t says = 0; says < 64; says++)
		for (size_t length = 0; length < 64; length++) {
			bool whole = says >= head && says <= length;
			size_t at = 0;

			put_header(0, says);
			put_header(NLMSG_ALIGN(says) + head, 0);
			assert_ptr_equal(
				netlink_next(&netlink, length, &at), whole ? netlink.buffer : NULL);
			assert_int_equal(at, whole ? NLMSG_ALIGN(says) : 0);
		}
}

static void one_message_behind_the_other(void **state)
{
	size_t at = 0;

	(void)state;
	put_header(0, 17);
	put_header(20, 16);
	assert_ptr_equal(netlink_next(&netlink, 36, &at), netlink.buffer);
	assert_ptr_equal(netlink_next(&netlink, 36, &at), netlink.buffer + 20);
	assert_null(netlink_next(&netlink, 36, &at));
	at = 20;
	assert_null(netlink_next(&netlink, 35, &at));
}

static void payloads(void **state)
{
	(void)state;
	for (uint32_t says = NLMSG_HDRLEN; says < 40; says++)
		for (size_t bytes = 0; bytes < 40; bytes++) {
			const struct nlmsghdr *message = (const void *)netlink.buffer;

			put_header(0, says);
			assert_ptr_equal(netlink_payload(message, bytes),
				bytes + NLMSG_HDRLEN <= says ? netlink.buffer + NLMSG_HDRLEN
							     : NULL);
		}
}

/* Two attributes: one of `first` bytes, one of 4. */
static size_t put_attributes(unsigned char *to, unsigned short first, unsigned short flags)
{
	struct rtattr attribute = { .rta_len = (unsigned short)RTA_LENGTH(first),
		.rta_type = (unsigned short)(7 | flags) };
	size_t second = RTA_SPACE(first);

	memcpy(to, &attribute, sizeof(attribute));
	attribute = (struct rtattr){ .rta_len = RTA_LENGTH(4), .rta_type = 8 };
	memcpy(to + second, &attribute, sizeof(attribute));
	return second + RTA_LENGTH(4);
}

static void attributes(void **state)
{
	unsigned char bytes[128] = { 0 };
	size_t all, length;

	(void)state;
	for (unsigned short first = 0; first < 20; first++) {
		all = put_attributes(bytes, first, NLA_F_NESTED);
		for (size_t wanted = 0; wanted < 24; wanted++) {
			assert_ptr_equal(netlink_attribute(bytes, all, 7, wanted, &length),
				wanted <= first ? bytes + RTA_LENGTH(0) : NULL);
			if (wanted <= first)
				assert_int_equal(length, first);
		}
		for (size_t given = 0; given <= all; given++)
			assert_ptr_equal(netlink_attribute(bytes, given, 8, 4, NULL),
				given == all ? bytes + RTA_SPACE(first) + RTA_LENGTH(0) : NULL);
		assert_null(netlink_attribute(bytes, all, 9, 0, NULL));
	}
}

/* It says that it is shorter than its own head: what is behind that is none. */
static void attributes_that_are_none(void **state)
{
	unsigned char bytes[128] = { 0 };
	const size_t head = RTA_LENGTH(0), all = head + put_attributes(bytes + head, 4, 0);

	(void)state;
	for (unsigned short says = 0; says < head; says++) {
		memcpy(bytes, &says, sizeof(says));
		assert_null(netlink_attribute(bytes, all, 8, 0, NULL));
		assert_null(netlink_attribute(bytes, all, 7, 0, NULL));
	}
}

static void routes(void **state)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
	} message = { .header = { .nlmsg_len = sizeof(message), .nlmsg_type = RTM_NEWROUTE },
		.route = { .rtm_type = RTN_LOCAL } };

	(void)state;
	assert_ptr_equal(netlink_local_route(&message.header), &message.route);
	message.header.nlmsg_type = RTM_NEWADDR;
	assert_null(netlink_local_route(&message.header));
	message.header.nlmsg_type = RTM_DELROUTE;
	assert_ptr_equal(netlink_local_route(&message.header), &message.route);
	message.header.nlmsg_len--;
	assert_null(netlink_local_route(&message.header));
}

static int count_messages(void *context, const struct nlmsghdr *message)
{
	(void)message;
	++*(unsigned *)context;
	return 0;
}

static int list(unsigned *ret_count)
{
	const struct netlink_question question = { RTM_GETLINK, sizeof(unsigned),
		&(unsigned){ 0 } };

	*ret_count = 0;
	return netlink_list(&netlink, &question, count_messages, ret_count);
}

/* What answers an earlier question, and notices, are not part of it. */
static void answers(void **state)
{
	unsigned count;

	(void)state;
	comes_message(RTM_NEWLINK, 4, 0, 1);
	comes_message(RTM_NEWLINK, 4, 0, 0);
	comes_message(NLMSG_DONE, 4, -ENOMEM, 0);
	comes_message(RTM_NEWLINK, 4, 0, 1);
	comes_message(NLMSG_DONE, 4, 0, 1);
	assert_int_equal(list(&count), 0);
	assert_int_equal(count, 2);
}

/* Nothing but an error is one, whatever its number. */
static void errors(void **state)
{
	static const struct {
		unsigned short type;
		int says, error;
	} ends[] = { { NLMSG_ERROR, -EPERM, -EPERM }, { NLMSG_DONE, -EINTR, -EINTR },
		{ NLMSG_ERROR, 0, 0 }, { NLMSG_DONE, 5, 0 } };
	unsigned count;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		comes_message(ends[i].type, 4, ends[i].says, 1);
		assert_int_equal(list(&count), ends[i].error);
		assert_int_equal(count, 0);
	}
	comes(-EAGAIN);
	assert_int_equal(list(&count), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(receiving, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_within_what_came, setup, teardown),
		cmocka_unit_test_setup_teardown(one_message_behind_the_other, setup, teardown),
		cmocka_unit_test_setup_teardown(payloads, setup, teardown),
		cmocka_unit_test_setup_teardown(attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(attributes_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(routes, setup, teardown),
		cmocka_unit_test_setup_teardown(answers, setup, teardown),
		cmocka_unit_test_setup_teardown(errors, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
