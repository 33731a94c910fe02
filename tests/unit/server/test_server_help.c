/* A handler that says that it never blocks, and does: until that is seen, receivers run it; then the
 * workers do, and one call that blocks holds up nobody else. Time passes in slow calls alone, because
 * on a slow machine all calls would be slow. */
/* link: -Wl,--wrap=sys_monotonic_ns */
#include "server_support.h"

#define SLOW_NS 1000000 /* five times what receivers put up with */
#define TRIES 20000u
#define CLIENTS 64u /* the kernel gives no receiver all of them */

static struct {
	_Atomic unsigned inside, open; /* calls that blocked, in all, and that may return */
	_Atomic unsigned blocked;      /* the number of who is */
	_Atomic int64_t now_ns;
	_Atomic unsigned by_receivers; /* calls */
} room;

int64_t __wrap_sys_monotonic_ns(void);

int64_t __wrap_sys_monotonic_ns(void)
{
	return atomic_load(&room.now_ns);
}

static bool is_receiver(unsigned number)
{
	return number >= DGRAM_WORKERS_MAX && number < DGRAM_WORKERS_MAX + DGRAM_RECEIVERS_MAX;
}

/* The answer is the number of who gave it. "block" does not return before it may. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	unsigned number = request->worker;

	(void)state;
	(void)size;
	atomic_fetch_add(&room.by_receivers, is_receiver(number));
	if (request->length == 5) {
		unsigned calls;

		atomic_store(&room.blocked, number);
		calls = atomic_fetch_add(&room.inside, 1) + 1;
		while (!reaches(&room.open, calls))
			;
	} else if (request->length == 4) {
		atomic_fetch_add(&room.now_ns, SLOW_NS);
	}
	memcpy(reply, &number, sizeof(number));
	return sizeof(number);
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle,
	.never_blocks = true };

static void begin(struct setup *setup, unsigned workers, unsigned receivers)
{
	memset(&room, 0, sizeof(room));
	atomic_store(&room.now_ns, 1000000000);
	setup_init(setup, &handler);
	setup->options.workers = workers;
	setup->services[0].receivers = receivers;
}

static struct dgram_server *start_with(unsigned workers, unsigned receivers)
{
	struct setup setup;

	begin(&setup, workers, receivers);
	return start(&setup);
}

/* Who answered? */
static unsigned who(int client, const char *text)
{
	unsigned number = UINT32_MAX;

	assert_int_equal(ask(client, text, &number, sizeof(number)), sizeof(number));
	return number;
}

/* Ask until a receiver answers: workers that have just looked at the queue may, too. Returns the
 * receiver's number. */
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
	assert_int_equal(stats.run_by_receivers, room.by_receivers);
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

static void must_be_workers(int client)
{
	for (unsigned i = 0; i < 200; i++)
		assert_false(is_receiver(who(client, "x")));
}

/* From the call that says so on. */
static void receivers_may_be_told_not_to(void **state)
{
	struct dgram_server *server;
	struct setup setup;
	int client;

	(void)state;
	begin(&setup, 2, 1);
	setup.options.receivers_assist = false;
	server = start(&setup);
	client = client_of(server, 0);
	must_be_workers(client);
	for (unsigned i = 0; i < 20; i++) {
		setup.options.receivers_assist = true;
		assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
		(void)await_help(client);
		setup.options.receivers_assist = false;
		assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
		must_be_workers(client);
	}
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
	assert_int_equal(hear(client, &number, sizeof(number), patience_ms()), sizeof(number));
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
			hear(client, &number, sizeof(number), patience_ms()), sizeof(number));
	close(client);
	finish(server);
}

/* Block a receiver with a call, and not a worker that has just looked. Returns its number. */
static unsigned block_a_receiver(int client)
{
	for (unsigned i = 1; i <= TRIES; i++) {
		unsigned number;

		tell(client, "block", 5);
		assert_true(reaches(&room.inside, i));
		if (is_receiver(room.blocked))
			return room.blocked;
		atomic_store(&room.open, i);
		assert_int_equal(
			hear(client, &number, sizeof(number), patience_ms()), sizeof(number));
	}
	fail_msg("no receiver helps");
	return 0;
}

/* Ask with all. Returns a client that is answered: its receiver is not the one that is held up. */
static int one_that_is_answered(const int clients[static CLIENTS])
{
	struct pollfd fds[CLIENTS];
	unsigned number, i = 0;

	for (unsigned k = 0; k < CLIENTS; k++) {
		fds[k] = (struct pollfd){ .fd = clients[k], .events = POLLIN };
		tell(clients[k], "x", 1);
	}
	assert_true(poll(fds, CLIENTS, patience_ms()) > 0);
	while (fds[i].revents == 0)
		i++;
	assert_int_equal(hear(clients[i], &number, sizeof(number), 0), sizeof(number));
	return clients[i];
}

/* While one receiver is held up, the other one serves its own clients. */
static void other_receivers_help(void **state)
{
	struct dgram_server *server = start_with(2, 2);
	int clients[CLIENTS];
	unsigned blocked;

	(void)state;
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = client_of(server, 0);
	blocked = block_a_receiver(clients[0]);
	assert_int_equal(
		await_help(one_that_is_answered(clients)), 2 * DGRAM_WORKERS_MAX + 1 - blocked);
	atomic_store(&room.open, TRIES);
	finish(server);
	for (unsigned i = 0; i < CLIENTS; i++)
		close(clients[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receivers_help),
		cmocka_unit_test(receivers_may_be_told_not_to),
		cmocka_unit_test(slow_ones_are_left_to_workers),
		cmocka_unit_test(the_first_slow_one_costs_no_other),
		cmocka_unit_test(other_receivers_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
