/* The machine's own addresses without any thread: handle_request() takes in their changes while it waits. In
 * a network of its own, so it needs root. */
#include "network_support.h"

#define WAIT_MS 60
#define ADDED "10.9.0.77"

static struct dgram_server *bind_wildcard(uint16_t *ret_port)
{
	static const char *const hosts[] = { "0.0.0.0" };
	struct sockaddr_in bound;
	struct sockaddr_storage address;
	struct setup setup;
	struct dgram_server *server;

	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.services[0].hosts = hosts;
	setup.services[0].hosts_count = 1;
	server = make(&setup);
	assert_int_equal(dgram_server_bind(server), 0);
	assert_int_equal(dgram_server_address(server, 0, 0, &address), 0);
	memcpy(&bound, &address, sizeof(bound));
	*ret_port = bound.sin_port;
	return server;
}

/* A datagram that claims to be from the address that was added and the server's port. */
static void forge(uint16_t port)
{
	const uint16_t header[4] = { port, port, htons(8), 0 };
	struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);

	assert_int_equal(inet_pton(AF_INET, ADDED, &from.sin_addr), 1);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(
		sendto(fd, header, sizeof(header), 0, (struct sockaddr *)&to, sizeof(to)), 8);
	close(fd);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The notice is neither a request nor the end of the wait. */
static void an_address_comes_while_it_waits(void **state)
{
	struct dgram_server *server;
	uint16_t port;
	int64_t begin_ms;

	(void)state;
	if (geteuid() != 0)
		skip();
	server = bind_wildcard(&port);
	add_address("lo:1", ADDED);
	begin_ms = now_ms();
	assert_int_equal(dgram_server_handle_request(server, 0, WAIT_MS), 0);
	assert_true(now_ms() - begin_ms >= WAIT_MS - 1);
	forge(port);
	assert_int_equal(dgram_server_handle_request(server, 0, -1), 1);
	assert_int_equal(reason(stats_of(server, 0).dropped, "source_self"), 1);
	assert_int_equal(dgram_server_handle_request(server, 0, 0), 0);
	dgram_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_address_comes_while_it_waits, setup_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
