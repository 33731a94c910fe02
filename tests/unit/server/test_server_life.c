/* A server's life: made, bound, started, stopped from anywhere, freed at any point of it. */
#include <signal.h>

#include "server_support.h"

static struct dgram_server *stopping; /* what the handlers below shut down */

static ssize_t shut_down(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	(void)request;
	(void)reply;
	(void)size;
	dgram_server_shutdown(stopping);
	return 0;
}

static const struct dgram_handler stopper = { DGRAM_ABI, "stopper", .handle = shut_down };

static void on_signal(int number)
{
	(void)number;
	dgram_server_shutdown(stopping);
}

static void shutdown_from_a_handler(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client;
	char reply;

	(void)state;
	setup_init(&setup, &stopper);
	server = stopping = start(&setup);
	client = client_of(server, 0);
	tell(client, "stop", 4);
	assert_int_equal(dgram_server_serve_forever(server), 0);
	assert_int_equal(hear(client, &reply, 1, 0), 0); /* it was answered */
	assert_int_equal(check_closed(server, 0).replied, 1);
	dgram_server_free(server);
	close(client);
}

static void shutdown_from_a_signal_handler(void **state)
{
	const struct sigaction action = { .sa_handler = on_signal };
	const struct itimerspec soon = { .it_value.tv_nsec = 20000000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	struct setup setup;
	timer_t timer;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	assert_int_equal(sigaction(SIGUSR2, &action, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	stopping = start(&setup);
	assert_int_equal(timer_settime(timer, 0, &soon, NULL), 0);
	assert_int_equal(dgram_server_serve_forever(stopping), 0);
	dgram_server_free(stopping);
	timer_delete(timer);
}

/* In every state that a server can be in. */
static void shutdown_before_it_serves(void **state)
{
	struct setup setup;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	for (int times = 1; times <= 3; times++)
		for (int begun = 0; begun < 3; begun++) {
			struct dgram_server *server = make(&setup);

			if (begun == 1)
				assert_int_equal(dgram_server_bind(server), 0);
			if (begun == 2)
				assert_int_equal(dgram_server_start(server), 0);
			for (int i = 0; i < times; i++)
				dgram_server_shutdown(server);
			assert_int_equal(dgram_server_serve_forever(server), 0);
			dgram_server_shutdown(server);
			assert_int_equal(dgram_server_serve_forever(server), -EALREADY);
			dgram_server_free(server);
		}
}

static void free_at_any_point(void **state)
{
	struct setup setup;
	struct dgram_server *server;

	(void)state;
	dgram_server_free(NULL);
	setup_init(&setup, dgram_builtin_handler("echo"));
	dgram_server_free(make(&setup));
	server = make(&setup);
	assert_int_equal(dgram_server_bind(server), 0);
	dgram_server_free(server);
	server = make(&setup);
	assert_int_equal(dgram_server_handle_request(server, 0, 0), 0);
	dgram_server_free(server);
}

static void calls_out_of_order(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct dgram_service_stats *stats;
	struct sockaddr_storage address;
	char text[DGRAM_ERROR_TEXT_MAX] = "";

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	server = make(&setup);
	assert_int_equal(dgram_server_fileno(server, 0, 0), -EBADF);
	assert_int_equal(dgram_server_address(server, 0, 0, &address), -EBADF);
	assert_int_equal(dgram_server_stats(server, 1, &stats), -ENOENT);
	assert_int_equal(dgram_server_start(server), 0);
	assert_int_equal(dgram_server_bind(server), -EALREADY);
	assert_int_equal(dgram_server_start(server), -EALREADY);
	assert_int_equal(dgram_server_handle_request(server, 0, 0), -EBUSY);
	assert_true(dgram_server_fileno(server, 0, 0) >= 0);
	assert_int_equal(dgram_server_fileno(server, 0, 1), -ENOENT);
	assert_int_equal(dgram_server_address(server, 1, 0, &address), -ENOENT);
	stop(server);
	assert_int_equal(dgram_server_handle_request(server, 0, 0), -EBUSY);
	setup.options.error_text = text;
	setup.options.error_text_size = sizeof(text);
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), -ESHUTDOWN);
	assert_string_equal(text, "the server is stopping");
	dgram_server_free(server);
}

static void twenty_at_once(void **state)
{
	struct dgram_server *servers[20];
	unsigned fds = open_fds();
	struct setup setup;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	for (int i = 0; i < 20; i++)
		servers[i] = start(&setup);
	for (int i = 0; i < 20; i++) {
		int client = client_of(servers[i], 0);
		char reply[8];

		assert_int_equal(ask(client, "hello", reply, sizeof(reply)), 5);
		close(client);
	}
	for (int i = 0; i < 20; i++)
		dgram_server_shutdown(servers[i]);
	for (int i = 19; i >= 0; i--) {
		assert_int_equal(dgram_server_serve_forever(servers[i]), 0);
		assert_int_equal(check_closed(servers[i], 0).replied, 1);
		dgram_server_free(servers[i]);
	}
	assert_int_equal(open_fds(), fds);
	check_threads(0);
}

/* The second host's port is taken: the first is closed again. */
static void failed_binds_leave_nothing(void **state)
{
	struct dgram_server *holder, *server;
	struct setup setup;
	unsigned fds;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	own_address(&setup.services[0], 2);
	server = make(&setup);
	setup.services[0].hosts++;
	setup.services[0].hosts_count = 1;
	holder = make(&setup);
	assert_int_equal(dgram_server_bind(holder), 0);
	fds = open_fds();
	for (unsigned i = 0; i < 1024; i++)
		assert_int_equal(dgram_server_bind(server), -EADDRINUSE);
	assert_int_equal(dgram_server_start(server), -EADDRINUSE);
	assert_int_equal(dgram_server_serve_forever(server), -EADDRINUSE);
	assert_int_equal(dgram_server_handle_request(server, 0, 0), -EADDRINUSE);
	assert_int_equal(open_fds(), fds);
	dgram_server_free(holder);
	assert_int_equal(dgram_server_bind(server), 0); /* now it can */
	dgram_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shutdown_from_a_handler),
		cmocka_unit_test(shutdown_from_a_signal_handler),
		cmocka_unit_test(shutdown_before_it_serves),
		cmocka_unit_test(free_at_any_point),
		cmocka_unit_test(calls_out_of_order),
		cmocka_unit_test(twenty_at_once),
		cmocka_unit_test(failed_binds_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
