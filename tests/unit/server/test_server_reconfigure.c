/* Changing a server that runs, under load: the books stay exact, and the threads are as many as are
 * wanted. */
#include <pthread.h>

#include "server_support.h"

#define LIVES 200u

struct load {
	pthread_t thread;
	int fd;
	atomic_bool done;
	_Atomic unsigned sent;
};

/* Sends and takes its replies, until it is told to end. */
static void *load_main(void *argument)
{
	struct load *load = argument;
	char reply[16];

	while (!atomic_load(&load->done)) {
		atomic_fetch_add(&load->sent, send(load->fd, "x", 1, 0) == 1);
		while (recv(load->fd, reply, sizeof(reply), MSG_DONTWAIT) >= 0)
			;
	}
	return NULL;
}

static void the_pool_grows_and_shrinks_under_load(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct load load = { .sent = 0 };
	struct dgram_service_stats stats;
	unsigned workers;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.services[0].queue_capacity = 64;
	server = start(&setup);
	load.fd = client_of(server, 0);
	assert_int_equal(pthread_create(&load.thread, NULL, load_main, &load), 0);
	for (unsigned i = 0; i < scaled(LIVES); i++) {
		workers = i * 5 % 8 + 1; /* 1 6 3 8 5 2 7 4 */
		assert_true(reaches(&load.sent, load.sent + 1));
		setup.options.workers = workers;
		assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
		stats = stats_of(server, 0);
		assert_true(balances(&stats));
		if (i % 16 == 15)
			check_threads(workers + 2);
	}
	check_threads(setup.options.workers + 2); /* with a receiver and the log */
	atomic_store(&load.done, true);
	pthread_join(load.thread, NULL);
	stop(server);
	stats = check_closed(server, 0);
	assert_int_equal(load.sent, stats.received + stats.dropped_by_kernel);
	check_threads(0);
	dgram_server_free(server);
	close(load.fd);
}

static uint16_t port_of(int client)
{
	struct sockaddr_in address = { 0 };
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(client, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.sin_port);
}

static void live_values_hold_at_once(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct dgram_service_stats stats;
	char reply[8];
	uint16_t port;
	int client;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	server = start(&setup);
	client = client_of(server, 0);
	port = port_of(client);
	assert_int_equal(ask(client, "x", reply, sizeof(reply)), 1);
	setup.services[0].min_source_port = 65535;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	tell(client, "x", 1);
	await_received(server, 0, 2);
	assert_int_equal(reason(stats_of(server, 0).dropped, "source_port_low"), 1);
	setup.services[0].min_source_port = 1;
	setup.services[0].refuse_source_ports = &port;
	setup.services[0].refuse_source_ports_count = 1;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	tell(client, "x", 1);
	await_received(server, 0, 3);
	assert_int_equal(reason(stats_of(server, 0).dropped, "source_port_refused"), 1);
	setup.services[0].refuse_source_ports_count = 0;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	assert_int_equal(ask(client, "x", reply, sizeof(reply)), 1);
	stop(server);
	stats = check_closed(server, 0);
	assert_int_equal(stats.replied, 2);
	dgram_server_free(server);
	close(client);
}

static void refuses(struct dgram_server *server, const struct dgram_options *options, int error)
{
	assert_int_equal(dgram_server_reconfigure(server, options), error);
}

/* Refused whole: nothing of it holds. */
static void bad_values_change_nothing(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	char reply[8];
	int client;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	server = start(&setup);
	client = client_of(server, 0);
	setup.services[0].min_source_port = 65535;
	setup.options.workers = 8;

	setup.options.log_target = "/nowhere/at/all.log";
	refuses(server, &setup.options, -ENOENT);
	setup.options.log_target = "none";
	setup.options.log_format = "yaml";
	refuses(server, &setup.options, -EINVAL);
	setup.options.log_format = "json";
	setup.options.workers = 0;
	refuses(server, &setup.options, -EINVAL);
	setup.options.workers = DGRAM_WORKERS_MAX + 1;
	refuses(server, &setup.options, -EINVAL);
	setup.options.workers = 8;
	setup.options.abi = DGRAM_ABI + 1;
	refuses(server, &setup.options, -EINVAL);

	check_threads(4 + 2);
	assert_int_equal(ask(client, "x", reply, sizeof(reply)), 1);
	stop(server);
	refuses(server, &setup.options, -EINVAL);
	setup.options.abi = DGRAM_ABI;
	refuses(server, &setup.options, -ESHUTDOWN);
	dgram_server_free(server);
	close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pool_grows_and_shrinks_under_load),
		cmocka_unit_test(live_values_hold_at_once),
		cmocka_unit_test(bad_values_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
