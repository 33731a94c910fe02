/* The limits of the options: what server.json refuses, dgram_server_new() refuses. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "server/server.h"
#include "server_support.h"

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return DGRAM_NO_REPLY;
}

static const struct dgram_handler handler = { .abi = DGRAM_ABI, .name = "mine", .handle = handle };

static int give_none(void *state, struct dgram_command *ret_command)
{
	(void)state, (void)ret_command;
	return -ENOENT;
}

struct number {
	const char *name;
	bool of_service;
	size_t offset;
	struct limits limits;
};

#define OF_SERVER(type, field, ...) \
	{ #field, false, offsetof(struct type, field), { __VA_ARGS__ } },
#define OF_SERVICE(type, field, ...) \
	{ #field, true, offsetof(struct type, field), { __VA_ARGS__ } },

static const struct number numbers[] = { SERVER_NUMBERS(OF_SERVER) SERVICE_NUMBERS(OF_SERVICE) };

/* Checked without taking the memory, which would be 8 GiB for the longest queue. */
static void must_accept(struct setup *setup, const char *name)
{
	char text[DGRAM_ERROR_TEXT_MAX];

	setup->options.error_text = text;
	setup->options.error_text_size = sizeof(text);
	if (server_options_check(&setup->options) != 0)
		fail_msg("%s is refused: %s", name, text);
}

/* `why`: the whole text. */
static void must_refuse(struct setup *setup, const char *why)
{
	char text[DGRAM_ERROR_TEXT_MAX] = "";
	struct dgram_server *server = NULL;

	setup->options.error_text = text;
	setup->options.error_text_size = sizeof(text);
	if (dgram_server_new(&setup->options, &server) != -EINVAL)
		fail_msg("accepted, not: %s", why);
	assert_null(server);
	assert_string_equal(text, why);
}

static void *field_of(struct setup *setup, const struct number *number)
{
	return (char *)(number->of_service ? (void *)&setup->services[0] : &setup->options) +
	       number->offset;
}

static void check_number(const struct number *number, unsigned value, bool valid)
{
	struct dgram_handler with_children = handler;
	struct setup setup;
	char text[120];

	with_children.children = give_none;
	setup_init(&setup, &with_children);
	memcpy(field_of(&setup, number), &value, sizeof(value));
	snprintf(text, sizeof(text), "%s%s: must be a whole number from %u to %u",
		number->of_service ? "services[0]." : "", number->name, number->limits.minimum,
		number->limits.maximum);
	if (valid)
		must_accept(&setup, text);
	else
		must_refuse(&setup, text);
}

static void test_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct limits *limits = &numbers[i].limits;

		check_number(&numbers[i], limits->minimum, true);
		check_number(&numbers[i], limits->maximum, true);
		check_number(&numbers[i], limits->maximum + 1, false);
		check_number(&numbers[i], UINT_MAX, false);
		if (limits->minimum > 0)
			check_number(&numbers[i], limits->minimum - 1, false);
	}
}

/* Of a service, or as its handler's own. */
static void check_factor(double factor, bool of_handler, bool valid)
{
	struct dgram_handler own = handler;
	struct setup setup;

	setup_init(&setup, &own);
	if (of_handler)
		own.max_reply_factor = factor;
	else
		setup.services[0].max_reply_factor = factor;
	if (valid)
		must_accept(&setup, "max_reply_factor");
	else
		must_refuse(&setup,
			of_handler
				? "services[0].handler->max_reply_factor: must be a number from 0 to 1000"
				: "services[0].max_reply_factor: must be a number from 0 to 1000");
}

static void test_factors(void **state)
{
	static const double invalid[] = { -0.5, -2, 1000.001, INFINITY, NAN };

	(void)state;
	for (int of_handler = 0; of_handler < 2; of_handler++) {
		check_factor(0, of_handler, true);
		check_factor(0.001, of_handler, true);
		check_factor(1000, of_handler, true);
		check_factor(DGRAM_FACTOR_OF_HANDLER, of_handler, !of_handler);
		for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
			check_factor(invalid[i], of_handler, false);
	}
}

static void test_defaults(void **state)
{
	struct setup setup;

	(void)state;
	dgram_options_init(&setup.options, DGRAM_ABI);
	dgram_service_init(&setup.services[0], DGRAM_ABI);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		unsigned value;

		memcpy(&value, field_of(&setup, &numbers[i]), sizeof(value));
		assert_int_equal(value, numbers[i].limits.initial);
	}
	assert_string_equal(setup.options.log_format, "auto");
	assert_string_equal(setup.options.log_color, "auto");
	assert_string_equal(setup.options.log_target, DEFAULT_LOG_TARGET);
	assert_string_equal(setup.options.cpus, "");
	assert_int_equal(setup.options.hook_fd, -1);
}

/* `why`: NULL: it is valid. */
static void check_text(size_t offset, const char *text, const char *why)
{
	struct setup setup;

	setup_init(&setup, &handler);
	memcpy((char *)&setup.options + offset, &text, sizeof(text));
	if (why == NULL)
		must_accept(&setup, text);
	else
		must_refuse(&setup, why);
}

static void test_texts(void **state)
{
	static char bytes[4097];
	const size_t target = offsetof(struct dgram_options, log_target),
		     cpus = offsetof(struct dgram_options, cpus),
		     format = offsetof(struct dgram_options, log_format),
		     color = offsetof(struct dgram_options, log_color);

	(void)state;
	memset(bytes, '1', sizeof(bytes) - 1);
	check_text(target, bytes, "log_target: must be from 1 to 4095 bytes long");
	check_text(target, bytes + 1, NULL);
	check_text(target, "", "log_target: must be from 1 to 4095 bytes long");
	check_text(target, NULL, "log_target: missing");
	check_text(target, "~/x",
		"log_target: ~ is not the home directory here: write the path; \"./~\" begins with the "
		"character itself");
	memset(bytes, '0', sizeof(bytes) - 1);
	check_text(cpus, bytes + sizeof(bytes) - 1 - 256, "cpus: must be from 0 to 255 bytes long");
	check_text(cpus, bytes + sizeof(bytes) - 1 - 255, NULL);
	check_text(cpus, "1024", "cpus: must be a list of CPUs as in \"2-5,8\", each at most 1023");
	check_text(cpus, NULL, "cpus: missing");
	check_text(format, "jsn",
		"log_format: must be one of \"auto\", \"logfmt\", \"json\", \"journal\"; did you "
		"mean \"json\"?");
	check_text(format, NULL, "log_format: missing");
	check_text(color, "blue", "log_color: must be one of \"auto\", \"always\", \"never\"");
}

static void check_name(const char *name, const char *why)
{
	struct setup setup;

	setup_init(&setup, &handler);
	setup.services[0].name = name;
	if (why == NULL)
		must_accept(&setup, name);
	else
		must_refuse(&setup, why);
}

static void test_names(void **state)
{
	const char *length = "services[0].name: must be from 1 to 32 bytes long";
	const char *letters = "services[0].name: may have a-z, 0-9 and -, a letter first";

	(void)state;
	check_name("abcdefghijklmnopqrstuvwxyz-01234", NULL);
	check_name("abcdefghijklmnopqrstuvwxyz-012345", length);
	check_name("a", NULL);
	check_name("", length);
	check_name("1", letters);
	check_name("-a", letters);
	check_name("aB", letters);
	check_name("a.b", letters);
}

/* Also by the handler's name. */
static void test_two_of_one_name(void **state)
{
	struct setup setup;

	(void)state;
	setup_init(&setup, &handler);
	setup.options.services_count = 2;
	setup.services[1].handler = &handler;
	must_refuse(&setup, "services[1].name: services[0] has the name \"mine\" too");
	setup.services[0].name = "other";
	must_accept(&setup, "two names");
	setup.services[1].name = "other";
	must_refuse(&setup, "services[1].name: services[0] has the name \"other\" too");
}

static void test_counts(void **state)
{
	struct setup setup;

	(void)state;
	setup_init(&setup, &handler);
	setup.options.services_count = 0;
	must_refuse(&setup, "services_count: must be a whole number from 1 to 64");
	setup.options.services_count = DGRAM_SERVICES_MAX + 1;
	must_refuse(&setup, "services_count: must be a whole number from 1 to 64");
	setup.options.services_count = 1;
	setup.options.services = NULL;
	must_refuse(&setup, "services: missing");
	setup_init(&setup, &handler);
	setup.services[0].hosts_count = DGRAM_HOSTS_MAX + 1;
	must_refuse(&setup, "services[0].hosts_count: must be a whole number from 0 to 64");
	setup.services[0].hosts_count = 1;
	must_refuse(&setup, "services[0].hosts: missing");
}

static void check_exempt(const char *const *exempt, size_t count, const char *why)
{
	struct setup setup;
	char text[200];

	setup_init(&setup, &handler);
	setup.services[0].limits_exempt = exempt;
	setup.services[0].limits_exempt_count = count;
	(void)snprintf(text, sizeof(text), "services[0].limits_exempt%s", why != NULL ? why : "");
	if (why == NULL)
		must_accept(&setup, text);
	else
		must_refuse(&setup, text);
}

static void test_exempt(void **state)
{
	static const char *const two[] = { "192.0.2.0/24", "2001:db8::7" };
	static const char *const wrong[] = { "192.0.2.0/24", "192.0.2.1/24" };
	static const char *const holed[] = { NULL };

	(void)state;
	check_exempt(two, 2, NULL);
	check_exempt(wrong, 2, "[1]: has bits set behind the prefix; did you mean 192.0.2.0/24?");
	check_exempt(holed, 1, "[0]: missing");
	check_exempt(NULL, 1, "[0]: missing");
	check_exempt(two, DGRAM_EXEMPT_MAX + 1, ": has more than 128 prefixes");
}

static void test_handlers(void **state)
{
	struct dgram_handler other = handler;
	struct setup setup;

	(void)state;
	setup_init(&setup, NULL);
	must_refuse(&setup, "services[0].handler: missing");
	setup_init(&setup, &other);
	other.handle = NULL;
	must_refuse(&setup, "services[0].handler->handle: missing");
	other.name = NULL;
	must_refuse(&setup, "services[0].handler->name: missing");
	other = handler;
	other.name = "Mine";
	must_refuse(&setup, "services[0].handler->name: may have a-z, 0-9 and -, a letter first");
	setup.services[0].name = "mine";
	must_accept(&setup, "a name of the service's own");
	other.abi = 1;
	must_refuse(&setup,
		"services[0].handler->abi: is 1, and this library serves 2: set it to DGRAM_ABI and "
		"build again");
	setup.services[0].abi = 0;
	must_refuse(&setup,
		"services[0].abi: is 0, and this library serves 2: set it to DGRAM_ABI and build "
		"again");
	setup_init(&setup, &handler);
	setup.services[0].concurrency = DGRAM_PROCESS;
	must_refuse(&setup,
		"services[0].concurrency: is DGRAM_PROCESS, and the handler has no children(): "
		"build a plug-in of it, and have dgramd serve that");
	setup.options.abi = 3;
	must_refuse(&setup,
		"abi: is 3, and this library serves 2: set it to DGRAM_ABI and build again");
}

/* As a service would refuse it, but for the name, which no service can replace. */
static void test_handler_check(void **state)
{
	struct dgram_handler other = handler;
	char text[DGRAM_ERROR_TEXT_MAX] = "";

	(void)state;
	assert_int_equal(dgram_handler_check(&handler, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	other.name = "Mine";
	assert_int_equal(dgram_handler_check(&other, text, sizeof(text)), -EINVAL);
	assert_string_equal(text, "handler->name: may have a-z, 0-9 and -, a letter first");
	other = handler;
	other.parameters_count = 1;
	assert_int_equal(dgram_handler_check(&other, NULL, 0), -EINVAL);
	assert_int_equal(dgram_handler_check(&other, text, sizeof(text)), -EINVAL);
	assert_string_equal(text, "handler->parameters[0]: missing");
	assert_int_equal(dgram_handler_check(NULL, text, sizeof(text)), -EINVAL);
	assert_string_equal(text, "handler: missing");
}

/* Options before number 2 have no error_text: what stands there is not written to. */
static void test_options_of_old(void **state)
{
	struct dgram_server *server = NULL;
	struct setup setup;

	(void)state;
	setup_init(&setup, &handler);
	setup.options.abi = 1;
	setup.options.error_text = (char *)(uintptr_t)1;
	setup.options.error_text_size = 99;
	assert_int_equal(dgram_server_new(&setup.options, &server), -EINVAL);
}

static void check_hosts(const char *const *hosts, size_t count, uint16_t port, const char *why)
{
	struct setup setup;
	char text[DGRAM_ERROR_TEXT_MAX];

	setup_init(&setup, &handler);
	setup.services[0].hosts = hosts;
	setup.services[0].hosts_count = count;
	setup.services[0].port = port;
	(void)snprintf(text, sizeof(text), "services[0].hosts%s", why != NULL ? why : "");
	if (why == NULL)
		must_accept(&setup, hosts[0]);
	else
		must_refuse(&setup, text);
}

#define HOSTS(...)                            \
	(const char *const[]){ __VA_ARGS__ }, \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)

static void test_hosts(void **state)
{
	const char *no_address =
		"[0]: must be a numeric IPv4 or IPv6 address; names are not looked up";
	const char *multicast =
		"[0]: a multicast address cannot answer; listen on the address of an interface";

	(void)state;
	check_hosts(HOSTS("127.0.0.1", "::1", "203.0.113.9", "fe80::1%no-such-if"), 7, NULL);
	check_hosts(HOSTS("0.0.0.0", "::"), 7, NULL);
	check_hosts(HOSTS("fe80::1%lo", "fe80::1%1"), 7, NULL);
	check_hosts(HOSTS("::1", "::1"), 0, NULL);
	check_hosts(HOSTS("::1", "0::1"), 7, "[1]: 0::1 is given twice");
	check_hosts(
		HOSTS("0.0.0.0", "127.0.0.1"), 7, "[1]: 0.0.0.0 and 127.0.0.1 exclude each other");
	check_hosts(HOSTS("::2", "::1", "::"), 7, "[2]: ::2 and :: exclude each other");
	check_hosts(HOSTS("*"), 7, no_address);
	check_hosts(HOSTS("localhost"), 7, no_address);
	check_hosts(HOSTS(NULL), 7, no_address);
	check_hosts(HOSTS("224.0.0.1"), 7, multicast);
	check_hosts(HOSTS("ff02::1%lo"), 7, multicast);
	check_hosts(HOSTS("::ffff:127.0.0.1"), 7,
		"[0]: an IPv4 address is written as such, without ::ffff:");
	check_hosts(HOSTS("::1", "fe80::1"), 7,
		"[1]: a link-local address needs its interface, as in \"fe80::1%eth0\"");
	check_hosts(HOSTS("fe80::1%a/b"), 7, "[0]: no network interface can have this name");
}

static void test_hosts_of_two_services(void **state)
{
	static const char *const all[] = { "0.0.0.0" };
	struct setup setup;

	(void)state;
	setup_init(&setup, &handler);
	setup.options.services_count = 2;
	setup.services[1].handler = &handler;
	setup.services[1].name = "other";
	must_accept(&setup, "port 0 twice");
	setup.services[0].port = setup.services[1].port = 7;
	must_refuse(
		&setup, "services[1].hosts[0]: services[0] listens on 127.0.0.1 port 7 already");
	setup.services[1].hosts = all;
	setup.services[1].hosts_count = 1;
	must_refuse(&setup,
		"services[1].hosts[0]: services[0] listens on 127.0.0.1 port 7 already, which "
		"excludes 0.0.0.0");
	setup.services[1].port = 8;
	must_accept(&setup, "ports 7 and 8");
}

/* As much of the text as there is room, and none without. */
static void test_room_for_the_text(void **state)
{
	struct dgram_server *server = NULL;
	struct setup setup;
	char text[16] = "***************";

	(void)state;
	setup_init(&setup, &handler);
	setup.options.workers = 0;
	assert_int_equal(dgram_server_new(&setup.options, &server), -EINVAL);
	setup.options.error_text = text;
	assert_int_equal(dgram_server_new(&setup.options, &server), -EINVAL);
	assert_string_equal(text, "***************");
	setup.options.error_text_size = 8;
	assert_int_equal(dgram_server_new(&setup.options, &server), -EINVAL);
	assert_string_equal(text, "workers");
	assert_int_equal(text[8], '*');
}

/* What is not the caller's fault. */
static void test_text_of_the_system(void **state)
{
	struct dgram_server *server = NULL;
	char text[DGRAM_ERROR_TEXT_MAX] = "";
	struct rlimit limit, none;
	struct setup setup;
	int result;

	(void)state;
	setup_init(&setup, &handler);
	setup.options.error_text = text;
	setup.options.error_text_size = sizeof(text);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ 0, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	result = dgram_server_new(&setup.options, &server);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(result, -EMFILE);
	assert_string_equal(text, "Too many open files");
	assert_null(server);
}

/* --- options of handlers */

static const char *const modes[] = { "slow", "quick", NULL };

/* A table of one parameter, given as `.field = value ...`. */
#define TABLE(...)                               \
	(const struct dgram_parameter[])         \
	{                                        \
		{                                \
			.name = "p", __VA_ARGS__ \
		}                                \
	}

static void check_table(const struct dgram_parameter *table, size_t count, const char *why)
{
	struct dgram_handler with = handler;
	struct setup setup;
	char text[DGRAM_ERROR_TEXT_MAX];

	with.parameters = table;
	with.parameters_count = count;
	setup_init(&setup, &with);
	(void)snprintf(text, sizeof(text), "services[0].handler->parameters[%zu]: %s", count - 1,
		why != NULL ? why : "");
	if (why == NULL)
		must_accept(&setup, "a table");
	else
		must_refuse(&setup, text);
}

static void test_tables(void **state)
{
	const struct dgram_parameter twice[] = { { .name = "p", .type = DGRAM_TEXT },
		{ .name = "p", .type = DGRAM_BOOLEAN } };
	const char *no_range = "has no range", *no_default = "does not take its default";

	(void)state;
	check_table(TABLE(.type = DGRAM_NUMBER, .maximum = 1), 1, NULL);
	check_table(TABLE(.type = DGRAM_WORD, .words = modes, .initial = 1), 1, NULL);
	check_table(TABLE(.type = DGRAM_TEXT, .minimum = 1, .maximum = 2), 1, NULL);
	check_table(NULL, 1, "missing");
	check_table((const struct dgram_parameter[]){ { .name = NULL } }, 1, "has no name");
	check_table(TABLE(.type = (enum dgram_type)99), 1, "has an unknown type");
	check_table(twice, 2, "has the name of another");
	check_table(TABLE(.type = DGRAM_BOOLEAN, .live = true), 1,
		"is live, but the handler has no reconfigure()");
	check_table(TABLE(.type = DGRAM_NUMBER, .minimum = 1), 1, no_range);
	check_table(TABLE(.type = DGRAM_WHOLE, .maximum = 1e16), 1, no_range);
	check_table(TABLE(.type = DGRAM_NUMBER, .maximum = 1, .initial = 2), 1, no_default);
	check_table(TABLE(.type = DGRAM_WHOLE, .maximum = 1, .initial = 0.5), 1, no_default);
	check_table(TABLE(.type = DGRAM_BOOLEAN, .initial = 2), 1, no_default);
	check_table(TABLE(.type = DGRAM_WORD, .words = modes, .initial = 2), 1, no_default);
	check_table(TABLE(.type = DGRAM_WORD, .words = modes, .initial = -1), 1, no_default);
	check_table(TABLE(.type = DGRAM_WORD, .words = modes, .initial = 0.5), 1, no_default);
	check_table(TABLE(.type = DGRAM_TEXT, .maximum = 2, .text = "long"), 1, no_default);
	check_table(TABLE(.type = DGRAM_TEXTS, .minimum = 1, .maximum = 2), 1, no_default);
	check_table(TABLE(.type = DGRAM_WORD), 1, "has no words");
}

static void check_settings(const struct dgram_setting *settings, size_t count, const char *why)
{
	static const struct dgram_parameter table[] = {
		{ .name = "size", .type = DGRAM_WHOLE, .maximum = 9 },
		{ .name = "tags", .type = DGRAM_TEXTS, .maximum = 2 },
	};
	struct dgram_handler with = handler;
	struct setup setup;

	with.parameters = table;
	with.parameters_count = sizeof(table) / sizeof(table[0]);
	setup_init(&setup, &with);
	setup.services[0].parameters = settings;
	setup.services[0].parameters_count = count;
	must_refuse(&setup, why);
}

#define SETTINGS(...)                                                   \
	(const struct dgram_setting[]){ __VA_ARGS__ },                  \
		sizeof((const struct dgram_setting[]){ __VA_ARGS__ }) / \
			sizeof(struct dgram_setting)

/* What a file cannot give; tests/unit/config/test_options.c has what both can. */
static void test_settings(void **state)
{
	static const char *const holed[] = { "a", NULL };

	(void)state;
	check_settings(NULL, 1, "services[0].parameters: missing");
	check_settings(SETTINGS({ .number = 1 }), "services[0].parameters[0]: has no name");
	check_settings(SETTINGS({ .name = "size", .number = 1 }, { .name = "size", .number = 1 }),
		"services[0].parameters: size: given twice");
	check_settings(SETTINGS({ .name = "size", .number = 10 }),
		"services[0].parameters: size: must be a whole number from 0 to 9");
	check_settings(SETTINGS({ .name = "tags", .number = 1 }),
		"services[0].parameters: tags: must be a list of 0 to 2 strings, not a number");
	check_settings(SETTINGS({ .name = "tags", .texts = holed, .texts_count = 2 }),
		"services[0].parameters: tags: must be a list of 0 to 2 strings, not NULL");
	check_settings(SETTINGS({ .name = "tags", .texts_count = 1 }),
		"services[0].parameters: tags: must be a list of 0 to 2 strings, not NULL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_factors),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_two_of_one_name),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_exempt),
		cmocka_unit_test(test_handlers),
		cmocka_unit_test(test_handler_check),
		cmocka_unit_test(test_options_of_old),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_hosts_of_two_services),
		cmocka_unit_test(test_room_for_the_text),
		cmocka_unit_test(test_text_of_the_system),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
