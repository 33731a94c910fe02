/* What is printed: the configuration, which loads again; the schema, which is checked in;
 * changes. */
#include "support.h"

#include <errno.h>

static char *print_config(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	config_print(config, file);
	fclose(file);
	return text;
}

static void ignore_change(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	(void)context;
	(void)live;
	fail_msg("%s: %s -> %s", path, old_value, new_value);
}

static void must_come_back(const char *text)
{
	struct config *config = must_load(text, NULL), *again;
	char *printed = print_config(config), *printed_again;

	again = must_load(printed, NULL);
	printed_again = print_config(again);
	assert_string_equal(printed, printed_again);
	assert_int_equal(config_changes(config, again, ignore_change, NULL), 0);
	free(printed);
	free(printed_again);
	config_free(config);
	config_free(again);
}

static void test_round_trip(void **state)
{
	(void)state;
	must_come_back("{}");
	must_come_back("{\"$schema\": \"./server.schema.json\"}");
	must_come_back(
		"{\"host\": [\"::1\", \"127.0.0.1\"], \"port\": 0, \"handler\": \"discard\"}");
	must_come_back(
		"{\"logging\": {\"target\": \"a\\\"\\\\\\u0001\\n\\u007f\xc3\xbc{worker}\"}}");
	must_come_back("{\"services\": [{\"port\": 1, \"host\": \"::1\"}]}");
	must_come_back(
		"{\"queue\": {\"capacity\": 1}, \"services\": [{\"handler\": \"echo\"},"
		"{\"port\": 1, \"queue\": {\"max_wait_ms\": 0}, \"max_workers\": 3, \"broadcast\": true}]}");
	must_come_back(
		"{\"queue\": {\"discipline\": \"fifo\", \"ordering\": \"per-client\","
		"\"overload_interval_ms\": 7, \"fair_window_ms\": 8, \"busy_replies\": true},"
		"\"pool\": {\"handler_timeout_ms\": 9, \"receivers_assist\": false}}");
	must_come_back("{\"access\": {\"allow\": [\"::1\"], \"deny\": []}, \"services\": [{},"
		       "{\"name\": \"b\", \"port\": 1, \"access\": {}}]}");
	must_come_back("{\"access\": {\"deny\": [\"::1\", \"127.0.0.1\"]}}");
	must_come_back("{\"handler\": \"simulate\"}");
	must_come_back("{\"limits\": {\"requests_per_s\": 1, \"leak\": 0, \"dry_run\": true,"
		       "\"exempt\": [\"10.0.0.0/8\", \"::1\"]}}");
	must_come_back("{\"max_reply_factor\": 2.5, \"services\": [{\"port\": 1}, {\"port\": 2,"
		       "\"name\": \"b\", \"max_reply_factor\": 0}]}");
	must_come_back("{\"host\": \"*\", \"freebind\": true}");
	must_come_back("{\"handler\": \"simulate\", \"options\": {\"block_us\": 0.1,"
		       "\"burn_us\": 59999999.999999993, \"jitter\": 0.30000000000000004,"
		       "\"fail_rate\": 1e-300, \"silent_rate\": -0}}");
	must_come_back("{\"services\": [{\"handler\": \"simulate\", \"options\": {\"jitter\": 1}},"
		       "{\"port\": 1, \"queue\": {\"busy_replies\": true}}]}");
}

static void test_print_holds_every_key(void **state)
{
	struct config *config = must_load("{}", NULL);
	char *text = print_config(config);

	(void)state;
	assert_non_null(strstr(text, "\"drain_timeout_ms\": 5000"));
	assert_non_null(strstr(text, "\"host\": \"127.0.0.1\",\n"));
	assert_non_null(strstr(text, "  \"queue\": {\n    \"capacity\": 4096,\n"));
	assert_non_null(strstr(text, "    \"busy_replies\": false\n"));
	assert_non_null(strstr(text, "  \"access\": {\n    \"allow\": [],\n"));
	assert_null(strstr(text, "services"));
	assert_null(strstr(text, "$schema"));
	assert_null(strstr(text, "options"));
	free(text);
	config_free(config);
}

static void must_print(const char *text, const char *piece)
{
	struct config *config = must_load(text, NULL);
	char *printed = print_config(config);

	if (!strstr(printed, piece))
		fail_msg("%s\nhas no %s", printed, piece);
	free(printed);
	config_free(config);
}

static void test_print_options(void **state)
{
	(void)state;
	must_print("{\"handler\": \"simulate\", \"options\": {\"burn_us\": 1e6, \"jitter\": 0.1}}",
		"  \"options\": {\n    \"block_us\": 0,\n    \"burn_us\": 1000000,\n"
		"    \"jitter\": 0.1,\n");
	must_print("{\"services\": [{\"handler\": \"simulate\", \"options\": {\"block_us\": 5}}]}",
		"      \"options\": {\n        \"block_us\": 5,\n");
	must_print("{\"services\": [{\"queue\": {\"busy_replies\": true}}]}",
		"        \"busy_replies\": true\n");
}

/* By default each handler's own, so a list of services has none for all. */
static void test_print_factor(void **state)
{
	(void)state;
	must_print("{}", "\n  \"max_reply_factor\": 1,\n");
	must_print("{\"handler\": \"echo\"}", "\n  \"max_reply_factor\": 3,\n");
	must_print("{\"max_reply_factor\": 0.25}", "\n  \"max_reply_factor\": 0.25,\n");
	must_print("{\"services\": [{\"handler\": \"daytime\"}]}",
		"\n    \"file\": \"\"\n  },\n  \"refuse_source_ports\"");
	must_print(
		"{\"services\": [{\"handler\": \"daytime\"}]}", "      \"max_reply_factor\": 1,\n");
	must_print("{\"max_reply_factor\": 7, \"services\": [{\"handler\": \"daytime\"}]}",
		"      \"max_reply_factor\": 7,\n");
}

static void test_schema_is_checked_in(void **state)
{
	static char expected[65536];
	FILE *file = fopen("conf/server.schema.json", "r");
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)state;
	assert_non_null(file);
	assert_true(fread(expected, 1, sizeof(expected) - 1, file) > 0);
	fclose(file);
	assert_non_null(stream);
	config_schema_print(test_handlers(), stream);
	fclose(stream);
	/* out of date? make schema */
	assert_string_equal(text, expected);
	free(text);
}

static void note_change(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	char *notes = context;

	sprintf(notes + strlen(notes), "%s %s>%s%s;", path, old_value, new_value,
		live ? "" : " restart");
}

static void must_change(const char *from, const char *to, int count, const char *expected)
{
	struct config *old_config = must_load(from, NULL), *new_config = must_load(to, NULL);
	char notes[1000] = "";

	assert_int_equal(config_changes(old_config, new_config, note_change, notes), count);
	assert_string_equal(notes, expected);
	config_free(old_config);
	config_free(new_config);
}

static void test_changes(void **state)
{
	(void)state;
	must_change("{}", "{\"port\": 20000, \"$schema\": \"x\"}", 0, "");
	must_change("{}", "{\"pool\": {\"workers\": 8}}", 1, "pool.workers 4>8;");
	must_change("{}", "{\"pool\": {\"receivers_assist\": false}}", 1,
		"pool.receivers_assist true>false;");
	must_change(
		"{}", "{\"queue\": {\"capacity\": 8192}}", 1, "queue.capacity 4096>8192 restart;");
	must_change("{}", "{\"logging\": {\"level\": \"debug\", \"target\": \"x\"}}", 2,
		"logging.level info>debug;logging.target stderr>x;");
	must_change("{\"host\": \"::1\"}", "{\"host\": [\"::1\", \"127.0.0.1\"]}", 1,
		"host ::1>::1, 127.0.0.1 restart;");
	must_change("{}", "{\"on_missing_address\": \"wait\"}", 1,
		"on_missing_address auto>wait restart;");
	must_change("{\"host\": \"::\"}", "{\"host\": \"*\", \"freebind\": true}", 2,
		"host ::>* restart;freebind false>true restart;");
	must_change("{}", "{\"handler\": \"echo\"}", 1, "handler time>echo restart;");
	must_change(
		"{}", "{\"services\": [{\"name\": \"a\"}]}", 1, "services.0.name time>a restart;");
	must_change("{\"services\": [{}]}", "{\"queue\": {\"max_wait_ms\": 1}, \"services\": [{}]}",
		1, "services.0.queue.max_wait_ms 1000>1;");
	must_change("{}",
		"{\"queue\": {\"discipline\": \"fifo\", \"overload_interval_ms\": 1,"
		"\"busy_replies\": true}, \"pool\": {\"handler_timeout_ms\": 5}}",
		4,
		"pool.handler_timeout_ms 0>5;queue.discipline fair>fifo restart;"
		"queue.overload_interval_ms 100>1;queue.busy_replies false>true restart;");
	must_change("{}", "{\"max_reply_factor\": 2.5}", 1, "max_reply_factor 1>2.5;");
	must_change("{\"max_reply_factor\": 1}", "{\"max_reply_factor\": 0}", 1,
		"max_reply_factor 1>0;");
	must_change("{\"handler\": \"simulate\"}",
		"{\"handler\": \"simulate\", \"options\": {\"jitter\": 0.1, \"block_us\": 1e3,"
		"\"burn_us\": -0}}",
		2, "options.block_us 0>1000;options.jitter 0>0.1;");
	must_change("{\"handler\": \"simulate\", \"options\": {\"jitter\": 1}}", "{}", 1,
		"handler simulate>time restart;");
	must_change("{\"services\": [{}, {\"handler\": \"simulate\", \"port\": 1}]}",
		"{\"services\": [{}, {\"handler\": \"simulate\", \"port\": 1, \"options\":"
		"{\"fail_rate\": 1}}]}",
		1, "services.1.options.fail_rate 0>1;");
	must_change("{}", "{\"services\": [{}, {\"handler\": \"echo\", \"port\": 7}]}", 1,
		"services 1 in number>2 restart;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_print_holds_every_key),
		cmocka_unit_test(test_print_options),
		cmocka_unit_test(test_print_factor),
		cmocka_unit_test(test_schema_is_checked_in),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
