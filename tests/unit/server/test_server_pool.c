/* Handlers that block: as many run at once as there are workers, or as their service may hold. */
#include "server_support.h"

#define POOL 64u

/* Where handlers meet: how many are in, how many were at most, and whether they may leave. */
static struct {
	_Atomic unsigned inside, most, open;
} room;

static void enter(void)
{
	unsigned now = atomic_fetch_add(&room.inside, 1) + 1;
	unsigned most = atomic_load(&room.most);

	while (now > most && !atomic_compare_exchange_weak(&room.most, &most, now))
		;
}

static ssize_t meet(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	(void)request;
	(void)reply;
	(void)size;
	enter();
	(void)reaches(&room.most, POOL);
	atomic_fetch_sub(&room.inside, 1);
	return 0;
}

/* Stays until it may leave. */
static ssize_t hang(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	(void)request;
	(void)reply;
	(void)size;
	enter();
	(void)reaches(&room.open, 1);
	atomic_fetch_sub(&room.inside, 1);
	return 0;
}

static const struct dgram_handler meeting = { DGRAM_ABI, "meeting", .handle = meet };
static const struct dgram_handler hanging = { DGRAM_ABI, "hanging", .handle = hang };

static int reset(void **state)
{
	(void)state;
	memset(&room, 0, sizeof(room));
	return 0;
}

static void blocking_handlers_overlap(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_init(&setup, &meeting);
	setup.options.workers = POOL;
	server = start(&setup);
	client = client_of(server, 0);
	for (unsigned i = 0; i < 4 * POOL; i++)
		tell(client, "x", 1);
	await_received(server, 0, 4ull * POOL);
	await_idle(server, 0);
	check_threads(POOL + 2); /* with a receiver and the log */
	stop(server);
	assert_int_equal(room.most, POOL);
	assert_int_equal(check_closed(server, 0).replied, 4 * POOL);
	dgram_server_free(server);
	close(client);
}

static struct dgram_server *start_two(struct setup *setup)
{
	setup_init(setup, &hanging);
	setup->services[0].max_workers = 2;
	setup->services[1].name = "other";
	setup->services[1].handler = dgram_builtin_handler("echo");
	setup->options.services_count = 2;
	setup->options.workers = 4;
	return start(setup);
}

static void a_hung_service_stops_no_other(void **state)
{
	struct setup setup;
	struct dgram_server *server = start_two(&setup);
	int hung = client_of(server, 0), other = client_of(server, 1);
	char reply[8];

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		tell(hung, "x", 1);
	assert_true(reaches(&room.inside, 2));
	await_received(server, 0, 100);
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(ask(other, "hello", reply, sizeof(reply)), 5);
	assert_int_equal(room.most, 2);
	assert_int_equal(stats_of(server, 0).queued + stats_of(server, 0).running, 100);
	atomic_store(&room.open, 1);
	stop(server);
	assert_int_equal(room.most, 2);
	assert_int_equal(check_closed(server, 0).replied, 100);
	assert_int_equal(check_closed(server, 1).replied, 500);
	dgram_server_free(server);
	close(hung);
	close(other);
}

/* More workers for a service whose handlers all hang: those come without another datagram. */
static void a_raised_limit_holds_at_once(void **state)
{
	struct setup setup;
	struct dgram_server *server = start_two(&setup);
	int hung = client_of(server, 0);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		tell(hung, "x", 1);
	assert_true(reaches(&room.inside, 2));
	await_received(server, 0, 10);
	setup.services[0].max_workers = 3;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	assert_true(reaches(&room.inside, 3));
	setup.services[0].max_workers = 0;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	assert_true(reaches(&room.inside, 4));
	atomic_store(&room.open, 1);
	stop(server);
	assert_int_equal(room.most, 4);
	assert_int_equal(check_closed(server, 0).replied, 10);
	dgram_server_free(server);
	close(hung);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(blocking_handlers_overlap, reset),
		cmocka_unit_test_setup(a_hung_service_stops_no_other, reset),
		cmocka_unit_test_setup(a_raised_limit_holds_at_once, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
