/* A reconfiguration hands live options to handlers, which take them or refuse: then nothing of it happens. */
#include "server_support.h"

enum { LIMIT, NAME, TAGS, FIXED, PARAMETERS };

static const struct dgram_parameter parameters[PARAMETERS] = {
	[LIMIT] = { "limit", DGRAM_WHOLE, .maximum = 100, .initial = 10, .live = true },
	[NAME] = { "name", DGRAM_TEXT, .maximum = 8, .live = true },
	[TAGS] = { "tags", DGRAM_TEXTS, .maximum = 3, .live = true },
	[FIXED] = { "fixed", DGRAM_TEXT, .maximum = 8, .text = "as ever" },
};

/* What the handler of a service was given. */
struct taker {
	const struct dgram_setting *values; /* the newest that it took */
	unsigned calls;
	double refused; /* a limit that it does not take */
	_Atomic unsigned starts;
	_Atomic unsigned old_starts; /* that were given other values */
};

static int open_taker(void *context, const struct dgram_start *start, void **ret_state)
{
	struct taker *taker = context;

	taker->values = start->values;
	*ret_state = taker;
	return 0;
}

static int start_worker(void *state, const struct dgram_start *start, void **ret_worker_state)
{
	struct taker *taker = state;

	atomic_fetch_add(&taker->starts, 1);
	atomic_fetch_add(&taker->old_starts, start->values != taker->values);
	*ret_worker_state = taker;
	return 0;
}

static int take(void *state, const struct dgram_start *start)
{
	struct taker *taker = state;

	taker->calls++;
	assert_int_equal(start->worker, 0);
	if (start->values[LIMIT].number == taker->refused) {
		dgram_log(start, DGRAM_LOG_ERROR, "refused", "too few");
		return -EDOM;
	}
	taker->values = start->values;
	return 0;
}

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return DGRAM_NO_REPLY;
}

static const struct dgram_handler handler = {
	.abi = DGRAM_ABI,
	.name = "taker",
	.handle = handle,
	.open = open_taker,
	.worker_start = start_worker,
	.parameters = parameters,
	.parameters_count = PARAMETERS,
	.reconfigure = take,
};

/* Two services of it, "taker" and "second". */
struct world {
	struct taker takers[2];
	struct setup setup;
	struct dgram_server *server;
	char text[DGRAM_ERROR_TEXT_MAX];
};

static void world_init(struct world *world)
{
	memset(world, 0, sizeof(*world));
	setup_init(&world->setup, &handler);
	world->setup.services[1].handler = &handler;
	world->setup.services[1].name = "second";
	world->setup.options.services_count = 2;
	world->setup.options.workers = 2;
	world->setup.options.error_text = world->text;
	world->setup.options.error_text_size = sizeof(world->text);
	for (int i = 0; i < 2; i++) {
		world->setup.services[i].context = &world->takers[i];
		world->takers[i].refused = -1;
	}
	world->server = make(&world->setup);
}

static int reconfigure(
	struct world *world, size_t service, const struct dgram_setting *settings, size_t count)
{
	world->setup.services[service].parameters = settings;
	world->setup.services[service].parameters_count = count;
	return dgram_server_reconfigure(world->server, &world->setup.options);
}

/* Of both services: their limits, and how often their handlers were called. */
static void must_have(const struct world *world, const double limits[2], const unsigned calls[2])
{
	for (int i = 0; i < 2; i++) {
		assert_float_equal(world->takers[i].values[LIMIT].number, limits[i], 0);
		assert_int_equal(world->takers[i].calls, calls[i]);
	}
}

#define MUST_HAVE(world, first, second, first_calls, second_calls) \
	must_have(world, (double[]){ first, second }, (unsigned[]){ first_calls, second_calls })

/* All values come with it, those that are not live as they were; what did not change calls nobody. */
static void handlers_take_what_is_live(void **state)
{
	const char *tags[] = { "a", "b" };
	const struct dgram_setting settings[] = {
		{ "limit", .number = 5 },
		{ "name", .text = "new" },
		{ "tags", .texts = tags, .texts_count = 2 },
		{ "fixed", .text = "never" },
	};
	struct world world;
	const struct dgram_setting *first, *taken;

	(void)state;
	world_init(&world);
	assert_int_equal(dgram_server_start(world.server), 0);
	first = world.takers[0].values;
	assert_int_equal(reconfigure(&world, 0, settings, 4), 0);
	MUST_HAVE(&world, 5, 10, 1, 0);
	taken = world.takers[0].values;
	assert_string_equal(taken[NAME].text, "new");
	assert_string_equal(taken[TAGS].texts[1], "b");
	assert_string_equal(taken[FIXED].text, "as ever");
	assert_int_equal(reconfigure(&world, 0, settings, 4), 0);
	MUST_HAVE(&world, 5, 10, 1, 0);
	tags[1] = "c";
	assert_int_equal(reconfigure(&world, 0, settings, 4), 0);
	MUST_HAVE(&world, 5, 10, 2, 0);
	assert_int_equal(reconfigure(&world, 0, NULL, 0), 0);
	MUST_HAVE(&world, 10, 10, 3, 0);
	assert_null(world.takers[0].values[NAME].text);
	/* those before are still there */
	assert_float_equal(first[LIMIT].number, 10, 0);
	assert_string_equal(taken[TAGS].texts[1], "b");
	dgram_server_free(world.server);
}

static void one_that_refuses_stops_all(void **state)
{
	const struct dgram_setting settings[] = { { "limit", .number = 5 } };
	struct world world;

	(void)state;
	world_init(&world);
	assert_int_equal(dgram_server_start(world.server), 0);
	world.takers[1].refused = 5;
	world.setup.options.workers = 4;
	world.setup.services[1].parameters = settings;
	world.setup.services[1].parameters_count = 1;
	assert_int_equal(reconfigure(&world, 0, settings, 1), -EDOM);
	assert_string_equal(world.text,
		"the handler \"taker\" of the service \"second\" refuses its options: "
		"Numerical argument out of domain");
	MUST_HAVE(&world, 10, 10, 2, 1); /* the first had taken them */
	check_threads(2 + 3);
	world.takers[1].refused = -1;
	assert_int_equal(reconfigure(&world, 0, settings, 1), 0);
	MUST_HAVE(&world, 5, 5, 3, 2);
	check_threads(4 + 3);
	dgram_server_free(world.server);
}

static void what_fails_afterwards_takes_them_back(void **state)
{
	const struct dgram_setting settings[] = { { "limit", .number = 5 } };
	struct world world;

	(void)state;
	world_init(&world);
	assert_int_equal(dgram_server_start(world.server), 0);
	world.setup.options.log_target = "/nowhere/at/all.log";
	assert_int_equal(reconfigure(&world, 0, settings, 1), -ENOENT);
	MUST_HAVE(&world, 10, 10, 2, 0);
	dgram_server_free(world.server);
}

/* A worker that comes with them starts with them. */
static void new_workers_get_new_values(void **state)
{
	const struct dgram_setting settings[] = { { "limit", .number = 5 } };
	struct world world;

	(void)state;
	world_init(&world);
	assert_int_equal(dgram_server_start(world.server), 0);
	assert_int_equal(world.takers[0].starts, 2);
	world.setup.options.workers = 5;
	assert_int_equal(reconfigure(&world, 0, settings, 1), 0);
	assert_int_equal(world.takers[0].starts, 5);
	assert_int_equal(world.takers[0].old_starts, 0);
	dgram_server_free(world.server);
}

/* A handler that is not open yet is not called: open() gets them. */
static void before_the_start_open_gets_them(void **state)
{
	const struct dgram_setting settings[] = { { "limit", .number = 5 } };
	struct world world;

	(void)state;
	world_init(&world);
	assert_int_equal(reconfigure(&world, 0, settings, 1), 0);
	assert_int_equal(dgram_server_start(world.server), 0);
	MUST_HAVE(&world, 5, 10, 0, 0);
	dgram_server_free(world.server);
}

/* Another handler waits for a restart, and so do its options. */
static void options_of_another_handler_wait(void **state)
{
	const struct dgram_setting settings[] = { { "limit", .number = 5 } };
	struct dgram_handler other = handler;
	struct world world;

	(void)state;
	world_init(&world);
	assert_int_equal(dgram_server_start(world.server), 0);
	world.setup.services[0].handler = &other;
	assert_int_equal(reconfigure(&world, 0, settings, 1), 0);
	MUST_HAVE(&world, 10, 10, 0, 0);
	dgram_server_free(world.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handlers_take_what_is_live),
		cmocka_unit_test(one_that_refuses_stops_all),
		cmocka_unit_test(what_fails_afterwards_takes_them_back),
		cmocka_unit_test(new_workers_get_new_values),
		cmocka_unit_test(before_the_start_open_gets_them),
		cmocka_unit_test(options_of_another_handler_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
