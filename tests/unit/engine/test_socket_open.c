/* Sockets that are bound later, and sockets that take the place of others. On loopback, for real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "engine/socket.h"
#include "support/scaled.h"

static union addr address(const char *host, uint16_t port)
{
	union addr parsed;

	assert_int_equal(addr_parse(host, port, &parsed), 0);
	return parsed;
}

static struct socket open_at(const char *host, unsigned bytes)
{
	const struct socket_config config = { .receive_bytes = bytes };
	union addr where = address(host, 0);
	struct socket socket;

	assert_int_equal(socket_open(&where, &config, &socket), 0);
	return socket;
}

/* So many datagrams, to what it is bound to now. */
static void send_to(const struct socket *to, unsigned count)
{
	const union addr where = socket_address(to);
	int fd = socket(where.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(sendto(fd, "data", 4, 0, &where.sa, addr_length(&where)), 4);
	close(fd);
}

static bool hears(const struct socket *socket)
{
	char data[8];

	send_to(socket, 1);
	return recv(socket->fd, data, sizeof(data), 0) == 4;
}

/* Nothing is to be had from it, and no port and source are its own. */
static void idle(void **state)
{
	union addr nobody = address("127.0.0.1", 0);
	struct socket socket;
	char data[8];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pollfd poll_fd = { .events = POLLIN };

		assert_int_equal(socket_open_idle(i == 0 ? AF_INET : AF_INET6, &socket), 0);
		poll_fd.fd = socket.fd;
		assert_false(socket_is_bound(&socket));
		assert_false(socket_is_own(&socket, 1, &nobody));
		assert_int_equal(poll(&poll_fd, 1, 0), 0);
		assert_int_equal(recv(socket.fd, data, sizeof(data), 0), -1);
		assert_int_equal(errno, EAGAIN);
		assert_int_equal(socket_kernel_drops(&socket), 0);
		socket_close(&socket);
	}
}

static void an_idle_one_is_replaced(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "0.0.0.0", "::1" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct socket socket, next = open_at(hosts[i], 0);
		union addr bound = next.bound;
		int fd;

		assert_int_equal(socket_open_idle(AF_INET, &socket), 0);
		fd = socket.fd;
		socket_replace(&socket, &next);
		assert_int_equal(socket.fd, fd);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(fcntl(next.fd, F_GETFD), -1);
		assert_true(socket_is_bound(&socket));
		assert_memory_equal(&socket.bound, &bound, addr_length(&bound));
		assert_int_equal(socket.wildcard, i == 1);
		assert_int_equal(socket.segments, next.segments);
		bound = address(i == 2 ? "::1" : "127.0.0.1", addr_port(&bound));
		assert_true(socket_is_own(&socket, 1, &bound));
		if (i != 1)
			assert_true(hears(&socket));
		socket_close(&socket);
		assert_false(socket_is_bound(&socket));
	}
}

/* With what the kernel has dropped so far. */
static void a_bound_one_is_replaced(void **state)
{
	struct socket socket = open_at("::1", 2304), next = open_at("::1", 0);
	uint64_t drops;

	(void)state;
	next.bound.in6.sin6_scope_id = 4711;
	send_to(&socket, 64);
	drops = socket_kernel_drops(&socket);
	assert_true(drops > 0);
	socket_replace(&socket, &next);
	assert_int_equal(socket_kernel_drops(&socket), drops);
	assert_int_equal(socket_address(&socket).in6.sin6_scope_id, 4711);
	assert_int_equal(atomic_load(&socket.port), next.bound.in.sin_port);
	socket_close(&socket);
}

static void *wait_for_it(void *argument)
{
	const struct socket *socket = argument;
	struct pollfd poll_fd = { .fd = socket->fd, .events = POLLIN };

	return poll(&poll_fd, 1, patience_ms()) == 1 ? argument : NULL;
}

/* A poller returns, whether it came before or comes later; and what arrives is received. */
static void waking(void **state)
{
	struct socket sockets[2] = { { .fd = -1 }, open_at("::1", 0) };

	(void)state;
	assert_int_equal(socket_open_idle(AF_INET, &sockets[0]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_t waiter;
		void *woken;

		assert_int_equal(pthread_create(&waiter, NULL, wait_for_it, &sockets[i]), 0);
		socket_wake(&sockets[i]);
		assert_int_equal(pthread_join(waiter, &woken), 0);
		assert_non_null(woken);
		assert_non_null(wait_for_it(&sockets[i]));
	}
	assert_true(hears(&sockets[1]));
	for (int i = 0; i < 2; i++)
		socket_close(&sockets[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle),
		cmocka_unit_test(an_idle_one_is_replaced),
		cmocka_unit_test(a_bound_one_is_replaced),
		cmocka_unit_test(waking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
