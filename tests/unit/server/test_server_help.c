/* A handler that says that it never blocks, and does: until that is seen, receivers run it; then the
 * workers do, and one call that blocks holds up nobody else. */
#include "server_support.h"

#define SLOW_NS 1000000 /* five times what receivers put up with */
#define TRIES 20000u

static struct {
	_Atomic unsigned inside, open;
	_Atomic unsigned blocked; /* the number of who is */
} room;

/* The answer is the number of who gave it. "block" does not return before it may. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	const struct timespec slow = { .tv_nsec = SLOW_NS };
	unsigned number = request->worker;

	(void)state;
	(void)size;
	if (request->length == 5) {
		atomic_store(&room.blocked, number);
		atomic_fetch_add(&room.inside, 1);
		while (!reaches(&room.open, 1))
			;
	} else if (request->length == 4) {
		nanosleep(&slow, NULL);
	}
	memcpy(reply, &number, sizeof(number));
	return sizeof(number);
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle,
	.never_blocks = true };

static struct dgram_server *start_with(unsigned workers, unsigned receivers)
{
	struct setup setup;

	memset(&room, 0, sizeof(room));
	setup_init(&setup, &handler);
	setup.options.workers = workers;
	setup.services[0].receivers = receivers;
	return start(&setup);
}

/* Who answered? */
static unsigned who(int client, const char *text)
{
	unsigned number = UINT32_MAX;

	assert_int_equal(ask(client, text, &number, sizeof(number)), sizeof(number));
	return number;
}

static bool is_receiver(unsigned number)
{
	return number >= DGRAM_WORKERS_MAX && number < DGRAM_WORKERS_MAX + DGRAM_RECEIVERS_MAX;
}

/* Until its receiver answers this client: workers that have just looked may, too, and do for a while
 * on a machine where quick calls take long. Returns the receiver's number. */
static unsigned await_help(int client)
{
	for (unsigned i = 0; i < TRIES; i++) {
		unsigned number = who(client, "x");

		if (is_receiver(number))
			return number;
	}
	fail_msg("no receiver helps");
	return 0;
}

/* The guard is up once the slow one is in the books. */
static void be_slow(struct dgram_server *server, int client)
{
	(void)who(client, "slow");
	await_idle(server, 0);
}

static void finish(struct dgram_server *server)
{
	struct dgram_service_stats stats;

	stop(server);
	stats = check_closed(server, 0);
	assert_int_equal(stats.received, stats.replied);
	dgram_server_free(server);
}

static void receivers_help(void **state)
{
	struct dgram_server *server = start_with(2, 1);
	int client = client_of(server, 0);

	(void)state;
	assert_int_equal(await_help(client), DGRAM_WORKERS_MAX);
	close(client);
	finish(server);
}

static void slow_ones_are_left_to_workers(void **state)
{
	struct dgram_server *server = start_with(2, 1);
	int client = client_of(server, 0);
	unsigned number;

	(void)state;
	(void)await_help(client);
	be_slow(server, client);
	tell(client, "block", 5);
	assert_true(reaches(&room.inside, 1));
	number = atomic_load(&room.blocked);
	assert_in_range(number, 0, 1);
	for (unsigned i = 0; i < 50; i++) /* by the other */
		assert_int_equal(who(client, "x"), 1 - number);
	assert_int_equal(stats_of(server, 0).running > 0, 1);
	atomic_store(&room.open, 1);
	assert_int_equal(hear(client, &number, sizeof(number), PATIENCE_MS), sizeof(number));
	assert_int_equal(number, atomic_load(&room.blocked));
	await_idle(server, 0);
	(void)await_help(client); /* it is forgotten */
	close(client);
	finish(server);
}

/* Nobody knew: the receiver itself is held up, and what waits behind it is served in the end. */
static void the_first_slow_one_costs_no_other(void **state)
{
	struct dgram_server *server = start_with(2, 1);
	int client = client_of(server, 0);
	unsigned number, answers = 0;

	(void)state;
	(void)await_help(client);
	await_idle(server, 0);
	for (unsigned i = 0; i < 200; i++)
		tell(client, i == 20 ? "block" : "x", i == 20 ? 5 : 1);
	assert_true(reaches(&room.inside, 1));
	atomic_store(&room.open, 1);
	for (; answers < 200; answers++)
		assert_int_equal(
			hear(client, &number, sizeof(number), PATIENCE_MS), sizeof(number));
	close(client);
	finish(server);
}

/* While one receiver is held up, the other one serves its own clients. It may be either: they help
 * with one queue. */
static void other_receivers_help(void **state)
{
	struct dgram_server *server = start_with(2, 2);
	int clients[2] = { client_of(server, 0), client_of(server, 0) };
	unsigned first = await_help(clients[0]), second = await_help(clients[1]), number;

	(void)state;
	for (unsigned i = 0; i < 1000 && second == first; i++) {
		close(clients[1]);
		clients[1] = client_of(server, 0);
		second = await_help(clients[1]);
	}
	assert_int_equal(first + second, 2 * DGRAM_WORKERS_MAX + 1);
	tell(clients[0], "block", 5);
	assert_true(reaches(&room.inside, 1));
	for (unsigned i = 0; i < 50; i++) {
		unsigned blocked = atomic_load(&room.blocked);

		assert_int_not_equal(who(clients[blocked != second], "x"), blocked);
	}
	atomic_store(&room.open, 1);
	assert_int_equal(hear(clients[0], &number, sizeof(number), PATIENCE_MS), sizeof(number));
	close(clients[0]);
	close(clients[1]);
	finish(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receivers_help),
		cmocka_unit_test(slow_ones_are_left_to_workers),
		cmocka_unit_test(the_first_slow_one_costs_no_other),
		cmocka_unit_test(other_receivers_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
