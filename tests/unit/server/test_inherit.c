/* A server takes the place of another one that serves: with its sockets, and without a loss. */
#include <netinet/udp.h>

#include "server_support.h"

#define SOCKETS_MAX 8

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length), 0);
	return cookie;
}

/* What a server leaves, as its successor gets it. */
static size_t leave_all(struct dgram_server *server, struct dgram_inherited *left, bool held)
{
	size_t count = 0;
	int fd;

	for (; (fd = dgram_server_socket(server, count)) != -ENOENT; count++) {
		struct dgram_socket_stats *stats;

		assert_true(fd >= 0 && count < SOCKETS_MAX);
		assert_int_equal(dgram_server_socket_stats(server, count, &stats), 0);
		left[count] = (struct dgram_inherited){ fd, stats->service, held };
		dgram_stats_free(stats);
	}
	return count;
}

static struct dgram_server *start_after(
	struct setup *setup, struct dgram_server *before, struct dgram_inherited *left, bool held)
{
	setup->options.inherited = left;
	setup->options.inherited_count = leave_all(before, left, held);
	return start(setup);
}

static void must_be_same(struct dgram_server *first, struct dgram_server *second, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(cookie_of(dgram_server_socket(first, i)),
			cookie_of(dgram_server_socket(second, i)));
	assert_int_equal(dgram_server_socket(second, count), -ENOENT);
}

#define CLIENTS 20u
#define ROUNDS 30u

static void send_all(const int *clients, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned j = 0; j < CLIENTS; j++)
			tell(clients[j], "x", 1);
}

/* Several servers, each of which begins before the one before it ends, and requests before, between and after. */
static void nothing_is_lost(enum dgram_concurrency concurrency)
{
	struct dgram_inherited left[SOCKETS_MAX];
	struct dgram_server *servers[3];
	int clients[CLIENTS];
	uint64_t received = 0;
	struct setup setup;
	char reply[8];

	setup_init(&setup, dgram_builtin_handler("echo"));
	own_address(&setup.services[0], 2);
	setup.services[0].receivers = 2;
	setup.services[0].concurrency = concurrency;
	servers[0] = start(&setup);
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = client_of(servers[0], 0);
	for (unsigned i = 1; i < 3; i++) {
		send_all(clients, ROUNDS);
		servers[i] = start_after(&setup, servers[i - 1], left, false);
		must_be_same(servers[i - 1], servers[i], 4);
		send_all(clients, ROUNDS);
		stop(servers[i - 1]);
		received += check_closed(servers[i - 1], 0).received;
		dgram_server_free(servers[i - 1]);
	}
	for (unsigned i = 0; i < 4 * ROUNDS; i++)
		for (unsigned j = 0; j < CLIENTS; j++)
			assert_int_equal(hear(clients[j], reply, sizeof(reply), patience_ms()), 1);
	stop(servers[2]);
	assert_int_equal(received + check_closed(servers[2], 0).received, 4 * ROUNDS * CLIENTS);
	dgram_server_free(servers[2]);
	for (unsigned i = 0; i < CLIENTS; i++)
		close(clients[i]);
}

static void nothing_is_lost_in_between(void **state)
{
	(void)state;
	nothing_is_lost(DGRAM_POOL);
	nothing_is_lost(DGRAM_INLINE);
}

/* The kernel chose the port: of two services at one host, each gets its own. */
static void by_name(void **state)
{
	struct dgram_inherited left[SOCKETS_MAX], swapped;
	struct dgram_server *first, *second;
	struct setup setup;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.services[0].name = "one";
	setup.services[1] = setup.services[0];
	setup.services[1].name = "other";
	setup.options.services_count = 2;
	first = start(&setup);
	setup.options.inherited = left;
	setup.options.inherited_count = leave_all(first, left, false);
	assert_int_equal(setup.options.inherited_count, 2);
	swapped = left[0];
	left[0] = left[1];
	left[1] = swapped;
	second = start(&setup);
	must_be_same(first, second, 2);
	dgram_server_free(first);
	dgram_server_free(second);
}

/* Another host beside the one that is inherited; and one that no host wants, which the server does not touch. */
static void what_differs(void **state)
{
	struct dgram_inherited left[SOCKETS_MAX];
	struct dgram_server *first, *second, *third;
	struct setup setup;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	own_address(&setup.services[0], 1);
	first = start(&setup);
	setup.services[0].hosts_count = 2;
	second = start_after(&setup, first, left, false);
	assert_int_equal(cookie_of(dgram_server_socket(first, 0)),
		cookie_of(dgram_server_socket(second, 0)));
	assert_true(dgram_server_socket(second, 1) >= 0);
	assert_int_equal(dgram_server_free(first), 0);
	setup.services[0].hosts++;
	setup.services[0].hosts_count = 1;
	third = start_after(&setup, second, left, true);
	assert_int_equal(cookie_of(dgram_server_socket(third, 0)),
		cookie_of(dgram_server_socket(second, 1)));
	assert_int_equal(dgram_server_socket(third, 1), -ENOENT);
	dgram_server_free(second);
	dgram_server_free(third);
}

/* Who holds it gets what is left in it, also from the server after the next. */
static void held(void **state)
{
	struct dgram_inherited left[SOCKETS_MAX];
	struct dgram_server *first, *second;
	struct dgram_socket_stats *stats;
	struct setup setup;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	first = start(&setup);
	for (unsigned i = 0; i < 2; i++) {
		second = start_after(&setup, first, left, i == 0);
		dgram_server_keep_sockets(second);
		assert_int_equal(dgram_server_socket_stats(second, 0, &stats), 0);
		assert_int_equal(stats->held, i == 0);
		dgram_stats_free(stats);
		dgram_server_free(first);
		first = second;
	}
	dgram_server_free(first);
}

/* A part of what UDP_GRO joins would be lost to the server that does not ask for it. */
static void joined_ones_are_not_asked_for(void **state)
{
	struct dgram_inherited left[SOCKETS_MAX];
	struct dgram_server *servers[3];
	struct setup setup;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	for (unsigned i = 0; i < 2; i++) {
		int gro = 0;
		socklen_t length = sizeof(gro);

		setup.options.gro = i == 1;
		setup.options.inherited_count = 0;
		servers[0] = start(&setup);
		setup.options.gro = true;
		servers[1] = start_after(&setup, servers[0], left, false);
		assert_int_equal(getsockopt(dgram_server_socket(servers[1], 0), IPPROTO_UDP,
					 UDP_GRO, &gro, &length),
			0);
		assert_int_equal(gro, i);
		dgram_server_free(servers[0]);
		dgram_server_free(servers[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_in_between),
		cmocka_unit_test(by_name),
		cmocka_unit_test(what_differs),
		cmocka_unit_test(held),
		cmocka_unit_test(joined_ones_are_not_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
