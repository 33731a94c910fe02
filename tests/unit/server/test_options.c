/* The limits of the options: what server.json refuses, dgram_server_new() refuses. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

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
static void must_accept(const struct setup *setup, const char *name)
{
	if (server_options_check(&setup->options) != 0)
		fail_msg("%s is refused", name);
}

static void must_refuse(const struct setup *setup, const char *name)
{
	struct dgram_server *server = NULL;

	if (dgram_server_new(&setup->options, &server) != -EINVAL)
		fail_msg("%s is accepted", name);
	assert_null(server);
}

static void *field_of(struct setup *setup, const struct number *number)
{
	return (char *)(number->of_service ? (void *)&setup->services[0] : &setup->options) +
	       number->offset;
}

static void check_number(const struct number *number, unsigned value, bool valid)
{
	struct setup setup;
	char text[80];

	setup_init(&setup, &handler);
	memcpy(field_of(&setup, number), &value, sizeof(value));
	snprintf(text, sizeof(text), "%s = %u", number->name, value);
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

static void check_text(size_t offset, const char *text, bool valid)
{
	struct setup setup;

	setup_init(&setup, &handler);
	memcpy((char *)&setup.options + offset, &text, sizeof(text));
	if (valid)
		must_accept(&setup, text);
	else
		must_refuse(&setup, text ? text : "NULL");
}

static void test_texts(void **state)
{
	static char bytes[4097];
	const size_t target = offsetof(struct dgram_options, log_target),
		     cpus = offsetof(struct dgram_options, cpus);

	(void)state;
	memset(bytes, '1', sizeof(bytes) - 1);
	check_text(target, bytes, false);
	check_text(target, bytes + 1, true);
	check_text(target, "", false);
	check_text(target, NULL, false);
	memset(bytes, '0', sizeof(bytes) - 1);
	check_text(cpus, bytes + sizeof(bytes) - 1 - 256, false);
	check_text(cpus, bytes + sizeof(bytes) - 1 - 255, true);
	check_text(cpus, "1024", false);
	check_text(cpus, NULL, false);
	check_text(offsetof(struct dgram_options, log_format), "xml", false);
	check_text(offsetof(struct dgram_options, log_format), NULL, false);
	check_text(offsetof(struct dgram_options, log_color), "blue", false);
}

static void check_name(const char *name, bool valid)
{
	struct setup setup;

	setup_init(&setup, &handler);
	setup.services[0].name = name;
	if (valid)
		must_accept(&setup, name);
	else
		must_refuse(&setup, name);
}

static void test_names(void **state)
{
	(void)state;
	check_name("abcdefghijklmnopqrstuvwxyz-01234", true);
	check_name("abcdefghijklmnopqrstuvwxyz-012345", false);
	check_name("a", true);
	check_name("", false);
	check_name("1", false);
	check_name("-a", false);
	check_name("aB", false);
	check_name("a.b", false);
}

static void test_counts(void **state)
{
	struct setup setup;

	(void)state;
	setup_init(&setup, &handler);
	setup.options.services_count = 0;
	must_refuse(&setup, "no service");
	setup.options.services_count = DGRAM_SERVICES_MAX + 1;
	must_refuse(&setup, "65 services");
	setup_init(&setup, &handler);
	setup.services[0].hosts_count = DGRAM_HOSTS_MAX + 1;
	must_refuse(&setup, "65 hosts");
}

static void check_hosts(const char *const *hosts, size_t count, uint16_t port, bool valid)
{
	struct setup setup;

	setup_init(&setup, &handler);
	setup.services[0].hosts = hosts;
	setup.services[0].hosts_count = count;
	setup.services[0].port = port;
	if (valid)
		must_accept(&setup, hosts[0]);
	else
		must_refuse(&setup, hosts[0]);
}

#define HOSTS(...)                            \
	(const char *const[]){ __VA_ARGS__ }, \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)

static void test_hosts(void **state)
{
	(void)state;
	check_hosts(HOSTS("127.0.0.1", "::1", "203.0.113.9", "fe80::1%no-such-if"), 7, true);
	check_hosts(HOSTS("0.0.0.0", "::"), 7, true);
	check_hosts(HOSTS("fe80::1%lo", "fe80::1%1"), 7, true);
	check_hosts(HOSTS("::1", "::1"), 0, true);
	check_hosts(HOSTS("::1", "::1"), 7, false);
	check_hosts(HOSTS("0.0.0.0", "127.0.0.1"), 7, false);
	check_hosts(HOSTS("::1", "::"), 7, false);
	check_hosts(HOSTS("*"), 7, false);
	check_hosts(HOSTS("localhost"), 7, false);
	check_hosts(HOSTS("224.0.0.1"), 7, false);
	check_hosts(HOSTS("ff02::1%lo"), 7, false);
	check_hosts(HOSTS("::ffff:127.0.0.1"), 7, false);
	check_hosts(HOSTS("fe80::1"), 7, false);
	check_hosts(HOSTS("fe80::1%a/b"), 7, false);
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
	must_refuse(&setup, "port 7 twice");
	setup.services[1].hosts = all;
	setup.services[1].hosts_count = 1;
	must_refuse(&setup, "port 7 of all addresses");
	setup.services[1].port = 8;
	must_accept(&setup, "ports 7 and 8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_hosts_of_two_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
