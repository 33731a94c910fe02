/* Stopping a server: what is queued is served, or counted when there is no time; and a handler that
 * hangs does not hold up the stop.
 */
/* link: -Wl,--wrap=poll */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "server_support.h"

static struct {
	_Atomic unsigned inside, open, polls;
	_Atomic unsigned fail_every; /* of the calls of poll(2); 0: none */
	struct dgram_server *server;
} room;

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	unsigned every = atomic_load(&room.fail_every);
	unsigned n = atomic_fetch_add(&room.polls, 1) + 1;

	if (every > 0 && n % every == 0) {
		errno = ENOMEM;
		return -1;
	}
	return __real_poll(fds, count, timeout_ms);
}

/* "hang" does not return before it may; all others are answered. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	(void)size;
	atomic_fetch_add(&room.inside, 1);
	if (request->length == 4 && memcmp(request->data, "hang", 4) == 0)
		while (!reaches(&room.open, 1))
			;
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle };

static int reset(void **state)
{
	(void)state;
	memset(&room, 0, sizeof(room));
	return 0;
}

static struct dgram_server *start_hung(struct setup *setup, unsigned waiting, int *ret_client)
{
	struct dgram_server *server;

	setup_init(setup, &handler);
	setup->options.workers = 1;
	server = start(setup);
	*ret_client = client_of(server, 0);
	tell(*ret_client, "hang", 4);
	assert_true(reaches(&room.inside, 1));
	for (unsigned i = 0; i < waiting; i++)
		tell(*ret_client, "x", 1);
	await_received(server, 0, 1 + waiting);
	return server;
}

static unsigned replies(int client)
{
	unsigned count = 0;
	char reply[8];

	while (hear(client, reply, sizeof(reply), 0) >= 0)
		count++;
	return count;
}

static void open_room(void *context)
{
	(void)context;
	atomic_store(&room.open, 1);
}

/* The hook runs while it drains, and lets the handler go. */
static void drain_serves_what_is_queued(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct dgram_service_stats stats;
	int client;

	(void)state;
	server = start_hung(&setup, 0, &client);
	atomic_store(&room.open, 1);
	stop(server);
	dgram_server_free(server);
	close(client);

	reset(NULL);
	setup.options.hook = open_room;
	setup.options.hook_interval_ms = 20;
	server = start(&setup);
	client = client_of(server, 0);
	tell(client, "hang", 4);
	for (unsigned i = 0; i < 300; i++)
		tell(client, "x", 1);
	await_received(server, 0, 301);
	stop(server);
	stats = check_closed(server, 0);
	assert_int_equal(stats.replied, 301);
	assert_int_equal(replies(client), 301);
	dgram_server_free(server);
	close(client);
}

/* Datagrams that are still in the socket when it is told to stop are served, too. */
static void drain_takes_what_has_arrived(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_init(&setup, &handler);
	server = make(&setup);
	assert_int_equal(dgram_server_bind(server), 0);
	client = client_of(server, 0);
	for (unsigned i = 0; i < 200; i++)
		tell(client, "x", 1);
	dgram_server_shutdown(server);
	assert_int_equal(dgram_server_serve_forever(server), 0);
	assert_int_equal(check_closed(server, 0).replied, 200);
	assert_int_equal(replies(client), 200);
	dgram_server_free(server);
	close(client);
}

static void let_go_and_stop_again(void *context)
{
	(void)context;
	dgram_server_shutdown(room.server);
	atomic_store(&room.open, 1);
}

static void a_second_shutdown_drops_what_is_queued(void **state)
{
	struct setup setup;
	struct dgram_service_stats stats;
	int client;

	(void)state;
	setup_init(&setup, &handler);
	setup.options.workers = 1;
	setup.options.drain_timeout_ms = 60000;
	room.server = start(&setup);
	client = client_of(room.server, 0);
	tell(client, "hang", 4);
	assert_true(reaches(&room.inside, 1));
	for (unsigned i = 0; i < 100; i++)
		tell(client, "x", 1);
	await_received(room.server, 0, 101);
	dgram_server_shutdown(room.server);
	let_go_and_stop_again(NULL);
	assert_int_equal(dgram_server_serve_forever(room.server), 0);
	stats = check_closed(room.server, 0);
	assert_int_equal(stats.replied + reason(stats.dropped, "shutdown"), 101);
	assert_int_equal(replies(client), stats.replied);
	dgram_server_free(room.server);
	close(client);
}

/* In a process of its own: the thread of the handler cannot be taken back. Exits with 0 when the
 * books say so, too. */
static void drain_in_vain(unsigned fail_every)
{
	struct dgram_service_stats stats;
	struct dgram_server *server;
	struct setup setup;
	int client, error;

	alarm(PATIENCE_MS / 1000); /* a stop that hangs ends with SIGALRM */
	server = room.server = start_hung(&setup, 50, &client);
	setup.options.drain_timeout_ms = 50;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	dgram_server_shutdown(server);
	atomic_store(&room.fail_every, fail_every);
	error = dgram_server_serve_forever(server);
	atomic_store(&room.fail_every, 0);
	stats = stats_of(server, 0);
	dgram_server_free(server); /* leaves all as it is */
	if (error != -ETIMEDOUT || !balances(&stats) || stats.running != 1 || stats.queued != 0 ||
		reason(stats.dropped, "shutdown") != 50 || stats.received != 51) {
		printf("# %d, running %d, dropped %d\n", error, (int)stats.running,
			(int)reason(stats.dropped, "shutdown"));
		_exit(1);
	}
	/* What the handler's thread holds is no leak to be reported. */
	execl("/bin/true", "true", (char *)NULL);
	_exit(2);
}

static int in_child(unsigned fail_every)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		drain_in_vain(fail_every);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void a_hung_handler_is_given_up(void **state)
{
	(void)state;
	assert_int_equal(in_child(0), 0);
}

/* When poll(2) fails, nothing is known; least of all that the workers have ended. */
static void a_hung_handler_is_given_up_when_poll_fails(void **state)
{
	(void)state;
	for (unsigned every = 2; every <= 5; every++)
		assert_int_equal(in_child(every), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(drain_serves_what_is_queued, reset),
		cmocka_unit_test_setup(drain_takes_what_has_arrived, reset),
		cmocka_unit_test_setup(a_second_shutdown_drops_what_is_queued, reset),
		cmocka_unit_test_setup(a_hung_handler_is_given_up, reset),
		cmocka_unit_test_setup(a_hung_handler_is_given_up_when_poll_fails, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
