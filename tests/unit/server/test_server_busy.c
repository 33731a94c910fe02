/* What a server does when its handlers are too slow: shed requests may get a busy reply, and
 * handlers that hang are counted.
 */
#include <limits.h>
#include <pthread.h>

#include "server_support.h"

#define KEPT 8u /* of those that are shed while no worker looks, so many at most are told */
#define REPLY_BYTES 512u

static struct {
	_Atomic unsigned inside, open; /* handlers that hang, in all, and that may return */
	_Atomic unsigned busy_calls;
	_Atomic unsigned wrong; /* requests that busy() was not to see */
	ssize_t busy_answer;	/* -1: a word */
	struct dgram_server *server;
	unsigned hooks;
	_Atomic(const struct dgram_options *) next; /* to reconfigure with; NULL: that was done */
} room;

static bool is_hang(const struct dgram_request *request)
{
	return request->length == 4 && memcmp(request->data, "hang", 4) == 0;
}

/* "hang" does not return before it may; all others are answered. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	(void)size;
	if (is_hang(request)) {
		unsigned number = atomic_fetch_add(&room.inside, 1) + 1;

		while (!reaches(&room.open, number))
			;
	}
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

static ssize_t busy(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	atomic_fetch_add(&room.busy_calls, 1);
	if (size != REPLY_BYTES || request->length != 1)
		atomic_fetch_add(&room.wrong, 1);
	if (room.busy_answer != -1)
		return room.busy_answer;
	memcpy(reply, "busy", 4);
	return 4;
}

static const struct dgram_handler with_busy = { DGRAM_ABI, "with-busy", .handle = handle,
	.busy = busy };
static const struct dgram_handler without_busy = { DGRAM_ABI, "without-busy", .handle = handle };

static int reset(void **state)
{
	(void)state;
	memset(&room, 0, sizeof(room));
	room.busy_answer = -1;
	return 0;
}

/* One worker. */
static void setup_busy(
	struct setup *setup, const struct dgram_handler *handler, bool on, unsigned capacity)
{
	setup_init(setup, handler);
	setup->options.workers = 1;
	setup->services[0].busy_replies = on;
	setup->services[0].queue_capacity = capacity;
}

/* The worker hangs, and so many more come. */
static struct dgram_server *start_hung(const struct setup *setup, unsigned more, int *ret_client)
{
	struct dgram_server *server = start(setup);

	*ret_client = client_of(server, 0);
	tell(*ret_client, "hang", 4);
	assert_true(reaches(&room.inside, 1));
	for (unsigned i = 0; i < more; i++)
		tell(*ret_client, "x", 1);
	await_received(server, 0, 1 + more);
	return server;
}

/* All that were sent to the client: replies by their length. */
static void count_replies(int client, unsigned counts[static 8])
{
	char reply[8];
	ssize_t length;

	memset(counts, 0, 8 * sizeof(*counts));
	while ((length = hear(client, reply, sizeof(reply), 0)) >= 0)
		counts[length]++;
}

static void stop_and_check(struct dgram_server *server, int client, const char *dropped,
	unsigned expected_dropped, unsigned expected_told)
{
	unsigned told = room.busy_answer == 0 ? 0 : 4; /* the length of a busy reply */
	unsigned counts[8], heard = 0;
	struct dgram_service_stats stats;

	stop(server);
	stats = check_closed(server, 0);
	count_replies(client, counts);
	assert_int_equal(reason(stats.dropped, dropped), expected_dropped);
	assert_int_equal(sum(stats.dropped), expected_dropped);
	assert_int_equal(sum(stats.failed) + stats.no_reply, 0);
	assert_int_equal(stats.replied, stats.received - expected_dropped);
	assert_int_equal(stats.busy_replied, expected_told);
	assert_int_equal(room.wrong, 0);
	for (unsigned i = 0; i < 8; i++)
		heard += counts[i];
	assert_int_equal(heard, stats.replied + stats.busy_replied);
	assert_int_equal(counts[1], stats.replied - 1); /* all but "hang" */
	assert_int_equal(counts[told], expected_told + (told == 4));
	dgram_server_free(server);
	close(client);
}

/* So many come to a queue of this capacity while its worker hangs. */
static void full_queue(const struct setup *setup, unsigned more, unsigned calls, unsigned told)
{
	unsigned capacity = setup->services[0].queue_capacity;
	ssize_t answer = room.busy_answer;
	struct dgram_server *server;
	int client;

	reset(NULL);
	room.busy_answer = answer;
	server = start_hung(setup, more, &client);
	assert_int_equal(stats_of(server, 0).busy_replied, 0);
	atomic_store(&room.open, 1);
	await_idle(server, 0);
	stop_and_check(server, client, "queue_full", more > capacity ? more - capacity : 0, told);
	assert_int_equal(atomic_load(&room.busy_calls), calls);
}

static void the_shed_are_told(void **state)
{
	struct setup setup;

	(void)state;
	for (unsigned capacity = 1; capacity <= 4; capacity++) {
		setup_busy(&setup, &with_busy, true, capacity);
		full_queue(&setup, capacity, 0, 0);
		full_queue(&setup, capacity + 1, 1, 1);
		full_queue(&setup, capacity + KEPT, KEPT, KEPT);
		full_queue(&setup, capacity + KEPT + 5, KEPT, KEPT);
	}
}

static void nobody_is_told(void **state)
{
	struct setup setup;

	(void)state;
	setup_busy(&setup, &with_busy, false, 2);
	full_queue(&setup, 7, 0, 0);
	setup_init(&setup, &with_busy); /* which is the default */
	setup.options.workers = 1;
	setup.services[0].queue_capacity = 2;
	full_queue(&setup, 7, 0, 0);
	setup_busy(&setup, &without_busy, true, 2);
	full_queue(&setup, 7, 0, 0);
}

/* What busy() returns counts only when it is a reply. */
static void busy_may_have_no_answer(void **state)
{
	static const struct {
		ssize_t answer;
		unsigned told;
	} cases[] = {
		{ DGRAM_NO_REPLY, 0 },
		{ -EIO, 0 },
		{ -SSIZE_MAX, 0 },
		{ REPLY_BYTES + 1, 0 },
		{ SSIZE_MAX, 0 },
		{ 0, 5 },
	};
	struct setup setup;

	(void)state;
	setup_busy(&setup, &with_busy, true, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		room.busy_answer = cases[i].answer;
		full_queue(&setup, 7, 5, cases[i].told);
	}
}

/* Told to stop, a server runs its hook once more at most before it drains. */
static void open_while_it_drains(void *context)
{
	(void)context;
	if (++room.hooks == 3)
		atomic_store(&room.open, 1);
}

static void setup_drain(struct setup *setup)
{
	setup->options.drain_timeout_ms = 600000;
	setup->options.hook = open_while_it_drains;
	setup->options.hook_interval_ms = 1;
}

static void expired(struct setup *setup, bool before_it_drains)
{
	struct dgram_server *server;
	int client;

	reset(NULL);
	server = start_hung(setup, 0, &client);
	setup->services[0].queue_max_wait_ms = 1;
	assert_int_equal(dgram_server_reconfigure(server, &setup->options), 0);
	for (unsigned i = 0; i < 5; i++)
		tell(client, "x", 1);
	await_received(server, 0, 6);
	for (int i = 0; i < 5; i++)
		nap();
	if (before_it_drains) {
		atomic_store(&room.open, 1);
		await_idle(server, 0);
	}
	stop_and_check(server, client, "expired", 5, 5);
}

static void the_expired_are_told(void **state)
{
	struct setup setup;

	(void)state;
	setup_busy(&setup, &with_busy, true, 16);
	expired(&setup, true);
	setup_busy(&setup, &with_busy, true, 16);
	setup_drain(&setup);
	expired(&setup, false);
}

/* Those that were kept to be told are told before it ends. */
static void the_shed_are_told_while_it_drains(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_busy(&setup, &with_busy, true, 2);
	setup_drain(&setup);
	server = start_hung(&setup, 7, &client);
	stop_and_check(server, client, "queue_full", 5, 5);
}

/* The owner's thread, for those tests in which the main thread looks on. */
struct owner {
	pthread_t thread;
	struct dgram_server *server;
	int result;
};

static void *serve(void *argument)
{
	struct owner *owner = argument;

	owner->result = dgram_server_serve_forever(owner->server);
	return NULL;
}

/* The hook runs in the owner's thread. */
static void reconfigure_when_told(void *context)
{
	const struct dgram_options *next = atomic_load(&room.next);

	(void)context;
	if (next == NULL)
		return;
	if (dgram_server_reconfigure(room.server, next) < 0)
		atomic_fetch_add(&room.wrong, 1);
	atomic_store(&room.next, NULL);
}

static void reconfigure(const struct setup *setup)
{
	atomic_store(&room.next, &setup->options);
	for (int i = 0; atomic_load(&room.next) != NULL && i < PATIENCE_MS; i++)
		nap();
	assert_null(atomic_load(&room.next));
	assert_int_equal(room.wrong, 0);
}

/* Four workers, with nobody who watches them if `timeout_ms` is 0. */
static int serve_watched(struct setup *setup, unsigned timeout_ms, struct owner *owner)
{
	setup_init(setup, &without_busy);
	setup->options.handler_timeout_ms = timeout_ms;
	setup->options.drain_timeout_ms = 600000;
	setup->options.hook = reconfigure_when_told;
	setup->options.hook_interval_ms = 5;
	room.server = owner->server = start(setup);
	assert_int_equal(pthread_create(&owner->thread, NULL, serve, owner), 0);
	return client_of(owner->server, 0);
}

static void end_watched(struct owner *owner, int client)
{
	atomic_store(&room.open, 100);
	dgram_server_shutdown(owner->server);
	assert_int_equal(pthread_join(owner->thread, NULL), 0);
	assert_int_equal(owner->result, 0);
	assert_int_equal(check_closed(owner->server, 0).replied, atomic_load(&room.inside));
	dgram_server_free(owner->server);
	close(client);
}

static void hang(int client)
{
	unsigned inside = atomic_load(&room.inside);

	tell(client, "hang", 4);
	assert_true(reaches(&room.inside, inside + 1));
}

static bool says(struct dgram_server *server, unsigned handlers, unsigned workers)
{
	struct dgram_service_stats stats = stats_of(server, 0);

	return stats.handlers_overdue == handlers && stats.workers_overdue == workers;
}

/* It comes to so many overdue handlers so far, and now. */
static void await_overdue(struct dgram_server *server, unsigned handlers, unsigned workers)
{
	for (int i = 0; !says(server, handlers, workers) && i < PATIENCE_MS; i++)
		nap();
	assert_int_equal(stats_of(server, 0).handlers_overdue, handlers);
	assert_int_equal(stats_of(server, 0).workers_overdue, workers);
}

/* That another one is seen shows that it was looked for since: the first is not counted again. */
static void each_is_counted_once(void **state)
{
	struct owner owner;
	struct setup setup;
	int client;

	(void)state;
	client = serve_watched(&setup, 20, &owner);
	assert_true(says(owner.server, 0, 0));
	for (unsigned i = 1; i <= 3; i++) {
		hang(client);
		await_overdue(owner.server, i, i);
	}
	atomic_store(&room.open, 3);
	await_overdue(owner.server, 3, 0);
	hang(client);
	await_overdue(owner.server, 4, 1);
	atomic_store(&room.open, 4);
	await_overdue(owner.server, 4, 0);
	end_watched(&owner, client);
}

static void none_is_counted_by_default(void **state)
{
	struct owner owner;
	struct setup setup;
	int client;

	(void)state;
	client = serve_watched(&setup, 0, &owner);
	hang(client);
	for (int i = 0; i < 100; i++)
		nap();
	reconfigure(&setup);
	assert_true(says(owner.server, 0, 0));
	end_watched(&owner, client);
}

/* What began unwatched is not seen; what is overdue when the watch ends is no more, and when it is
 * switched on again it is not counted twice. */
static void the_watch_can_be_switched(void **state)
{
	struct owner owner;
	struct setup setup;
	int client;

	(void)state;
	client = serve_watched(&setup, 0, &owner);
	hang(client);
	setup.options.handler_timeout_ms = 20;
	reconfigure(&setup);
	hang(client);
	await_overdue(owner.server, 1, 1);
	setup.options.handler_timeout_ms = 0;
	reconfigure(&setup);
	await_overdue(owner.server, 1, 0);
	setup.options.handler_timeout_ms = 20;
	reconfigure(&setup);
	await_overdue(owner.server, 1, 1);
	hang(client);
	await_overdue(owner.server, 2, 2);
	setup.options.handler_timeout_ms = 0;
	reconfigure(&setup);
	atomic_store(&room.open, 3); /* all return unwatched */
	await_idle(owner.server, 0);
	setup.options.handler_timeout_ms = 20;
	reconfigure(&setup);
	await_overdue(owner.server, 2, 0);
	hang(client);
	await_overdue(owner.server, 3, 1);
	end_watched(&owner, client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_shed_are_told, reset),
		cmocka_unit_test_setup(nobody_is_told, reset),
		cmocka_unit_test_setup(busy_may_have_no_answer, reset),
		cmocka_unit_test_setup(the_expired_are_told, reset),
		cmocka_unit_test_setup(the_shed_are_told_while_it_drains, reset),
		cmocka_unit_test_setup(each_is_counted_once, reset),
		cmocka_unit_test_setup(none_is_counted_by_default, reset),
		cmocka_unit_test_setup(the_watch_can_be_switched, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
