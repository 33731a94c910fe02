/* Hosts that wait for their address, as dgram.h has it: what is said of them, and that they are served, with and
 * without threads. In a network of its own, so it needs root; with real interfaces in
 * tests/interop/test_late.py. */
#include "network_support.h"

#define LATE "10.9.0.7"
#define LATER "192.0.2.8" /* of another network: the loopback has all of one that it is in */
#define PORT 20000
#define WAITING_FOR_BOTH LATE ":20000 (no such address), " LATER ":20000 (no such address)"

static struct dgram_server *server_at(const char *const *hosts, enum dgram_missing_address missing)
{
	struct setup setup;

	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.services[0].hosts = hosts;
	setup.services[0].hosts_count = 2;
	setup.services[0].port = PORT;
	setup.services[0].on_missing_address = missing;
	return make(&setup);
}

static int client_at(const char *host)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, host, &to.sin_addr), 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void must_wait_for(struct dgram_server *server, size_t count, const char *text)
{
	char waiting[128];

	assert_int_equal(dgram_server_waiting(server, waiting, sizeof(waiting)), count);
	assert_string_equal(waiting, text);
	assert_int_equal(stats_of(server, 0).hosts_waiting, count);
}

static void what_is_said(void **state)
{
	static const char *const hosts[] = { LATE, LATER };
	struct dgram_server *server;
	struct sockaddr_storage address;
	char cut[9];

	(void)state;
	if (geteuid() != 0)
		skip();
	server = server_at(hosts, DGRAM_MISSING_WAIT);
	assert_int_equal(dgram_server_fileno(server, 0, 0), -EBADF);
	assert_false(dgram_server_is_ready(server));
	assert_int_equal(dgram_server_bind(server), 0);
	assert_false(dgram_server_is_ready(server));
	assert_int_equal(dgram_server_fileno(server, 0, 0), -EADDRNOTAVAIL);
	assert_int_equal(dgram_server_address(server, 0, 1, &address), -EADDRNOTAVAIL);
	must_wait_for(server, 2, WAITING_FOR_BOTH);
	assert_int_equal(dgram_server_waiting(server, cut, sizeof(cut)), 2);
	assert_string_equal(cut, LATE);
	assert_int_equal(dgram_server_waiting(server, NULL, 0), 2);
	dgram_server_free(server);
}

static void what_fails(void **state)
{
	static const char *const hosts[2][2] = { { LATE, LATER }, { "127.0.0.1", LATE } };
	unsigned fds = open_fds();

	(void)state;
	if (geteuid() != 0)
		skip();
	for (unsigned i = 0; i < 2; i++) {
		struct dgram_server *server =
			server_at(hosts[i], i == 0 ? DGRAM_MISSING_AUTO : DGRAM_MISSING_FAIL);

		assert_int_equal(dgram_server_bind(server), -EADDRNOTAVAIL);
		dgram_server_free(server);
		assert_int_equal(open_fds(), fds);
	}
}

/* Nobody serves, so nobody has looked for the address by the end. */
static void freed_while_it_waits(void **state)
{
	static const char *const hosts[] = { LATE, "127.0.0.1" };
	struct dgram_server *server;

	(void)state;
	if (geteuid() != 0)
		skip();
	server = server_at(hosts, DGRAM_MISSING_AUTO);
	assert_int_equal(dgram_server_start(server), 0);
	assert_int_equal(dgram_server_free(server), 0);
	check_threads(0);
}

/* The wait is that of the caller, and the address comes meanwhile. */
static void without_threads(void **state)
{
	static const char *const hosts[] = { LATE, "127.0.0.1" };
	struct dgram_server *server;
	char reply[8];
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	server = server_at(hosts, DGRAM_MISSING_AUTO);
	assert_int_equal(dgram_server_bind(server), 0);
	assert_true(dgram_server_is_ready(server));
	must_wait_for(server, 1, LATE ":20000 (no such address)");
	assert_int_equal(dgram_server_handle_request(server, 0, 10), 0);
	add_address("lo:1", LATE);
	for (int i = 0; dgram_server_fileno(server, 0, 0) < 0 && i < patience_ms(); i += 10)
		assert_int_equal(dgram_server_handle_request(server, 0, 10), 0);
	must_wait_for(server, 0, "");
	fd = client_at(LATE);
	tell(fd, "late", 4);
	assert_int_equal(dgram_server_handle_request(server, 0, -1), 1);
	assert_int_equal(hear(fd, reply, sizeof(reply), patience_ms()), 4);
	close(fd);
	dgram_server_free(server);
}

static struct dgram_server *watched;
static _Atomic unsigned listens;

/* In the server's thread. */
static int stop_when_it_listens(void *context)
{
	(void)context;
	if (!dgram_server_is_ready(watched))
		return 0;
	atomic_fetch_add(&listens, 1);
	dgram_server_shutdown(watched);
	return 0;
}

/* For that alone. The server ends at once, perhaps before the receivers have the sockets. */
static void the_hook_is_called(void **state)
{
	static const char *const hosts[] = { LATE, LATER };
	struct setup setup;

	(void)state;
	if (geteuid() != 0)
		skip();
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.services[0].hosts = hosts;
	setup.services[0].hosts_count = 2;
	setup.services[0].port = PORT;
	setup.services[0].receivers = 2;
	setup.services[0].on_missing_address = DGRAM_MISSING_WAIT;
	setup.options.hook = stop_when_it_listens;
	watched = start(&setup);
	add_address("lo:1", LATE);
	assert_int_equal(dgram_server_serve_forever(watched), 0);
	assert_int_equal(atomic_load(&listens), 1);
	must_wait_for(watched, 1, LATER ":20000 (no such address)");
	check_closed(watched, 0);
	dgram_server_free(watched);
	check_threads(0);
}

static _Atomic unsigned inside, released, hooks;

static ssize_t hang(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	(void)request;
	(void)reply;
	(void)size;
	atomic_fetch_add(&inside, 1);
	while (!reaches(&released, 1))
		;
	return 0;
}

/* In the server's thread: it is told to stop, the address comes, and some time later the handler returns. */
static int end_slowly(void *context)
{
	const unsigned before = atomic_fetch_add(&hooks, 1);

	(void)context;
	if (before == 0)
		dgram_server_shutdown(watched);
	else if (before == 1)
		add_address("lo:1", LATE);
	else if (before == 10)
		atomic_store(&released, 1);
	return 0;
}

static void the_end_looks_no_more(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", LATE };
	static const struct dgram_handler hanging = { DGRAM_ABI, "hanging", .handle = hang };
	struct setup setup;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	setup_init(&setup, &hanging);
	setup.services[0].hosts = hosts;
	setup.services[0].hosts_count = 2;
	setup.services[0].port = PORT;
	setup.options.hook = end_slowly;
	setup.options.hook_interval_ms = 5;
	setup.options.drain_timeout_ms = 60000;
	watched = start(&setup);
	fd = client_at("127.0.0.1");
	tell(fd, "hang", 4);
	assert_true(reaches(&inside, 1));
	assert_int_equal(dgram_server_serve_forever(watched), 0);
	must_wait_for(watched, 1, LATE ":20000 (no such address)");
	close(fd);
	dgram_server_free(watched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_said, setup_network),
		cmocka_unit_test_setup(what_fails, setup_network),
		cmocka_unit_test_setup(freed_while_it_waits, setup_network),
		cmocka_unit_test_setup(without_threads, setup_network),
		cmocka_unit_test_setup(the_hook_is_called, setup_network),
		cmocka_unit_test_setup(the_end_looks_no_more, setup_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
