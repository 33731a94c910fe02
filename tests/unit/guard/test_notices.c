/* Which notices say that something changed, with a kernel of our own behind socket(2) and recvfrom(2). The
 * real one is asked in tests/interop/test_own_addresses.py and test_late.py. */
/* link: -Wl,--wrap=socket,--wrap=bind,--wrap=recvfrom,--wrap=close */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "guard/notices.h"

#define FD 1001

int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length);
int __wrap_close(int fd);

struct notice {
	int error;
	uint32_t sender; /* 0 is the kernel */
	unsigned short type;
	unsigned char route;
};

static struct {
	int bind_error;
	unsigned opened, closed;
	struct notice notices[128];
	unsigned count, read;
} kernel;

int __wrap_socket(int family, int type, int protocol)
{
	assert_int_equal(family, AF_NETLINK);
	assert_true(type & SOCK_NONBLOCK && type & SOCK_CLOEXEC);
	assert_int_equal(protocol, NETLINK_ROUTE);
	kernel.opened++;
	return FD;
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_nl to;

	assert_int_equal(fd, FD);
	assert_int_equal(length, sizeof(to));
	memcpy(&to, address, sizeof(to));
	assert_int_equal(to.nl_groups, 0x551);
	if (kernel.bind_error == 0)
		return 0;
	errno = kernel.bind_error;
	return -1;
}

int __wrap_close(int fd)
{
	assert_int_equal(fd, FD);
	kernel.closed++;
	return 0;
}

ssize_t __wrap_recvfrom(
	int fd, void *to, size_t room, int flags, struct sockaddr *from, socklen_t *from_length)
{
	struct notice notice = { .error = EAGAIN };
	struct sockaddr_nl sender = { .nl_family = AF_NETLINK };
	struct nlmsghdr header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)) };
	struct rtmsg route = { .rtm_family = AF_INET };

	assert_int_equal(fd, FD);
	assert_true(flags & MSG_DONTWAIT);
	assert_true(room >= 2 * sizeof(header) && *from_length == sizeof(sender));
	if (kernel.read < kernel.count)
		notice = kernel.notices[kernel.read++];
	sender.nl_pid = notice.sender;
	memcpy(from, &sender, sizeof(sender));
	*from_length = sizeof(sender);
	if (notice.error != 0) {
		errno = notice.error;
		return -1;
	}
	header.nlmsg_type = notice.type;
	route.rtm_type = notice.route;
	memcpy(to, &header, sizeof(header));
	memcpy((char *)to + NLMSG_HDRLEN, &route, sizeof(route));
	return header.nlmsg_len;
}

static struct notices notices;

static int setup(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	notices_init(&notices);
	assert_int_equal(notices_fd(&notices), -1);
	assert_int_equal(notices_open(&notices), 0);
	assert_int_equal(notices_fd(&notices), FD);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	notices_close(&notices);
	notices_close(&notices);
	assert_int_equal(kernel.closed, kernel.opened);
	return 0;
}

static void comes(struct notice notice)
{
	kernel.notices[kernel.count++] = notice;
}

static void must_say(struct notice notice, unsigned changed)
{
	comes(notice);
	assert_int_equal(notices_take(&notices), changed);
	assert_int_equal(kernel.read, kernel.count);
}

static void what_they_say(void **state)
{
	(void)state;
	assert_int_equal(notices_take(&notices), 0);
	must_say((struct notice){ .type = RTM_NEWADDR }, NOTICES_ADDRESSES);
	must_say((struct notice){ .type = RTM_DELADDR }, NOTICES_ADDRESSES);
	must_say((struct notice){ .type = RTM_NEWLINK }, NOTICES_INTERFACES);
	must_say((struct notice){ .type = RTM_DELLINK }, NOTICES_ADDRESSES | NOTICES_INTERFACES);
	must_say((struct notice){ .type = RTM_NEWNEIGH }, 0);
	for (int i = 0; i < 2; i++) {
		const unsigned short type = i == 0 ? RTM_NEWROUTE : RTM_DELROUTE;

		must_say((struct notice){ .type = type, .route = RTN_LOCAL }, NOTICES_ADDRESSES);
		must_say((struct notice){ .type = type, .route = RTN_ANYCAST }, NOTICES_ADDRESSES);
		must_say((struct notice){ .type = type, .route = RTN_UNICAST }, 0);
	}
}

static void all_that_came(void **state)
{
	(void)state;
	comes((struct notice){ .type = RTM_NEWNEIGH });
	comes((struct notice){ .type = RTM_NEWADDR });
	comes((struct notice){ .error = EINTR });
	must_say((struct notice){ .type = RTM_NEWLINK }, NOTICES_ADDRESSES | NOTICES_INTERFACES);
}

/* A flood is read in parts. */
static void many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 65; i++)
		comes((struct notice){ .type = i < 64 ? RTM_NEWADDR : RTM_NEWLINK });
	assert_int_equal(notices_take(&notices), NOTICES_ADDRESSES);
	assert_int_equal(notices_take(&notices), NOTICES_INTERFACES);
	assert_int_equal(notices_take(&notices), 0);
}

static void lost(void **state)
{
	(void)state;
	must_say((struct notice){ .error = ENOBUFS }, NOTICES_ADDRESSES | NOTICES_INTERFACES);
}

static void of_another_process(void **state)
{
	(void)state;
	must_say((struct notice){ .type = RTM_NEWADDR, .sender = 4711 }, 0);
}

static void not_to_be_had(void **state)
{
	(void)state;
	notices_close(&notices);
	kernel.bind_error = ENOMEM;
	assert_int_equal(notices_open(&notices), -ENOMEM);
	assert_int_equal(notices_fd(&notices), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_they_say, setup, teardown),
		cmocka_unit_test_setup_teardown(all_that_came, setup, teardown),
		cmocka_unit_test_setup_teardown(many, setup, teardown),
		cmocka_unit_test_setup_teardown(lost, setup, teardown),
		cmocka_unit_test_setup_teardown(of_another_process, setup, teardown),
		cmocka_unit_test_setup_teardown(not_to_be_had, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
