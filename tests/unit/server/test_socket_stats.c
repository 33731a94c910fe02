/* What the kernel says of each socket, which nobody asks for by this. */
#include "server_support.h"

static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state, (void)request, (void)reply, (void)size;
	return 0;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle };

static void each_socket_has_them(void **state)
{
	struct dgram_socket_stats *stats;
	struct sockaddr_storage address;
	struct dgram_server *server;
	struct setup setup;

	(void)state;
	setup_init(&setup, &handler);
	setup.services[0].receivers = 2;
	server = make(&setup);
	assert_int_equal(dgram_server_socket_stats(server, 0, &stats), -EBADF);
	assert_int_equal(dgram_server_start(server), 0);
	assert_int_equal(dgram_server_address(server, 0, 0, &address), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(dgram_server_socket_stats(server, i, &stats), 0);
		assert_string_equal(stats->service, "handler");
		assert_memory_equal(&stats->address, &address, sizeof(struct sockaddr_in));
		assert_true(stats->receive_buffer_bytes > 0 && stats->send_buffer_bytes > 0);
		assert_int_equal(stats->dropped_by_kernel, 0);
		dgram_stats_free(stats);
	}
	assert_int_equal(dgram_server_socket_stats(server, 2, &stats), -ENOENT);
	stop(server);
	dgram_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_socket_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
