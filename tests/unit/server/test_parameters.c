/* What open() and worker_start() get: the options' values, the service's name, its server. */
#include <stdlib.h>

#include "server_support.h"

static const char *const modes[] = { "slow", "quick", NULL };

enum { SHARE, STRICT, MODE, PREFIX, NOTE, TAGS, PARAMETERS };

static const struct dgram_parameter parameters[PARAMETERS] = {
	[SHARE] = { "share", DGRAM_NUMBER, .maximum = 1, .initial = 0.5 },
	[STRICT] = { "strict", DGRAM_BOOLEAN, .initial = 1 },
	[MODE] = { "mode", DGRAM_WORD, .words = modes, .initial = 1 },
	[PREFIX] = { "prefix", DGRAM_TEXT, .maximum = 8, .text = "p-" },
	[NOTE] = { "note", DGRAM_TEXT, .maximum = 8 },
	[TAGS] = { "tags", DGRAM_TEXTS, .maximum = 3 },
};

static struct {
	const struct dgram_setting *values;
	struct dgram_server *server;
	_Atomic unsigned starts;
	_Atomic unsigned others; /* starts that were given something else */
} seen;

static int open_state(void *context, const struct dgram_start *start, void **ret_state)
{
	assert_ptr_equal(context, modes);
	assert_string_equal(start->service, "typed");
	assert_int_equal(start->worker, 0);
	seen.values = start->values;
	seen.server = start->server;
	*ret_state = &seen;
	return 0;
}

static int worker_start(void *state, const struct dgram_start *start, void **ret_worker_state)
{
	bool same = state == &seen && start->values == seen.values &&
		    start->server == seen.server && strcmp(start->service, "typed") == 0;

	atomic_fetch_add(&seen.starts, 1);
	atomic_fetch_add(&seen.others, !same);
	*ret_worker_state = state;
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
	.name = "typed",
	.handle = handle,
	.open = open_state,
	.worker_start = worker_start,
	.parameters = parameters,
	.parameters_count = PARAMETERS,
};

/* A server whose caller has forgotten all that it gave. */
static struct dgram_server *make_with(const struct dgram_setting *settings, size_t count)
{
	struct dgram_server *server;
	struct setup setup;

	memset(&seen, 0, sizeof(seen));
	setup_init(&setup, &handler);
	setup.services[0].context = (void *)(uintptr_t)modes;
	setup.services[0].parameters = settings;
	setup.services[0].parameters_count = count;
	server = make(&setup);
	memset(&setup, 0xff, sizeof(setup));
	return server;
}

static void test_defaults(void **state)
{
	struct dgram_server *server = make_with(NULL, 0);

	(void)state;
	assert_int_equal(dgram_server_start(server), 0);
	assert_ptr_equal(seen.server, server);
	for (size_t i = 0; i < PARAMETERS; i++)
		assert_string_equal(seen.values[i].name, parameters[i].name);
	assert_float_equal(seen.values[SHARE].number, 0.5, 0);
	assert_float_equal(seen.values[STRICT].number, 1, 0);
	assert_string_equal(seen.values[MODE].text, "quick");
	assert_float_equal(seen.values[MODE].number, 1, 0);
	assert_string_equal(seen.values[PREFIX].text, "p-");
	assert_null(seen.values[NOTE].text);
	assert_int_equal(seen.values[TAGS].texts_count, 0);
	dgram_server_free(server);
	assert_int_equal(seen.starts, 4);
	assert_int_equal(seen.others, 0);
}

/* In another order than the table's; texts are copied. */
static void test_values(void **state)
{
	char note[] = "a note", tag[] = "one", mode[] = "slow";
	const char *tags[] = { tag, "", "three" };
	struct dgram_setting settings[] = {
		{ .name = "tags", .texts = tags, .texts_count = 3 },
		{ .name = "prefix", .text = NULL }, /* as if it were not there */
		{ .name = "note", .text = note },
		{ .name = "mode", .text = mode },
		{ .name = "strict", .number = false },
		{ .name = "share", .number = 0.25 },
	};
	struct dgram_server *server = make_with(settings, sizeof(settings) / sizeof(settings[0]));

	(void)state;
	memset(note, 'x', sizeof(note) - 1);
	memset(tag, 'x', sizeof(tag) - 1);
	memset(mode, 'x', sizeof(mode) - 1);
	memset(tags, 0xff, sizeof(tags));
	memset(settings, 0xff, sizeof(settings));
	assert_int_equal(dgram_server_bind(server), 0);
	assert_float_equal(seen.values[SHARE].number, 0.25, 0);
	assert_float_equal(seen.values[STRICT].number, 0, 0);
	assert_string_equal(seen.values[MODE].text, "slow");
	assert_float_equal(seen.values[MODE].number, 0, 0);
	assert_string_equal(seen.values[PREFIX].text, "p-");
	assert_string_equal(seen.values[NOTE].text, "a note");
	assert_int_equal(seen.values[TAGS].texts_count, 3);
	assert_string_equal(seen.values[TAGS].texts[0], "one");
	assert_string_equal(seen.values[TAGS].texts[1], "");
	assert_string_equal(seen.values[TAGS].texts[2], "three");
	dgram_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
