/* What a server does when its handlers are too slow: those that a full queue drops may get a busy reply. */
#include <limits.h>

#include "server_support.h"

#define TOLD 8u /* of those that one reception evicts, at most */
#define REPLY_BYTES 512u

static struct {
	_Atomic unsigned inside, open; /* handlers that hang, in all, and that may return */
	_Atomic unsigned busy_calls;
	_Atomic unsigned wrong; /* requests that busy() was not to see */
	ssize_t busy_answer;	/* -1: a word */
	bool busy_now;		/* and the word before that */
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
	if (room.busy_now && dgram_request_reply(request, "busy", 4) < 0)
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

static void stop_and_check(
	struct dgram_server *server, int client, const char *dropped, unsigned expected)
{
	unsigned told = room.busy_answer == 0 ? 0 : 4; /* the length of a busy reply */
	unsigned counts[8], heard = 0;
	struct dgram_service_stats stats;

	stop(server);
	stats = check_closed(server, 0);
	count_replies(client, counts);
	assert_int_equal(reason(stats.dropped, dropped), expected);
	assert_int_equal(sum(stats.dropped), expected);
	assert_int_equal(sum(stats.failed) + stats.no_reply, 0);
	assert_int_equal(stats.replied, stats.received - expected);
	assert_int_equal(stats.replies_extra, 0);
	assert_int_equal(room.wrong, 0);
	for (unsigned i = 0; i < 8; i++)
		heard += counts[i];
	assert_int_equal(heard, stats.replied + stats.busy_replied);
	assert_int_equal(counts[1], stats.replied - 1); /* all but "hang" */
	assert_int_equal(counts[told], stats.busy_replied + (told == 4));
	dgram_server_free(server);
	close(client);
}

/* So many come to a queue of this capacity while its worker hangs. Those that it drops are told at once, `told` times
 * each, as long as no reception drops more than TOLD. */
static void full_queue(const struct setup *setup, unsigned more, bool asks, unsigned told)
{
	unsigned capacity = setup->services[0].queue_capacity;
	unsigned dropped = more > capacity ? more - capacity : 0;
	unsigned least = dropped < TOLD ? dropped : TOLD, calls;
	ssize_t answer = room.busy_answer;
	bool now = room.busy_now;
	struct dgram_server *server;
	int client;

	reset(NULL);
	room.busy_answer = answer;
	room.busy_now = now;
	server = start_hung(setup, more, &client);
	while (asks && stats_of(server, 0).busy_replied < (uint64_t)least * told)
		nap();
	atomic_store(&room.open, 1);
	await_idle(server, 0);
	stop_and_check(server, client, "queue_full", dropped);
	calls = atomic_load(&room.busy_calls);
	assert_in_range(calls, asks ? least : 0, asks ? dropped : 0);
}

static void the_evicted_are_told(void **state)
{
	struct setup setup;

	(void)state;
	for (unsigned capacity = 1; capacity <= 4; capacity++) {
		setup_busy(&setup, &with_busy, true, capacity);
		full_queue(&setup, capacity, true, 1);
		full_queue(&setup, capacity + 1, true, 1);
		full_queue(&setup, capacity + TOLD, true, 1);
		full_queue(&setup, capacity + TOLD + 5, true, 1);
	}
}

static void nobody_is_told(void **state)
{
	struct setup setup;

	(void)state;
	setup_busy(&setup, &with_busy, false, 2);
	full_queue(&setup, 7, false, 0);
	setup_init(&setup, &with_busy); /* which is the default */
	setup.options.workers = 1;
	setup.services[0].queue_capacity = 2;
	full_queue(&setup, 7, false, 0);
	setup_busy(&setup, &without_busy, true, 2);
	full_queue(&setup, 7, false, 0);
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
		{ 0, 1 },
	};
	struct setup setup;

	(void)state;
	setup_busy(&setup, &with_busy, true, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		room.busy_answer = cases[i].answer;
		full_queue(&setup, 7, true, cases[i].told);
	}
}

/* By dgram_request_reply(), and by what it returns, too. */
static void busy_may_answer_now(void **state)
{
	struct setup setup;

	(void)state;
	setup_busy(&setup, &with_busy, true, 2);
	room.busy_now = true;
	room.busy_answer = DGRAM_NO_REPLY;
	full_queue(&setup, 7, true, 1);
	room.busy_answer = -1;
	full_queue(&setup, 7, true, 2);
}

/* Their clients have given up. */
static void the_expired_are_not_told(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_busy(&setup, &with_busy, true, 16);
	server = start_hung(&setup, 0, &client);
	setup.services[0].queue_max_wait_ms = 1;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	for (unsigned i = 0; i < 5; i++)
		tell(client, "x", 1);
	await_received(server, 0, 6);
	for (int i = 0; i < 5; i++)
		nap();
	atomic_store(&room.open, 1);
	await_idle(server, 0);
	assert_int_equal(stats_of(server, 0).busy_replied, 0);
	stop_and_check(server, client, "expired", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_evicted_are_told, reset),
		cmocka_unit_test_setup(nobody_is_told, reset),
		cmocka_unit_test_setup(busy_may_have_no_answer, reset),
		cmocka_unit_test_setup(busy_may_answer_now, reset),
		cmocka_unit_test_setup(the_expired_are_not_told, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
