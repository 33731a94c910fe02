/* Services whose receivers run the handler themselves: the same promises, without a queue. */
/* link: -Wl,--wrap=poll */
#include <stdlib.h>
#include <sys/wait.h>

#include "server_support.h"

#define SLOW_NS 2000000

static struct {
	_Atomic unsigned inside, open;
	_Atomic unsigned starts, stops;
	_Atomic unsigned wrong_workers; /* calls by another worker than the first receiver's */
	atomic_bool grace;		/* open, once all that is not begun is dropped */
} room;

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	/* A server waits for nothing but the end of its receivers: so it is in a hurry. */
	if (count == 1 && atomic_load(&room.grace)) {
		atomic_store(&room.open, 1);
		timeout_ms = patience_ms();
	}
	return __real_poll(fds, count, timeout_ms);
}

static int start_worker(void *state, const struct dgram_start *start, void **ret_state)
{
	(void)state;
	atomic_fetch_add(&room.starts, 1);
	*ret_state = (void *)(uintptr_t)start->worker;
	return 0;
}

static void stop_worker(void *state)
{
	(void)state;
	atomic_fetch_add(&room.stops, 1);
}

static bool is(const struct dgram_request *request, const char *text)
{
	return request->length == strlen(text) && memcmp(request->data, text, strlen(text)) == 0;
}

/* Some words do something; all others are echoed. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	const struct timespec slow = { .tv_nsec = SLOW_NS };

	atomic_fetch_add(&room.inside, 1);
	atomic_fetch_add(&room.wrong_workers,
		request->worker != DGRAM_WORKERS_MAX || (uintptr_t)state != request->worker);
	if (is(request, "hang"))
		while (!reaches(&room.open, 1))
			;
	else if (is(request, "slow"))
		nanosleep(&slow, NULL);
	else if (is(request, "fail"))
		return -EIO;
	else if (is(request, "none"))
		return DGRAM_NO_REPLY;
	else if (is(request, "long"))
		return (ssize_t)size + 1;
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

static bool verify(void *state, const struct dgram_request *request)
{
	(void)state;
	return !is(request, "refuse");
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle,
	.verify = verify, .worker_start = start_worker, .worker_stop = stop_worker };

static void setup_inline(struct setup *setup)
{
	memset(&room, 0, sizeof(room));
	setup_init(setup, &handler);
	setup->services[0].concurrency = DGRAM_INLINE;
	setup->options.drain_timeout_ms = 600000;
}

/* Bound, and these have arrived before it starts: each so often. */
static struct dgram_server *bind_and_tell(const struct setup *setup, int *ret_client,
	const char *first, const char *others, unsigned count)
{
	struct dgram_server *server = make(setup);

	assert_int_equal(dgram_server_bind(server), 0);
	*ret_client = client_of(server, 0);
	tell(*ret_client, first, strlen(first));
	for (unsigned i = 0; i < count; i++)
		tell(*ret_client, others, strlen(others));
	return server;
}

static unsigned replies(int client)
{
	unsigned count = 0;
	char reply[600];

	while (hear(client, reply, sizeof(reply), 0) >= 0)
		count++;
	return count;
}

/* Its books, its workers' numbers, and the end of it. */
static struct dgram_service_stats finish(struct dgram_server *server, int client, unsigned replied,
	const char *dropped_for, unsigned dropped)
{
	struct dgram_service_stats stats = check_closed(server, 0);

	assert_int_equal(stats.replied, replied);
	assert_int_equal(reason(stats.dropped, dropped_for), dropped);
	assert_int_equal(sum(stats.dropped), dropped);
	assert_int_equal(replies(client), replied);
	dgram_server_free(server);
	close(client);
	check_threads(0);
	assert_int_equal(room.wrong_workers, 0);
	assert_int_equal(room.starts, room.stops);
	return stats;
}

static void there_are_no_workers(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_inline(&setup);
	server = start(&setup);
	client = client_of(server, 0);
	check_threads(2); /* it and the log's */
	tell(client, "hello", 5);
	await_received(server, 0, 1);
	stop(server);
	assert_int_equal(room.starts, 1);
	(void)finish(server, client, 1, "expired", 0);
}

/* Every end that a datagram can come to. */
static void the_books_balance(void **state)
{
	static const char *const words[] = { "a", "fail", "none", "long", "refuse", "" };
	char too_long[513] = "";
	struct dgram_service_stats stats;
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_inline(&setup);
	server = start(&setup);
	client = client_of(server, 0);
	for (unsigned i = 0; i < 600; i++) {
		tell(client, words[i % 6], strlen(words[i % 6]));
		if (i % 6 == 0)
			tell(client, too_long, sizeof(too_long));
		stats = stats_of(server, 0);
		assert_true(balances(&stats));
		assert_int_equal(stats.queued, 0);
	}
	await_received(server, 0, 700);
	stop(server);
	stats = check_closed(server, 0);
	assert_int_equal(stats.replied, 200);
	assert_int_equal(stats.no_reply, 100);
	assert_int_equal(reason(stats.failed, "handler"), 100);
	assert_int_equal(reason(stats.failed, "reply_size"), 100);
	assert_int_equal(reason(stats.dropped, "verify"), 100);
	assert_int_equal(reason(stats.dropped, "truncated"), 100);
	assert_int_equal(stats.run_by_receivers, 500); /* all but what was dropped */
	assert_int_equal(replies(client), 200);
	dgram_server_free(server);
	close(client);
}

/* The batch that it is in is running; what comes meanwhile is still the kernel's. */
static void stats_while_it_runs(void **state)
{
	struct setup setup;
	struct dgram_service_stats stats;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_inline(&setup);
	server = bind_and_tell(&setup, &client, "x", "hang", 2);
	assert_int_equal(dgram_server_start(server), 0);
	assert_true(reaches(&room.inside, 2));
	tell(client, "y", 1);
	stats = stats_of(server, 0);
	assert_true(balances(&stats));
	assert_int_equal(stats.received, 3);
	assert_int_equal(stats.running, 3);
	atomic_store(&room.open, 1);
	await_received(server, 0, 4);
	stop(server);
	(void)finish(server, client, 4, "expired", 0);
}

/* It waits in the socket, and is as old as the kernel says; the limit is live. */
static void what_waited_too_long_is_not_run(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_inline(&setup);
	server = start(&setup);
	client = client_of(server, 0);
	tell(client, "hang", 4);
	assert_true(reaches(&room.inside, 1));
	setup.services[0].queue_max_wait_ms = 10;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	for (unsigned i = 0; i < 100; i++)
		tell(client, "x", 1);
	for (unsigned i = 0; i < 12; i++)
		nap();
	atomic_store(&room.open, 1);
	await_received(server, 0, 101);
	setup.services[0].queue_max_wait_ms = 0;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	tell(client, "x", 1);
	await_received(server, 0, 102);
	stop(server);
	(void)finish(server, client, 2, "expired", 100);
}

/* However long that takes: it has all the time to drain. */
static void must_drain(const char *word, unsigned count)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	setup_inline(&setup);
	server = bind_and_tell(&setup, &client, word, word, count - 1);
	stop(server);
	(void)finish(server, client, count, "shutdown", 0);
}

static void drain_serves_what_has_arrived(void **state)
{
	(void)state;
	must_drain("x", 200);
	must_drain("slow", 150);
}

static void a_second_shutdown_drops_what_is_not_begun(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_inline(&setup);
	server = bind_and_tell(&setup, &client, "hang", "x", 100); /* more than a batch */
	assert_int_equal(dgram_server_start(server), 0);
	assert_true(reaches(&room.inside, 1));
	atomic_store(&room.grace, true);
	dgram_server_shutdown(server);
	stop(server);
	atomic_store(&room.grace, false);
	(void)finish(server, client, 1, "shutdown", 100);
}

/* In a process of its own: the receiver cannot be taken back. */
static void drain_in_vain(void)
{
	struct dgram_service_stats stats;
	struct dgram_server *server;
	struct setup setup;
	int client, other, error;

	alarm((unsigned)patience_ms() / 1000); /* a stop that hangs ends with SIGALRM */
	setup_inline(&setup);
	setup.services[1].handler = dgram_builtin_handler("discard");
	setup.options.services_count = 2;
	setup.options.drain_timeout_ms = 50;
	server = bind_and_tell(&setup, &client, "hang", "x", 20);
	assert_int_equal(dgram_server_start(server), 0);
	assert_true(reaches(&room.inside, 1));
	tell(client, "late", 4); /* nobody takes it: the socket is that receiver's */
	other = client_of(server, 1);
	dgram_server_shutdown(server);
	for (int i = 0; threads_named("dgram/rx1") > 0 && i < patience_ms(); i++)
		nap(); /* the other receiver ends: what comes then is found at the end */
	for (unsigned i = 0; i < 7; i++)
		tell(other, "x", 1);
	error = dgram_server_serve_forever(server);
	stats = stats_of(server, 0);
	if (error != -ETIMEDOUT || !balances(&stats) || stats.running != 21 ||
		stats.received != 21 || atomic_load(&room.inside) != 1)
		_exit(1);
	stats = stats_of(server, 1);
	if (stats.received != 7 || !balances(&stats))
		_exit(3);
	dgram_server_free(server); /* leaves all as it is */
	/* What the handler's thread holds is no leak to be reported. */
	execl("/bin/true", "true", (char *)NULL);
	_exit(2);
}

static void a_hung_handler_is_given_up(void **state)
{
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		drain_in_vain();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Without threads: one batch a call, in the caller's. */
static void alone(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client, received = 0;

	(void)state;
	setup_inline(&setup);
	server = bind_and_tell(&setup, &client, "x", "x", 199);
	while (received < 200) {
		int count = dgram_server_handle_request(server, 0, 0);

		assert_in_range(count, 1, 64);
		received += count;
		assert_int_equal(room.inside, received);
		assert_int_equal(check_closed(server, 0).replied, received);
	}
	assert_int_equal(dgram_server_handle_request(server, 0, 0), 0);
	assert_int_equal(room.starts, 1);
	check_threads(0);
	(void)finish(server, client, 200, "shutdown", 0);
}

static void alone_beside_a_pool(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client, other;
	char reply[8];

	(void)state;
	setup_inline(&setup);
	setup.services[1].handler = dgram_builtin_handler("echo");
	setup.options.services_count = 2;
	server = bind_and_tell(&setup, &client, "x", "x", 2);
	other = client_of(server, 1);
	tell(other, "hello", 5);
	assert_int_equal(dgram_server_handle_request(server, 0, -1), 4);
	assert_int_equal(hear(other, reply, sizeof(reply), 0), 5);
	close(other);
	(void)finish(server, client, 3, "shutdown", 0);
}

/* One that hangs holds up its own service only. */
static void beside_a_pool(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client, other;
	char reply[8];

	(void)state;
	setup_inline(&setup);
	setup.services[1].handler = dgram_builtin_handler("simulate");
	setup.options.services_count = 2;
	server = start(&setup);
	client = client_of(server, 0);
	other = client_of(server, 1);
	check_threads(setup.options.workers + 3);
	tell(client, "hang", 4);
	assert_true(reaches(&room.inside, 1));
	assert_int_equal(ask(other, "hello", reply, sizeof(reply)), 5);
	atomic_store(&room.open, 1);
	stop(server);
	assert_int_equal(check_closed(server, 1).replied, 1);
	close(other);
	(void)finish(server, client, 1, "shutdown", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_no_workers),
		cmocka_unit_test(the_books_balance),
		cmocka_unit_test(stats_while_it_runs),
		cmocka_unit_test(what_waited_too_long_is_not_run),
		cmocka_unit_test(drain_serves_what_has_arrived),
		cmocka_unit_test(a_second_shutdown_drops_what_is_not_begun),
		cmocka_unit_test(a_hung_handler_is_given_up),
		cmocka_unit_test(alone),
		cmocka_unit_test(alone_beside_a_pool),
		cmocka_unit_test(beside_a_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
