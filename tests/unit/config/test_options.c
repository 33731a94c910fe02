/* Options of handlers by their types: what the file takes, what becomes of it, and that the library says the
 * same of what it does not take. */
#include "support.h"

#include <errno.h>

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return DGRAM_NO_REPLY;
}

static const char *const modes[] = { "slow", "quick", NULL };

enum { SHARE, COUNT, STRICT, MODE, PREFIX, NOTE, TAGS, PATH, PARAMETERS };

static const struct dgram_parameter parameters[PARAMETERS] = {
	[SHARE] = { "share", DGRAM_NUMBER, .maximum = 1, .initial = 0.5, .sentence = "A share." },
	[COUNT] = { "count", DGRAM_WHOLE, .minimum = -3, .maximum = 1e9, .initial = 7,
		.sentence = "A count." },
	[STRICT] = { "strict", DGRAM_BOOLEAN, .initial = 1, .sentence = "Whether.", .live = true },
	[MODE] = { "mode", DGRAM_WORD, .initial = 1, .words = modes, .sentence = "How." },
	[PREFIX] = { "prefix", DGRAM_TEXT, .maximum = 8, .text = "p-", .sentence = "A prefix." },
	[NOTE] = { "note", DGRAM_TEXT, .minimum = 2, .maximum = 8, .sentence = "A note." },
	[TAGS] = { "tags", DGRAM_TEXTS, .maximum = 2, .sentence = "Tags." },
	[PATH] = { "path", DGRAM_TEXT, .required = true, .minimum = 1, .maximum = 99,
		.sentence = "A file." },
};

static int take(void *state, const struct dgram_start *start)
{
	(void)state, (void)start;
	return 0;
}

static const struct dgram_handler typed = {
	.abi = DGRAM_ABI,
	.name = "typed",
	.handle = handle,
	.parameters = parameters,
	.parameters_count = PARAMETERS,
	.reconfigure = take,
};

/* `{"handler": "typed", "options": {...}}` */
static struct config *load_options(const char *options, const char *const *sets)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"handler\": \"typed\", \"options\": {%s}}", options);
	return must_load(text, sets);
}

static const struct dgram_setting *settings_of(const struct config *config)
{
	assert_int_equal(config_options(config)->services[0].parameters_count, PARAMETERS);
	return config_options(config)->services[0].parameters;
}

static void test_defaults(void **state)
{
	struct config *config = load_options("\"path\": \"/x\"", NULL);
	const struct dgram_setting *settings = settings_of(config);

	(void)state;
	for (size_t i = 0; i < PARAMETERS; i++)
		assert_string_equal(settings[i].name, parameters[i].name);
	assert_float_equal(settings[SHARE].number, 0.5, 0);
	assert_float_equal(settings[COUNT].number, 7, 0);
	assert_float_equal(settings[STRICT].number, 1, 0);
	assert_string_equal(settings[MODE].text, "quick");
	assert_string_equal(settings[PREFIX].text, "p-");
	assert_null(settings[NOTE].text);
	assert_int_equal(settings[TAGS].texts_count, 0);
	assert_string_equal(settings[PATH].text, "/x");
	config_free(config);
}

static void test_values(void **state)
{
	static const char all[] =
		"\"share\": 0.25, \"count\": -3, \"strict\": false, "
		"\"mode\": \"slow\", \"prefix\": \"\", \"note\": \"a\\n\\u00fc\", "
		"\"tags\": [\"one\", \"\"], \"path\": \"/y\"";
	static const char *const sets[] = { "options.tags=[\"two\"]", "options.mode=quick",
		"options.path=/z", "options.count=3", NULL };
	struct config *config = load_options(all, sets);
	const struct dgram_setting *settings = settings_of(config);

	(void)state;
	assert_float_equal(settings[SHARE].number, 0.25, 0);
	assert_float_equal(settings[COUNT].number, 3, 0);
	assert_float_equal(settings[STRICT].number, 0, 0);
	assert_string_equal(settings[MODE].text, "quick");
	assert_string_equal(settings[PREFIX].text, "");
	assert_string_equal(settings[NOTE].text, "a\n\xc3\xbc");
	assert_int_equal(settings[TAGS].texts_count, 1);
	assert_string_equal(settings[TAGS].texts[0], "two");
	assert_string_equal(settings[PATH].text, "/z");
	config_free(config);
}

static char *print(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	config_print(config, file);
	fclose(file);
	return text;
}

static void test_print(void **state)
{
	struct config *config = load_options("\"path\": \"/x\", \"tags\": [\"a\", \"b\"]", NULL);
	struct config *again;
	char *text = print(config), *text_again;

	(void)state;
	assert_non_null(strstr(text,
		"  \"options\": {\n    \"share\": 0.5,\n    \"count\": 7,\n    \"strict\": true,\n"
		"    \"mode\": \"quick\",\n    \"prefix\": \"p-\",\n    \"tags\": [\n"
		"      \"a\",\n      \"b\"\n    ],\n    \"path\": \"/x\"\n  },\n"));
	again = must_load(text, NULL);
	text_again = print(again);
	assert_string_equal(text, text_again);
	free(text);
	free(text_again);
	config_free(config);
	config_free(again);
}

/* Without line ends and what indents the lines. */
static void squeeze(char *text)
{
	char *to = text;

	while (*text)
		if (*text == '\n')
			text += 1 + strspn(text + 1, " ");
		else
			*to++ = *text++;
	*to = '\0';
}

static void test_schema(void **state)
{
	static const char *const pieces[] = {
		"\"then\": {\"required\": [\"options\"],\"properties\": {\"options\": {",
		"\"additionalProperties\": false,\"required\": [\"path\"],",
		"\"type\": \"number\",\"minimum\": 0,\"maximum\": 1,\"default\": 0.5}",
		"\"type\": \"integer\",\"minimum\": -3,\"maximum\": 1000000000,\"default\": 7}",
		"Whether. Takes effect on reload.\",\"type\": \"boolean\",\"default\": true}",
		"\"type\": \"string\",\"enum\": [\"slow\",\"quick\"],\"default\": \"quick\"}",
		"\"type\": \"string\",\"minLength\": 0,\"maxLength\": 8,\"default\": \"p-\"}",
		"\"type\": \"string\",\"minLength\": 2,\"maxLength\": 8}",
		"\"items\": {\"type\": \"string\"},\"minItems\": 0,\"maxItems\": 2,\"default\": []}",
		"\"description\": \"A file. Takes effect after a restart.\",\"type\": \"string\",",
	};
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	assert_non_null(file);
	config_schema_print(test_handlers(), file);
	fclose(file);
	squeeze(text);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		if (!strstr(text, pieces[i]))
			fail_msg("no %s in\n%s", pieces[i], text);
	free(text);
}

static void note_change(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	char *notes = context;

	sprintf(notes + strlen(notes), "%s %s>%s%s;", path, old_value, new_value,
		live ? "" : " restart");
}

static void test_changes(void **state)
{
	struct config *old_config = load_options("\"path\": \"a\"", NULL);
	struct config *new_config = load_options(
		"\"path\": \"b\", \"strict\": false, \"tags\": [\"x\", \"y\"], \"note\": \"new\"",
		NULL);
	char notes[400] = "";

	(void)state;
	assert_int_equal(config_changes(old_config, new_config, note_change, notes), 4);
	assert_string_equal(notes, "options.strict true>false;options.note >new restart;"
				   "options.tags >x, y restart;options.path a>b restart;");
	config_free(old_config);
	config_free(new_config);
}

/* The file's message behind "options.", and the piece of the file under the caret. */
struct bad {
	const char *options, *message, *place;
	struct dgram_setting setting; /* the same to the library; no name: nothing is */
};

#define TEXTS(...)                                     \
	.texts = (const char *const[]){ __VA_ARGS__ }, \
	.texts_count = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)

static const struct bad bad_options[] = {
	{ "\"share\": 1.5", "share: must be a number from 0 to 1", "1.5",
		{ "share", .number = 1.5 } },
	{ "\"share\": \"x\"", "share: must be a number from 0 to 1, not a string", "\"x\"",
		{ "share", .text = "x" } },
	{ "\"count\": 0.5", "count: must be a whole number from -3 to 1000000000", "0.5",
		{ "count", .number = 0.5 } },
	{ "\"count\": -4", "count: must be a whole number from -3 to 1000000000", "-4",
		{ "count", .number = -4 } },
	{ "\"count\": [\"1\"]", "count: must be a whole number from -3 to 1000000000, not a list",
		"[\"1\"]", { "count", TEXTS("1") } },
	{ "\"strict\": \"true\"", "strict: must be true or false, not a string", "\"true\"",
		{ "strict", .text = "true" } },
	{ "\"mode\": \"quik\"", "mode: must be one of \"slow\", \"quick\"; did you mean \"quick\"?",
		"\"quik\"", { "mode", .text = "quik" } },
	{ "\"mode\": 1", "mode: must be one of \"slow\", \"quick\"", "1", { "mode", .number = 1 } },
	{ "\"prefix\": \"123456789\"", "prefix: must be from 0 to 8 bytes long", "\"123456789\"",
		{ "prefix", .text = "123456789" } },
	{ "\"note\": \"x\"", "note: must be from 2 to 8 bytes long", "\"x\"",
		{ "note", .text = "x" } },
	{ "\"note\": 5", "note: must be a string, not a number", "5", { "note", .number = 5 } },
	{ "\"tags\": \"x\"", "tags: must be a list of 0 to 2 strings, not a string", "\"x\"",
		{ "tags", .text = "x" } },
	{ "\"tags\": [\"a\", \"b\", \"c\"]", "tags: must be a list of 0 to 2 strings",
		"[\"a\", \"b\", \"c\"]", { "tags", TEXTS("a", "b", "c") } },
	{ "\"tgas\": 1", "tgas: unknown option; did you mean \"tags\"?", "\"tgas\"",
		{ "tgas", .number = 1 } },
	{ "\"x\": 1", "x: unknown option", "\"x\"", { "x", .number = 1 } },
	/* what only a file can say */
	{ "\"strict\": 1", "strict: must be true or false, not a number", "1", { .name = NULL } },
	{ "\"prefix\": null", "prefix: must be a string, not null", "null", { .name = NULL } },
	{ "\"tags\": [\"a\", 5]", "tags: must be a string, not a number", "5", { .name = NULL } },
	{ "\"count\": 1, \"count\": 2", "count: given twice in one object", "\"count\"",
		{ .name = NULL } },
};

static void check_report(const struct report *report, const char *message, const char *place)
{
	const char *line = report_line(report, 0), *excerpt = report_excerpt(report, 0);
	const char *caret = strrchr(excerpt, '^'), *text = strchr(excerpt, '|') + 2;
	const char *marked = text + (caret - (strrchr(excerpt, '|') + 2));

	assert_int_equal(report->count, 1);
	assert_string_equal(strstr(line, "options.") + 8, message);
	assert_memory_equal(marked, place, strlen(place));
	assert_int_equal(strlen(caret) - 1, strlen(place));
}

static void file_refuses(const struct bad *bad)
{
	char text[512];
	struct config *config;
	struct report report;

	(void)snprintf(text, sizeof(text),
		"{\"handler\": \"typed\", \"options\": {\"path\": \"/x\", %s}}", bad->options);
	assert_int_equal(load_bytes(text, strlen(text), &report, &config), -EINVAL);
	check_report(&report, bad->message, bad->place);
	report_free(&report);
}

static void library_refuses(const struct dgram_setting *settings, size_t count, const char *message)
{
	char text[DGRAM_ERROR_TEXT_MAX] = "", expected[DGRAM_ERROR_TEXT_MAX];
	struct dgram_server *server = NULL;
	struct dgram_options options;
	struct dgram_service service;

	dgram_service_init(&service, DGRAM_ABI);
	service.handler = &typed;
	service.parameters = settings;
	service.parameters_count = count;
	dgram_options_init(&options, DGRAM_ABI);
	options.services = &service;
	options.services_count = 1;
	options.error_text = text;
	options.error_text_size = sizeof(text);
	assert_int_equal(dgram_server_new(&options, &server), -EINVAL);
	(void)snprintf(expected, sizeof(expected), "services[0].parameters: %s", message);
	assert_string_equal(text, expected);
}

static void test_bad_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_options) / sizeof(bad_options[0]); i++) {
		const struct bad *bad = &bad_options[i];
		const struct dgram_setting settings[] = { { "path", .text = "/x" }, bad->setting };

		file_refuses(bad);
		if (bad->setting.name != NULL)
			library_refuses(settings, 2, bad->message);
	}
}

static void must_miss(const char *text, const char *place)
{
	struct config *config;
	struct report report;

	assert_int_equal(load_bytes(text, strlen(text), &report, &config), -EINVAL);
	check_report(&report, "path: missing: the handler \"typed\" needs it", place);
	report_free(&report);
}

/* Reported where it would stand; an option that is wrong is not missing. */
static void test_missing(void **state)
{
	const struct dgram_setting empty[] = { { .name = "path" }, { "count", .number = 2 } };
	const char *message = "path: missing: the handler \"typed\" needs it";
	struct config *config;
	struct report report;
	static const char wrong[] = "{\"handler\": \"typed\", \"options\": {\"path\": 1}}";

	(void)state;
	must_miss("{\"handler\": \"typed\"}", "\"typed\"");
	must_miss("{\"handler\": \"typed\", \"options\": {\"count\": 1}}", "{\"count\": 1}");
	must_miss("{\"services\": [{\"handler\": \"typed\", \"port\": 1}, {\"port\": 2}]}",
		"\"typed\"");
	library_refuses(NULL, 0, message);
	library_refuses(empty, 2, message);
	assert_int_equal(load_bytes(wrong, strlen(wrong), &report, &config), -EINVAL);
	check_report(&report, "path: must be a string, not a number", "1");
	report_free(&report);
}

int main(void)
{
	static const struct dgram_handler *handlers[] = { NULL, &typed, NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_missing),
	};

	handlers[0] = dgram_builtin_handler("time");
	linked_handlers = handlers;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
