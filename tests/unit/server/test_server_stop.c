/* Stopping a server: what is queued is served, or counted when there is no time; and a handler that
 * hangs does not hold up the stop. */
/* link: -Wl,--wrap=poll,--wrap=epoll_wait */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "server_support.h"

#define DRAIN_MS 600000

static struct {
	_Atomic unsigned inside, open, waits;
	_Atomic unsigned
		short_waits; /* calls of poll(2) or epoll_wait(2) with a limit below half a second */
	_Atomic unsigned fail_every; /* of these calls; 0: none */
	atomic_bool grace;	     /* open, once all that was queued is dropped */
	struct dgram_server *server;
	int client;
	unsigned hooks;
} room;

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __real_epoll_wait(int fd, struct epoll_event *ready, int most, int timeout_ms);
int __wrap_epoll_wait(int fd, struct epoll_event *ready, int most, int timeout_ms);

static bool fails(int timeout_ms)
{
	unsigned every = atomic_load(&room.fail_every);
	unsigned n = atomic_fetch_add(&room.waits, 1) + 1;

	atomic_fetch_add(&room.short_waits, timeout_ms > 0 && timeout_ms < 500);
	errno = ENOMEM;
	return every > 0 && n % every == 0;
}

int __wrap_epoll_wait(int fd, struct epoll_event *ready, int most, int timeout_ms)
{
	return fails(timeout_ms) ? -1 : __real_epoll_wait(fd, ready, most, timeout_ms);
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	if (fails(timeout_ms))
		return -1;
	/* A server waits for nothing but the end of its workers: so it has dropped the rest. */
	if (count == 1 && atomic_load(&room.grace)) {
		atomic_store(&room.open, 1);
		timeout_ms = patience_ms();
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

/* One worker, and all the time to drain. */
static void setup_hung(struct setup *setup, int (*hook)(void *))
{
	setup_init(setup, &handler);
	setup->options.workers = 1;
	setup->options.drain_timeout_ms = DRAIN_MS;
	setup->services[0].queue_overload_interval_ms = 60000; /* the oldest goes first */
	setup->options.hook = hook;
	setup->options.hook_interval_ms = 1;
}

/* Its worker hangs, and so many wait. */
static struct dgram_server *start_hung(struct setup *setup, unsigned waiting, int *ret_client)
{
	struct dgram_server *server = start(setup);

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

static void open_room(void)
{
	atomic_store(&room.open, 1);
}

/* Told to stop, a server runs its hook once more at most before it drains. */
#define DRAINS_AT 3u
#define IN_VAIN_AT 2000u /* then the handler may go, so that the test ends */

static int open_while_it_drains(void *context)
{
	(void)context;
	if (++room.hooks == DRAINS_AT)
		open_room();
	return 0;
}

static void drain_serves_what_is_queued(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct dgram_service_stats stats;
	int client;

	(void)state;
	setup_hung(&setup, open_while_it_drains);
	server = start_hung(&setup, 300, &client);
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

/* All that a stop waits for wakes it: it looks at nothing again and again, but each second for losses. */
static void a_stop_does_not_poll(void **state)
{
	struct setup setup;

	(void)state;
	for (unsigned requests = 0; requests <= 200; requests += 100) {
		struct dgram_server *server;
		int client;

		room.short_waits = 0;
		setup_init(&setup, &handler);
		setup.options.drain_timeout_ms = DRAIN_MS;
		server = start(&setup);
		client = client_of(server, 0);
		for (unsigned i = 0; i < requests; i++)
			tell(client, "x", 1);
		stop(server);
		assert_int_equal(check_closed(server, 0).replied, requests);
		assert_in_range(room.short_waits, 0, 1);
		dgram_server_free(server);
		close(client);
	}
}

static int stop_again_while_it_drains(void *context)
{
	(void)context;
	if (++room.hooks == DRAINS_AT)
		dgram_server_shutdown(room.server);
	if (room.hooks == IN_VAIN_AT)
		open_room();
	return 0;
}

static int open_in_vain(void *context)
{
	(void)context;
	if (++room.hooks == IN_VAIN_AT)
		open_room();
	return 0;
}

/* It is told so often to stop; so many of its requests were run, and so many dropped. */
static void must_drop(
	struct dgram_server *server, int client, unsigned shutdowns, unsigned run, unsigned dropped)
{
	struct dgram_service_stats stats;

	room.server = server;
	room.hooks = 0;
	atomic_store(&room.grace, true);
	for (unsigned i = 0; i < shutdowns; i++)
		dgram_server_shutdown(server);
	assert_int_equal(dgram_server_serve_forever(server), 0);
	atomic_store(&room.grace, false);
	assert_true(room.hooks < IN_VAIN_AT);
	stats = check_closed(server, 0);
	assert_int_equal(reason(stats.dropped, "shutdown"), dropped);
	assert_int_equal(stats.replied, run);
	assert_int_equal(replies(client), run);
	dgram_server_free(server);
	close(client);
}

static void second_shutdown(int (*hook)(void *), unsigned before)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	reset(NULL);
	setup_hung(&setup, hook);
	server = start_hung(&setup, 100, &client);
	must_drop(server, client, before, 1, 100);
}

static void a_second_shutdown_drops_what_is_queued(void **state)
{
	(void)state;
	second_shutdown(open_in_vain, 2);
	second_shutdown(open_in_vain, 3);
	second_shutdown(stop_again_while_it_drains, 1);
}

/* The first job is quick, so the worker's second batch is a long one, and the first of it hangs. */
static void a_second_shutdown_drops_what_a_worker_holds(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_hung(&setup, open_in_vain);
	server = make(&setup);
	assert_int_equal(dgram_server_bind(server), 0);
	client = client_of(server, 0);
	tell(client, "x", 1);
	tell(client, "hang", 4);
	for (unsigned i = 0; i < 30; i++)
		tell(client, "x", 1);
	assert_int_equal(dgram_server_start(server), 0);
	assert_true(reaches(&room.inside, 2));
	await_received(server, 0, 32);
	must_drop(server, client, 2, 2, 30);
}

#define LATE 150u /* more than two batches of a receiver */

static int send_late_ones(void *context)
{
	(void)context;
	if (room.hooks > 0 || threads_named("dgram/rx") > 0)
		return 0;
	room.hooks++;
	for (unsigned i = 0; i < LATE; i++)
		tell(room.client, "x", 1);
	open_room();
	return 0;
}

/* What comes once the receivers have ended is not served, but it is counted. */
static void what_comes_too_late_is_dropped(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct dgram_service_stats stats;

	(void)state;
	setup_hung(&setup, send_late_ones);
	server = start_hung(&setup, 20, &room.client);
	stop(server);
	stats = check_closed(server, 0);
	assert_int_equal(stats.received, 21 + LATE);
	assert_int_equal(stats.replied, 21);
	assert_int_equal(reason(stats.dropped, "draining"), LATE);
	assert_int_equal(reason(stats.dropped, "shutdown"), 0);
	assert_int_equal(replies(room.client), 21);
	dgram_server_free(server);
	close(room.client);
}

/* In a process of its own: the thread of the handler cannot be taken back. Exits with 0 when the
 * books say so, too. */
static void drain_in_vain(unsigned fail_every)
{
	struct dgram_service_stats stats;
	struct dgram_server *server;
	struct setup setup;
	int client, error;

	alarm((unsigned)patience_ms() / 1000); /* a stop that hangs ends with SIGALRM */
	setup_hung(&setup, NULL);
	server = start_hung(&setup, 50, &client);
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
		cmocka_unit_test_setup(a_stop_does_not_poll, reset),
		cmocka_unit_test_setup(a_second_shutdown_drops_what_is_queued, reset),
		cmocka_unit_test_setup(a_second_shutdown_drops_what_a_worker_holds, reset),
		cmocka_unit_test_setup(what_comes_too_late_is_dropped, reset),
		cmocka_unit_test_setup(a_hung_handler_is_given_up, reset),
		cmocka_unit_test_setup(a_hung_handler_is_given_up_when_poll_fails, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
