/* Files that load, files that cannot be read, --set, and what the options become. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct dgram_service *only_service(const struct config *config)
{
	const struct dgram_options *options = config_options(config);

	assert_int_equal(options->services_count, 1);
	return &options->services[0];
}

static void must_be_default(struct config *config)
{
	const struct dgram_options *options = config_options(config);
	const struct dgram_service *service = only_service(config);
	struct dgram_service expected_service;
	struct dgram_options expected;

	dgram_service_init(&expected_service, DGRAM_ABI);
	dgram_options_init(&expected, DGRAM_ABI);
	assert_string_equal(service->name, "time");
	assert_int_equal(service->hosts_count, 1);
	assert_string_equal(service->hosts[0], "127.0.0.1");
	assert_int_equal(service->port, 20000);
	assert_ptr_equal(service->handler, dgram_builtin_handler("time"));
	assert_int_equal(service->queue_capacity, 4096);
	assert_int_equal(service->queue_max_wait_ms, 1000);
	assert_int_equal(service->queue_discipline, expected_service.queue_discipline);
	assert_int_equal(service->queue_ordering, expected_service.queue_ordering);
	assert_int_equal(
		service->queue_overload_interval_ms, expected_service.queue_overload_interval_ms);
	assert_int_equal(service->queue_fair_window_ms, expected_service.queue_fair_window_ms);
	assert_int_equal(service->busy_replies, expected_service.busy_replies);
	assert_int_equal(service->parameters_count, 0);
	assert_int_equal(service->max_workers, 0);
	assert_int_equal(service->min_source_port, 1024);
	assert_float_equal(service->max_reply_factor, DGRAM_FACTOR_OF_HANDLER, 0);
	assert_true(service->loop_guard);
	assert_int_equal(service->refuse_source_ports_count, 5);
	assert_int_equal(service->refuse_source_ports[0], 1434);
	assert_int_equal(service->refuse_source_ports[4], 11211);
	assert_false(service->freebind);
	assert_int_equal(service->on_missing_address, DGRAM_MISSING_AUTO);
	assert_int_equal(service->broadcast, expected_service.broadcast);
	assert_int_equal(options->handler_timeout_ms, expected.handler_timeout_ms);
	assert_int_equal(options->workers, expected.workers);
	assert_true(options->receivers_assist && expected.receivers_assist);
	assert_int_equal(options->max_datagram_bytes, expected.max_datagram_bytes);
	assert_int_equal(options->receive_buffer_bytes, expected.receive_buffer_bytes);
	assert_int_equal(options->send_buffer_bytes, expected.send_buffer_bytes);
	assert_int_equal(options->drain_timeout_ms, expected.drain_timeout_ms);
	assert_int_equal(options->log_level, expected.log_level);
	assert_string_equal(options->log_format, expected.log_format);
	assert_string_equal(options->log_target, expected.log_target);
	assert_int_equal(options->log_summary_interval_s, expected.log_summary_interval_s);
	config_free(config);
}

static void test_defaults(void **state)
{
	struct config *config;
	struct report report;

	(void)state;
	report_init(&report);
	assert_int_equal(load_source(NULL, NULL, &report, &config), 0);
	must_be_default(config);
	must_be_default(must_load("{}", NULL));
	must_be_default(must_load("// nothing\n{ /* here */ }\n", NULL));
	must_be_default(must_load("{\"queue\":{},\"pool\":{},\"logging\":{}}", NULL));
	must_be_default(must_load("{\"services\":[{}]}", NULL));
	assert_int_equal(load_source("conf/server.json", NULL, &report, &config), 0);
	must_be_default(config);
	report_free(&report);
}

static void test_limits(void **state)
{
	struct config *config = must_load(
		"{\"limits\":{\"requests_per_s\":1000000,\"reply_bytes_per_s\":1000000000,\"burst_s\":3600,"
		"\"leak\":0,\"exempt\":[\"192.0.2.0/24\",\"2001:db8::7\"],\"dry_run\":true},"
		"\"services\":[{\"name\":\"a\"},"
		"{\"name\":\"b\",\"port\":1,\"limits\":{\"leak\":1000,\"exempt\":[\"::/0\"]}},"
		"{\"name\":\"c\",\"port\":2,\"limits\":{\"exempt\":[]}}]}",
		NULL);
	const struct dgram_service *services = config_options(config)->services;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(services[i].limits_requests_per_s, 1000000);
		assert_int_equal(services[i].limits_reply_bytes_per_s, 1000000000);
		assert_int_equal(services[i].limits_burst_s, 3600);
		assert_int_equal(services[i].limits_leak, i == 1 ? 1000 : 0);
		assert_true(services[i].limits_dry_run);
		assert_int_equal(services[i].limits_exempt_count, 2 - i);
	}
	assert_string_equal(services[0].limits_exempt[0], "192.0.2.0/24");
	assert_string_equal(services[0].limits_exempt[1], "2001:db8::7");
	assert_string_equal(services[1].limits_exempt[0], "::/0");
	config_free(config);
}

static void test_every_value(void **state)
{
	struct config *config = must_load(
		"{\"$schema\":\"x\",\"host\":[\"::1\",\"127.0.0.2\"],\"port\":65535,\"handler\":\"echo\","
		"\"concurrency\":\"pool\",\"max_workers\":3,\"min_source_port\":1,\"max_reply_factor\":0.5,\"freebind\":true,\"broadcast\":true,"
		"\"refuse_source_ports\":[65535,1],\"loop_guard\":false,"
		"\"on_missing_address\":\"fail\",\"max_datagram_bytes\":65507,\"socket\":{\"receive_buffer_bytes\":1073741823,"
		"\"send_buffer_bytes\":5},\"pool\":{\"workers\":1024,\"receivers_assist\":false,\"handler_timeout_ms\":1},\"queue\":{\"capacity\":1048576,"
		"\"max_wait_ms\":0,\"discipline\":\"fifo\",\"ordering\":\"per-client\","
		"\"overload_interval_ms\":60000,\"fair_window_ms\":1,\"busy_replies\":true},"
		"\"logging\":{\"level\":\"debug\",\"format\":\"json\","
		"\"target\":\"log/{worker}\\u00fc.log\",\"summary_interval_s\":0},"
		"\"shutdown\":{\"drain_timeout_ms\":3600000,\"drain_delay_ms\":3600000}}",
		NULL);
	const struct dgram_options *options = config_options(config);
	const struct dgram_service *service = only_service(config);

	(void)state;
	assert_int_equal(service->hosts_count, 2);
	assert_string_equal(service->hosts[0], "::1");
	assert_string_equal(service->hosts[1], "127.0.0.2");
	assert_int_equal(service->port, 65535);
	assert_ptr_equal(service->handler, dgram_builtin_handler("echo"));
	assert_string_equal(service->name, "echo");
	assert_int_equal(service->max_workers, 3);
	assert_int_equal(service->min_source_port, 1);
	assert_float_equal(service->max_reply_factor, 0.5, 0);
	assert_false(service->loop_guard);
	assert_int_equal(service->refuse_source_ports_count, 2);
	assert_int_equal(service->refuse_source_ports[0], 65535);
	assert_int_equal(service->refuse_source_ports[1], 1);
	assert_true(service->freebind);
	assert_int_equal(service->on_missing_address, DGRAM_MISSING_FAIL);
	assert_true(service->broadcast);
	assert_int_equal(service->queue_capacity, 1048576);
	assert_int_equal(service->queue_max_wait_ms, 0);
	assert_int_equal(service->queue_discipline, DGRAM_FIFO);
	assert_int_equal(service->queue_ordering, DGRAM_ORDERING_PER_CLIENT);
	assert_int_equal(service->queue_overload_interval_ms, 60000);
	assert_int_equal(service->queue_fair_window_ms, 1);
	assert_true(service->busy_replies);
	assert_int_equal(options->handler_timeout_ms, 1);
	assert_int_equal(options->max_datagram_bytes, 65507);
	assert_int_equal(options->receive_buffer_bytes, 1073741823);
	assert_int_equal(options->send_buffer_bytes, 5);
	assert_int_equal(options->workers, 1024);
	assert_false(options->receivers_assist);
	assert_int_equal(options->drain_timeout_ms, 3600000);
	assert_int_equal(config_drain_delay_ms(config), 3600000);
	assert_int_equal(options->log_level, DGRAM_LOG_DEBUG);
	assert_string_equal(options->log_format, "json");
	assert_string_equal(options->log_target, "log/{worker}\xc3\xbc.log");
	assert_int_equal(options->log_summary_interval_s, 0);
	config_free(config);
}

static void must_be_all_hosts(const char *text)
{
	struct config *config = must_load(text, NULL);
	const struct dgram_service *service = only_service(config);

	assert_int_equal(service->hosts_count, 2);
	assert_string_equal(service->hosts[0], "0.0.0.0");
	assert_string_equal(service->hosts[1], "::");
	config_free(config);
}

static void test_all_hosts(void **state)
{
	(void)state;
	must_be_all_hosts("{\"host\": \"*\"}");
	must_be_all_hosts("{\"host\": [\"*\"]}");
	must_be_all_hosts("{\"services\": [{\"host\": \"*\"}]}");
}

static void test_services(void **state)
{
	struct config *config = must_load(
		"{\"refuse_source_ports\":[9],\"freebind\":true,\"on_missing_address\":\"wait\",\"broadcast\":true,\"queue\":{\"capacity\":7,\"max_wait_ms\":8,\"ordering\":\"per-client\"},\"max_workers\":9,\"max_reply_factor\":1.5,\"services\":["
		"{\"handler\":\"echo\",\"port\":7},"
		"{\"name\":\"b\",\"port\":8,\"host\":\"::1\",\"queue\":{\"capacity\":5,"
		"\"discipline\":\"fifo\",\"busy_replies\":true},"
		"\"max_workers\":2,\"min_source_port\":3,\"max_reply_factor\":0,\"refuse_source_ports\":[],\"freebind\":false,"
		"\"on_missing_address\":\"auto\",\"broadcast\":false}]}",
		NULL);
	const struct dgram_service *services = config_options(config)->services;

	(void)state;
	assert_int_equal(config_options(config)->services_count, 2);
	assert_string_equal(services[0].name, "echo");
	assert_string_equal(services[0].hosts[0], "127.0.0.1");
	assert_int_equal(services[0].port, 7);
	assert_int_equal(services[0].queue_capacity, 7);
	assert_int_equal(services[0].queue_discipline, DGRAM_FAIR);
	assert_int_equal(services[0].queue_ordering, DGRAM_ORDERING_PER_CLIENT);
	assert_false(services[0].busy_replies);
	assert_true(services[0].broadcast);
	assert_int_equal(services[0].max_workers, 9);
	assert_true(services[0].freebind);
	assert_false(services[1].freebind);
	assert_int_equal(services[0].on_missing_address, DGRAM_MISSING_WAIT);
	assert_int_equal(services[1].on_missing_address, DGRAM_MISSING_AUTO);
	assert_string_equal(services[1].name, "b");
	assert_string_equal(services[1].hosts[0], "::1");
	assert_ptr_equal(services[1].handler, dgram_builtin_handler("time"));
	assert_int_equal(services[1].queue_capacity, 5);
	assert_int_equal(services[1].queue_max_wait_ms, 8);
	assert_int_equal(services[1].queue_discipline, DGRAM_FIFO);
	assert_int_equal(services[1].queue_ordering, DGRAM_ORDERING_PER_CLIENT);
	assert_true(services[1].busy_replies);
	assert_int_equal(services[1].max_workers, 2);
	assert_int_equal(services[1].min_source_port, 3);
	assert_float_equal(services[0].max_reply_factor, 1.5, 0);
	assert_float_equal(services[1].max_reply_factor, 0, 0);
	assert_int_equal(services[0].refuse_source_ports_count, 1);
	assert_int_equal(services[0].refuse_source_ports[0], 9);
	assert_int_equal(services[1].refuse_source_ports_count, 0);
	assert_false(services[1].broadcast);
	config_free(config);
}

/* The values of the first parameters of service `number`, which is "simulate". */
static void must_have_parameters(const char *text, const char *const *sets, size_t number,
	double block_us, double burn_us, double jitter)
{
	struct config *config = must_load(text, sets);
	const struct dgram_service *service = &config_options(config)->services[number];

	assert_string_equal(service->handler->parameters[0].name, "block_us");
	assert_float_equal(service->parameters[0].number, block_us, 0);
	assert_float_equal(service->parameters[1].number, burn_us, 0);
	assert_float_equal(service->parameters[2].number, jitter, 0);
	config_free(config);
}

static void test_options(void **state)
{
	const char *const simulate[] = { "handler=simulate", NULL };
	const char *const sets[] = { "options.burn_us=1", "options={\"jitter\":1e-1}",
		"handler=simulate", "options.burn_us=2.5", NULL };
	const char *const service_sets[] = { "services.1.options.jitter=1", NULL };
	const char *const new_services[] = { "services=[{\"handler\":\"simulate\"}]",
		"services.0.options.block_us=3", NULL };
	const char *const list = "{\"services\":[{\"handler\":\"echo\",\"options\":{}},"
				 "{\"options\":{\"block_us\":7},\"handler\":\"simulate\","
				 "\"port\":1}]}";

	(void)state;
	must_have_parameters("{}", simulate, 0, 0, 0, 0);
	must_have_parameters("{\"options\":{}}", simulate, 0, 0, 0, 0);
	must_have_parameters("{\"options\":{\"block_us\":60000000}}", simulate, 0, 60e6, 0, 0);
	must_have_parameters("{\"options\":{\"block_us\":9}}", sets, 0, 9, 2.5, 0.1);
	must_have_parameters(list, NULL, 1, 7, 0, 0);
	must_have_parameters(list, service_sets, 1, 7, 0, 1);
	must_have_parameters(list, new_services, 0, 3, 0, 0);
}

static void must_have_port(const char *number, unsigned port)
{
	char text[80];
	struct config *config;

	snprintf(text, sizeof(text), "{\"p\\u006frt\": %s}", number);
	config = must_load(text, NULL);
	assert_int_equal(only_service(config)->port, port);
	config_free(config);
}

static void test_whole_numbers(void **state)
{
	(void)state;
	must_have_port("0", 0);
	must_have_port("-0", 0);
	must_have_port("1e2", 100);
	must_have_port("6.5535E+4", 65535);
	must_have_port("10.000", 10);
}

static void test_sets(void **state)
{
	const char *const sets[] = { "queue.capacity=8192", "logging.target=/x=y",
		"handler=\"echo\"", "host=[\"::1\",\"127.0.0.1\"]", "pool={\"workers\":7}",
		"logging.level=debug", "port=1", "port=2", NULL };
	const char *const service_sets[] = { "services=[{},{\"port\":5,\"name\":\"b\"}]",
		"services[1].queue.capacity=3", "services.0.handler=discard",
		"services[0]={\"port\":7}", NULL };
	struct config *config = must_load("{\"queue\":{\"max_wait_ms\":5},\"port\":9}", sets);

	(void)state;
	assert_int_equal(only_service(config)->queue_capacity, 8192);
	assert_int_equal(only_service(config)->queue_max_wait_ms, 5);
	assert_int_equal(only_service(config)->port, 2);
	assert_int_equal(only_service(config)->hosts_count, 2);
	assert_string_equal(only_service(config)->name, "echo");
	assert_int_equal(config_options(config)->workers, 7);
	assert_string_equal(config_options(config)->log_target, "/x=y");
	config_free(config);
	config = must_load("{}", service_sets);
	assert_int_equal(config_options(config)->services_count, 2);
	assert_string_equal(config_options(config)->services[0].name, "discard");
	assert_int_equal(config_options(config)->services[0].port, 7);
	assert_int_equal(config_options(config)->services[1].queue_capacity, 3);
	config_free(config);
}

static void must_refuse_set(const char *set, size_t column, const char *piece)
{
	struct config *config;
	struct report report;
	char name[80];
	size_t line, found;

	report_init(&report);
	snprintf(name, sizeof(name), "--set %s", set);
	assert_int_equal(
		load_source(NULL, (const char *const[]){ set, NULL }, &report, &config), -EINVAL);
	assert_int_equal(report.count, 1);
	assert_non_null(strstr(read_position(report_line(&report, 0), name, &line, &found), piece));
	assert_int_equal(line, 1);
	assert_int_equal(found, column);
	report_free(&report);
}

static void test_bad_sets(void **state)
{
	(void)state;
	must_refuse_set("queue.capacity=x", 16, "queue.capacity: must be a whole number from 1 to");
	must_refuse_set("queue.capacity=", 16, "queue.capacity: must be");
	must_refuse_set("queue.capacty=1", 7, "did you mean \"capacity\"?");
	must_refuse_set("capacity=1", 1, "this key belongs in `queue`");
	must_refuse_set("queue", 1, "must be KEY=VALUE");
	must_refuse_set("=1", 1, "unknown key");
	must_refuse_set("a..b=1", 1, "unknown key");
	must_refuse_set("1.2.3.4.5.6.7.8.9=1", 1, "unknown key");
	must_refuse_set("queue=5", 7, "queue: must be an object, not a number");
	must_refuse_set("queue={\"capacity\":0}", 19, "queue.capacity: must be");
	must_refuse_set("host=0.0.0.0:99999", 14, "the port belongs in `port`");
	must_refuse_set("host=\"\\u0030.0.0.0:99\"", 20, "the port belongs in `port`");
	must_refuse_set("services.0.port=1", 10, "there is no such service");
	must_refuse_set("services.x.port=1", 10, "there is no such service");
	must_refuse_set("services[0].port=1", 10, "there is no such service");
	must_refuse_set("services[].port=1", 1, "unknown key");
	must_refuse_set("services[0]port=1", 1, "unknown key");
	must_refuse_set("services[0.port=1", 1, "unknown key");
	must_refuse_set("services[port]=1", 1, "unknown key");
	must_refuse_set("[0].port=1", 1, "unknown key");
	must_refuse_set("0]=1", 1, "unknown key");
	must_refuse_set("]=1", 1, "unknown key");
	must_refuse_set("a[1][2][3][4][5][6][7][8]=1", 1, "unknown key");
	must_refuse_set("services=[]", 10, "must be a list of 1 to 64 objects");
	must_refuse_set("logging.target=", 16, "from 1 to 4095 bytes");
	must_refuse_set("port.x=1", 6, "not an object");
	must_refuse_set("options=1", 9, "options: must be an object, not a number");
	must_refuse_set("options.x=1", 9, "options.x: the handler \"time\" has no options");
	must_refuse_set("options.block_us.x=1", 9, "options.block_us: the handler \"time\"");
	must_refuse_set("queue.busy_replies=yes", 20, "must be true or false, not a string");
}

static void must_not_read(const char *path, const char *reason)
{
	struct config *config;
	struct report report;
	char expected[300];

	report_init(&report);
	assert_int_equal(load_source(path, NULL, &report, &config), -EINVAL);
	assert_int_equal(report.count, 1);
	snprintf(expected, sizeof(expected), "%s: error: %s", path, reason);
	assert_string_equal(report_line(&report, 0), expected);
	assert_string_equal(report_excerpt(&report, 0), "");
	report_free(&report);
}

static void test_no_files(void **state)
{
	char directory[] = "/tmp/test_config.XXXXXX", path[40];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/fifo", directory);
	must_not_read(path, "No such file or directory");
	must_not_read(directory, "a directory, not a file");
	assert_int_equal(mkfifo(path, 0600), 0);
	must_not_read(path, "a pipe, not a file");
	unlink(path);
	rmdir(directory);
	must_not_read("/dev/zero", "a device, not a file");
	must_not_read("", "No such file or directory");
}

/* Another user's file; read in a child, because root may read everything. */
static void test_unreadable_file(void **state)
{
	char path[] = "/tmp/test_config.XXXXXX";
	int fd = mkstemp(path), status = -1;
	pid_t child;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0), 0);
	child = fork();
	if (child == 0) {
		struct config *config;
		struct report report;
		bool right;

		report_init(&report);
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		right = load_source(path, NULL, &report, &config) == -EINVAL && report.count == 1 &&
			strstr(report_line(&report, 0), "Permission denied");
		report_free(&report);
		_exit(right ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_value),
		cmocka_unit_test(test_all_hosts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_whole_numbers),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_bad_sets),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_unreadable_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
