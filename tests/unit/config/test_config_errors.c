/* What the messages about wrong files say: the place and the sentence. */
/* link: -Wl,--wrap=reallocarray */
#include "support.h"

#include <errno.h>

static bool no_memory;

void *__real_reallocarray(void *array, size_t count, size_t size);
void *__wrap_reallocarray(void *array, size_t count, size_t size);

void *__wrap_reallocarray(void *array, size_t count, size_t size)
{
	return no_memory ? NULL : __real_reallocarray(array, count, size);
}

struct bad {
	const char *text;
	size_t line, column;
	const char *piece;
};

#define DEEP_32 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["

static const struct bad bad_texts[] = {
	/* not JSON */
	{ "", 1, 1, "it is empty" },
	{ " \n\t ", 1, 1, "it is empty" },
	{ "// only\n/* comments */", 1, 1, "it is empty" },
	{ "{", 1, 2, "the file ends too early" },
	{ "{\n  \"port\": 1,\n", 2, 13, "the file ends too early" },
	{ "{\"port\"", 1, 8, "expected ':'" },
	{ "{\"port\":", 1, 9, "expected a value" },
	{ "{\"port\" 1}", 1, 9, "expected ':'" },
	{ "{\"port\": 1,}", 1, 11, "nothing follows this comma" },
	{ "{\"port\": 1 ,\n} ", 1, 12, "nothing follows this comma" },
	{ "{\"host\": [\"::1\",]}", 1, 16, "nothing follows this comma" },
	{ "{,}", 1, 2, "expected a key in double quotes" },
	{ "{\"port\": 1 \"host\": 2}", 1, 12, "expected ',' or '}'" },
	{ "{\"host\": [1 2]}", 1, 13, "expected ',' or ']'" },
	{ "{\"host\": [1}", 1, 12, "expected ',' or ']'" },
	{ "{} {}", 1, 4, "text after the end" },
	{ "{}\n}", 2, 1, "text after the end" },
	{ "{'port': 1}", 1, 2, "double quotes" },
	{ "{port: 1}", 1, 2, "expected a key in double quotes" },
	{ "{\"port\": True}", 1, 10, "expected a value" },
	{ "{\"port\": truely}", 1, 10, "expected a value" },
	{ "{\"port\": nul", 1, 10, "expected a value" },
	{ "{\"port\": NaN}", 1, 10, "expected a value" },
	{ "# x\n{}", 1, 1, "comments begin with" },
	{ "{ / }", 1, 3, "comments begin with" },
	{ "{ } /", 1, 5, "comments begin with" },
	{ "{ /* x", 1, 3, "not closed with */" },
	{ "{ /*/ }", 1, 3, "not closed with */" },
	{ "{\"a", 1, 2, "not closed on its line" },
	{ "{\"a\\", 1, 2, "not closed on its line" },
	{ "{\"host\": \"a\n\"}", 1, 10, "not closed on its line" },
	{ "{\"host\": \"a\tb\"}", 1, 12, "a tab inside a string" },
	{ "{\"host\": \"\\x\"}", 1, 11, "unknown escape" },
	{ "{\"host\": \"\\u12g4\"}", 1, 11, "four hexadecimal digits" },
	{ "{\"host\": \"\\u0000\"}", 1, 11, "\\u0000 is not allowed" },
	{ "{\"host\": \"\\ud800\"}", 1, 11, "half of a surrogate pair" },
	{ "{\"host\": \"\\udc00\"}", 1, 11, "half of a surrogate pair" },
	{ "{\"host\": \"\\ud800\\u0041\"}", 1, 11, "half of a surrogate pair" },
	{ DEEP_32 "[", 1, 33, "nested more than 32 deep" },
	/* bytes */
	{ "\xef\xbb\xbf{}", 1, 1, "byte order mark" },
	{ "\xff\xfe{", 1, 1, "not valid UTF-8" },
	{ "{\"host\": \"\x80\"}", 1, 11, "not valid UTF-8" },
	{ "{\"host\": \"\xc0\xaf\"}", 1, 11, "not valid UTF-8" },
	{ "{\"host\": \"\xed\xa0\x80\"}", 1, 11, "not valid UTF-8" },
	{ "{\"host\": \"\xf4\x90\x80\x80\"}", 1, 11, "not valid UTF-8" },
	{ "{} // \xe4", 1, 7, "not valid UTF-8" },
	{ "{\"host\": \"\x01\"}", 1, 11, "a control character" },
	{ "{ \x1b }", 1, 3, "a control character" },
	/* numbers */
	{ "{\"port\": 007}", 1, 10, "not a number" },
	{ "{\"port\": +1}", 1, 10, "not a number" },
	{ "{\"port\": .5}", 1, 10, "not a number" },
	{ "{\"port\": 1.}", 1, 10, "not a number" },
	{ "{\"port\": 1e}", 1, 10, "not a number" },
	{ "{\"port\": -}", 1, 10, "not a number" },
	{ "{\"port\": 0x10}", 1, 10, "not a number" },
	{ "{\"port\": 1-2}", 1, 10, "not a number" },
	{ "{\"port\": 1e400}", 1, 10, "out of range" },
	{ "{\"port\": -1e400}", 1, 10, "out of range" },
	{ "{\"port\": 1e-400}", 1, 10, "out of range" },
	{ "{\"port\": 1.0000000000000000000000000000000000000000000000000000000000000000}", 1, 10,
		"more than 63 characters" },
	/* types and ranges */
	{ "[]", 1, 1, "must be an object, not a list" },
	{ "\"x\"", 1, 1, "must be an object, not a string" },
	{ "null", 1, 1, "must be an object, not null" },
	{ "{\"port\": 65536}", 1, 10, "port: must be a whole number from 0 to 65535" },
	{ "{\"port\": -1}", 1, 10, "port: must be a whole number from 0 to 65535" },
	{ "{\"port\": 4294967296}", 1, 10, "port: must be a whole number from 0 to 65535" },
	{ "{\"port\": 18446744073709551617}", 1, 10, "port: must be a whole number" },
	{ "{\"port\": 1e300}", 1, 10, "port: must be a whole number" },
	{ "{\"port\": 0.5}", 1, 10, "port: must be a whole number" },
	{ "{\"port\": \"1\"}", 1, 10, "not a string" },
	{ "{\"port\": null}", 1, 10, "not null" },
	{ "{\"port\": true}", 1, 10, "not true" },
	{ "{\"port\": [1]}", 1, 10, "not a list" },
	{ "{\"pool\": 4}", 1, 10, "pool: must be an object, not a number" },
	{ "{\"pool\": {\"workers\": 0}}", 1, 22,
		"pool.workers: must be a whole number from 1 to 1024" },
	{ "{\"pool\": {\"workers\": 1025}}", 1, 22, "from 1 to 1024" },
	{ "{\"queue\": {\"capacity\": 1048577}}", 1, 24, "from 1 to 1048576" },
	{ "{\"queue\": {\"max_wait_ms\": 3600001}}", 1, 27, "from 0 to 3600000" },
	{ "{\"max_datagram_bytes\": 65508}", 1, 24, "from 1 to 65507" },
	{ "{\"min_source_port\": 0}", 1, 21, "from 1 to 65535" },
	{ "{\"max_reply_factor\": -0.5}", 1, 22, "must be a number from 0 to 1000" },
	{ "{\"max_reply_factor\": 1000.5}", 1, 22, "must be a number from 0 to 1000" },
	{ "{\"max_reply_factor\": \"3\"}", 1, 22, "from 0 to 1000, not a string" },
	{ "{\"refuse_source_ports\": 1900}", 1, 25, "must be a list of ports, not a number" },
	{ "{\"refuse_source_ports\": [1, 0]}", 1, 29, "from 1 to 65535" },
	{ "{\"refuse_source_ports\": [65536]}", 1, 26, "from 1 to 65535" },
	{ "{\"refuse_source_ports\": [\"1\"]}", 1, 26, "not a string" },
	{ "{\"refuse_source_ports\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
	  "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}",
		1, 25, "a list of 0 to 64 ports" },
	{ "{\"max_workers\": 1025}", 1, 17, "from 0 to 1024" },
	{ "{\"socket\": {\"send_buffer_bytes\": 1073741824}}", 1, 34, "from 0 to 1073741823" },
	{ "{\"handler\": \"tiem\"}", 1, 13, "did you mean \"time\"?" },
	{ "{\"handler\": 1}", 1, 13, "handler: must be a string, not a number" },
	{ "{\"concurrency\": \"inlin\"}", 1, 17,
		"concurrency: must be one of \"pool\", \"inline\", \"process\"; did you mean \"inline\"?" },
	{ "{\"receivers\": 0}", 1, 15, "receivers: must be a whole number from 1 to 16" },
	{ "{\"services\": [{\"receivers\": 17}]}", 1, 29, "services.0.receivers: must be" },
	{ "{\"services\": [{\"concurrency\": 1}]}", 1, 31, "services.0.concurrency: must be" },
	{ "{\"logging\": {\"level\": \"INFO\"}}", 1, 23, "did you mean \"info\"?" },
	{ "{\"logging\": {\"target\": \"\"}}", 1, 24, "from 1 to 4095 bytes" },
	{ "{\"logging\": {\"target\": \"stdout\"}}", 1, 24, "must be \"stderr\"" },
	{ "{\"logging\": {\"target\": \"a/{x}\"}}", 1, 24, "{x} is no placeholder" },
	{ "{\"logging\": {\"target\": 1}}", 1, 24, "must be a string, not a number" },
	{ "{\"$schema\": {}}", 1, 13, "$schema: must be a string" },
	{ "{\"pool\": {\"handler_timeout_ms\": 3600001}}", 1, 33,
		"pool.handler_timeout_ms: must be a whole number from 0 to 3600000" },
	{ "{\"pool\": {\"receivers_assist\": 0}}", 1, 31,
		"pool.receivers_assist: must be true or false, not a number" },
	{ "{\"queue\": {\"discipline\": \"fairr\"}}", 1, 26,
		"queue.discipline: must be one of \"fair\", \"fifo\"; did you mean \"fair\"?" },
	{ "{\"queue\": {\"ordering\": \"per_client\"}}", 1, 24, "did you mean \"per-client\"?" },
	{ "{\"queue\": {\"ordering\": false}}", 1, 24,
		"queue.ordering: must be one of \"none\", \"per-client\"" },
	{ "{\"queue\": {\"overload_interval_ms\": 0}}", 1, 36, "from 1 to 60000" },
	{ "{\"queue\": {\"overload_interval_ms\": 60001}}", 1, 36, "from 1 to 60000" },
	{ "{\"queue\": {\"fair_window_ms\": 0}}", 1, 30, "from 1 to 60000" },
	{ "{\"queue\": {\"fair_window_ms\": 1.5}}", 1, 30, "must be a whole number" },
	{ "{\"queue\": {\"busy_replies\": 1}}", 1, 28,
		"queue.busy_replies: must be true or false, not a number" },
	{ "{\"queue\": {\"busy_replies\": \"true\"}}", 1, 28,
		"must be true or false, not a string" },
	{ "{\"queue\": {\"busy_replies\": null}}", 1, 28, "must be true or false, not null" },
	{ "{\"services\": [{\"queue\": {\"busy_replies\": []}}]}", 1, 42,
		"services.0.queue.busy_replies: must be" },
	{ "{\"services\": [{\"queue\": {\"fair_windw_ms\": 1}}]}", 1, 26,
		"services.0.queue.fair_windw_ms: unknown key; did you mean \"fair_window_ms\"?" },
	/* options */
	{ "{\"options\": 5}", 1, 13, "options: must be an object, not a number" },
	{ "{\"options\": []}", 1, 13, "options: must be an object, not a list" },
	{ "{\"options\": {\"block_us\": 1}}", 1, 14,
		"options.block_us: the handler \"time\" has no options" },
	{ "{\"options\": {\"x\": 1}, \"handler\": \"echo\"}", 1, 14,
		"options.x: the handler \"echo\" has no options" },
	{ "{\"handler\": \"simulate\", \"options\": {\"blokc_us\": 1}}", 1, 37,
		"options.blokc_us: unknown option; did you mean \"block_us\"?" },
	{ "{\"handler\": \"simulate\", \"options\": {\"port\": \"x\"}}", 1, 37,
		"options.port: unknown option" },
	{ "{\"handler\": \"simulate\", \"options\": {\"\": 1}}", 1, 37,
		"options.: unknown option" },
	{ "{\"handler\": \"simulate\", \"options\": {\"block_us\": -1}}", 1, 49,
		"options.block_us: must be a number from 0 to 60000000" },
	{ "{\"handler\": \"simulate\", \"options\": {\"block_us\": 60000000.5}}", 1, 49,
		"from 0 to 60000000" },
	{ "{\"handler\": \"simulate\", \"options\": {\"block_us\": 1e300}}", 1, 49,
		"from 0 to 60000000" },
	{ "{\"handler\": \"simulate\", \"options\": {\"jitter\": 1.0001}}", 1, 47,
		"options.jitter: must be a number from 0 to 1" },
	{ "{\"handler\": \"simulate\", \"options\": {\"jitter\": \"1\"}}", 1, 47,
		"options.jitter: must be a number from 0 to 1, not a string" },
	{ "{\"handler\": \"simulate\", \"options\": {\"jitter\": null}}", 1, 47, "not null" },
	{ "{\"handler\": \"simulate\", \"options\": {\"jitter\": {\"a\": 1}}}", 1, 47,
		"not an object" },
	{ "{\"handler\": \"simulate\", \"options\": {\"jitter\": 0, \"fail_rate\": 0, \"jitter\": 1}}",
		1, 66, "options.jitter: given twice in one object" },
	{ "{\"handler\": \"simulate\", \"options\": {}, \"options\": {}}", 1, 40,
		"options: given twice in one object" },
	{ "{\"block_us\": 1}", 1, 2, "this key belongs in `options`" },
	{ "{\"queue\": {\"jitter\": 1}}", 1, 12, "queue.jitter: this key belongs in `options`" },
	/* addresses */
	{ "{\"host\": \"localhost\"}", 1, 10, "names are not looked up" },
	{ "{\"host\": \"\"}", 1, 10, "must be a numeric" },
	{ "{\"host\": \"0.0.0.0:99999\"}", 1, 19, "the port belongs in `port`" },
	{ "{\"host\": \"[::1]:9\"}", 1, 17, "the port belongs in `port`" },
	{ "{\"host\": \"[::1]\"}", 1, 10, "without brackets" },
	{ "{\"host\": \"fe80::1%no/pe0\"}", 1, 19, "no network interface can have" },
	{ "{\"host\": \"ff02::1\"}", 1, 10, "host: a multicast address cannot answer" },
	{ "{\"host\": \"224.0.0.1\"}", 1, 10, "host: a multicast address cannot answer" },
	{ "{\"host\": \"::ffff:127.0.0.1\"}", 1, 10, "without ::ffff:" },
	{ "{\"host\": [\"::1\", \"fe80::1\"]}", 1, 18, "needs its interface, as in" },
	{ "{\"host\": \"fe80::1%0\"}", 1, 10, "needs its interface, as in" },
	{ "{\"host\": [\"0.0.0.0\", \"127.0.0.1\"]}", 1, 22,
		"host: 0.0.0.0 and 127.0.0.1 exclude each other" },
	{ "{\"host\": [\"::1\", \"::\"]}", 1, 18, "host: ::1 and :: exclude each other" },
	{ "{\"host\": [\"*\", \"::1\"]}", 1, 11, "host: \"*\" is every address" },
	{ "{\"host\": [\"::1\", \"*\"]}", 1, 18, "host: \"*\" is every address" },
	{ "{\"host\": \"**\"}", 1, 10, "must be a numeric" },
	{ "{\"limits\": {\"exempt\": \"::1\"}}", 1, 23,
		"limits.exempt: must be a list of prefixes, not a string" },
	{ "{\"limits\": {\"exempt\": [1]}}", 1, 24,
		"limits.exempt: must be a prefix in a string, not a number" },
	{ "{\"limits\": {\"exempt\": [\"::1\", \"10.0.0.1/8\"]}}", 1, 31,
		"limits.exempt: has bits set behind the prefix; did you mean 10.0.0.0/8?" },
	{ "{\"limits\": {\"exempt\": [\"10.0.0.0/33\"]}}", 1, 34,
		"limits.exempt: the length of an IPv4 prefix" },
	{ "{\"limits\": {\"exempt\": [\"\"]}}", 1, 24, "limits.exempt: must be an address or a" },
	{ "{\"limits\": {\"leak\": 1001}}", 1, 21, "limits.leak: must be a whole number from 0" },
	{ "{\"leak\": 8}", 1, 2, "this key belongs in `limits`" },
	{ "{\"freebind\": 1}", 1, 14, "freebind: must be true or false" },
	{ "{\"on_missing_address\": \"waits\"}", 1, 24, "did you mean \"wait\"?" },
	{ "{\"on_missing_address\": true}", 1, 24, "on_missing_address: must be" },
	{ "{\"broadcast\": 1}", 1, 15, "broadcast: must be true or false, not a number" },
	{ "{\"host\": []}", 1, 10, "a list of 1 to 64 addresses" },
	{ "{\"host\": 1}", 1, 10, "an address in a string" },
	{ "{\"host\": [\"::1\", 1]}", 1, 18, "not a number" },
	{ "{\"host\": [\"::1\", \"0:0::1\"]}", 1, 18, "0:0::1 is given twice" },
	/* keys */
	{ "{\"wrokers\": 1}", 1, 2, "wrokers: unknown key; did you mean \"workers\" in `pool`?" },
	{ "{\"pool\": {\"wrokers\": 1}}", 1, 11,
		"pool.wrokers: unknown key; did you mean \"workers\"?" },
	{ "{\"Port\": 1}", 1, 2, "did you mean \"port\"?" },
	{ "{\"zzz\": 1}", 1, 2, "zzz: unknown key" },
	{ "{\"\": 1}", 1, 2, "unknown key" },
	{ "{\"capacity\": 1}", 1, 2, "this key belongs in `queue`" },
	{ "{\"queue\": {\"port\": 1}}", 1, 12, "this key belongs at the top of the file" },
	{ "{\"name\": \"x\"}", 1, 2, "this key belongs in one of the `services`" },
	{ "{\"queue.capacity\": 1}", 1, 2, "write \"capacity\" in `queue`" },
	{ "{\"port\": 1,\n \"port\": 1}", 2, 2, "port: given twice" },
	{ "{\"port\": 1, \"p\\u006frt\": 1}", 1, 13, "port: given twice" },
	{ "{\"queue\": {}, \"queue\": {}}", 1, 15, "queue: given twice" },
	{ "{\"queue\": {\"capacity\":1, \"capacity\": 2}}", 1, 26, "queue.capacity: given twice" },
	/* services */
	{ "{\"services\": {}}", 1, 14, "must be a list of 1 to 64 objects, not an object" },
	{ "{\"services\": []}", 1, 14, "must be a list of 1 to 64 objects" },
	{ "{\"services\": [1]}", 1, 15, "services.0: must be an object, not a number" },
	{ "{\"port\": 1, \"services\": [{}]}", 1, 10, "port: given beside `services`" },
	{ "{\"services\": [{}], \"handler\": \"time\"}", 1, 31,
		"handler: given beside `services`" },
	{ "{\"services\": [{\"name\": \"A\"}]}", 1, 24, "services.0.name: may have a-z" },
	{ "{\"services\": [{\"name\": \"-a\"}]}", 1, 24, "a letter first" },
	{ "{\"services\": [{\"name\": \"abcdefghijklmnopqrstuvwxyz1234567\"}]}", 1, 24,
		"from 1 to 32 bytes" },
	{ "{\"services\": [{\"port\": 1}, {\"port\": 2}]}", 1, 28,
		"services.0 has the name \"time\" too; give" },
	{ "{\"services\": [{\"port\": 1}, {\"port\": 2, \"name\": \"time\"}]}", 1, 48,
		"services.0 has the name \"time\" too" },
	{ "{\"services\": [{}, {\"name\": \"b\"}]}", 1, 19,
		"services.1: services.0 listens on 127.0.0.1 port 20000 already" },
	{ "{\"services\": [{\"port\": 5}, {\"name\": \"b\", \"port\": 5}]}", 1, 50,
		"port 5 already" },
	{ "{\"services\": [{}, {\"name\": \"b\", \"host\": [\"::1\", \"127.0.0.1\"]}]}", 1, 49,
		"already" },
	{ "{\"services\": [{\"host\": \"0.0.0.0\"}, {\"name\": \"b\"}]}", 1, 36,
		"services.0 listens on 0.0.0.0 port 20000 already, which excludes 127.0.0.1" },
	{ "{\"services\": [{\"host\": [\"127.0.0.1\", \"::1\"]}, {\"name\": \"b\", \"host\": \"::\"}]}",
		1, 69, "services.0 listens on ::1 port 20000 already, which excludes ::" },
	{ "{\"services\": [{\"host\": \"*\"}, {\"name\": \"b\", \"host\": \"::1\"}]}", 1, 52,
		"services.0 listens on :: port 20000 already, which excludes ::1" },
	{ "{\"services\": [{}, {\"name\": \"b\", \"host\": \"*\"}]}", 1, 41,
		"services.0 listens on 127.0.0.1 port 20000 already, which excludes 0.0.0.0" },
	{ "{\"services\": [{\"workers\": 1}]}", 1, 16,
		"services.0.workers: this key belongs in `pool`" },
	{ "{\"services\": [{\"queue\": {\"capacity\": 0}}]}", 1, 38,
		"services.0.queue.capacity: must be" },
	{ "{\"services\": [{}], \"options\": {}}", 1, 31, "options: given beside `services`" },
	{ "{\"options\": {\"x\": 1}, \"services\": [{}]}", 1, 13,
		"options: given beside `services`" },
	{ "{\"services\": [{\"options\": {\"x\": 1}}]}", 1, 28,
		"services.0.options.x: the handler \"time\" has no options" },
	{ "{\"services\": [{}, {\"handler\": \"simulate\", \"port\": 1, \"options\": {\"burn_us\": true}}]}",
		1, 77,
		"services.1.options.burn_us: must be a number from 0 to 60000000, not true" },
	{ "{\"services\": [{\"handler\": \"simulat\", \"options\": {\"x\": 1}}]}", 1, 27,
		"services.0.handler: must be one of" },
};

static bool is_refused(const struct bad *bad)
{
	struct config *config = NULL;
	struct report report;
	char name[40];
	const char *message;
	size_t line, column;
	int fd = memory_file(bad->text, strlen(bad->text), name);
	bool right;

	report_init(&report);
	assert_int_equal(load_source(name, NULL, &report, &config), -EINVAL);
	close(fd);
	message = read_position(report_line(&report, 0), name, &line, &column);
	right = report.count == 1 && line == bad->line && column == bad->column &&
		strstr(message, bad->piece);
	if (!right) {
		print_error("%s\nmust be reported at %zu:%zu: %s, not\n", bad->text, bad->line,
			bad->column, bad->piece);
		report_print(&report, stderr);
	}
	report_free(&report);
	return right;
}

static void test_bad_texts(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++)
		wrong += !is_refused(&bad_texts[i]);
	assert_int_equal(wrong, 0);
}

static void test_nul_and_size(void **state)
{
	static char big[1048577];
	struct config *config;
	struct report report;

	(void)state;
	assert_int_equal(load_bytes("{ \0 }", 5, &report, &config), -EINVAL);
	assert_non_null(strstr(report_line(&report, 0), ":1:3: error: a NUL byte"));
	report_free(&report);
	memset(big, ' ', sizeof(big));
	memcpy(big, "{}", 2);
	assert_int_equal(load_bytes(big, sizeof(big), &report, &config), -EINVAL);
	assert_non_null(strstr(report_line(&report, 0), ":1:1048577: error: longer than 1 MiB"));
	report_free(&report);
	assert_int_equal(load_bytes(big, sizeof(big) - 1, &report, &config), 0);
	report_free(&report);
	config_free(config);
}

/* Every error of a file, in its order, also where commas are too many. */
static void test_all_errors(void **state)
{
	static const char text[] =
		"{\n\"prot\": 1,\n\"port\": -1, \"host\": [\"x\", \"y\",],\n"
		"\"queue\": {\"capacity\": 0,},\n\"services\": [{\"port\": 5, \"a\": 1}]}";
	static const char *const expected[] = { ":2:1: error: prot: ", ":3:9: error: port: must be",
		":3:9: error: port: given beside", ":3:21: error: host: given beside",
		":3:22: error: host: must be", ":3:27: error: host: must be",
		":3:30: error: nothing follows",
		":4:23: error: queue.capacity: ", ":4:24: error: nothing follows",
		":5:26: error: services.0.a: " };
	struct config *config;
	struct report report;

	(void)state;
	assert_int_equal(load_bytes(text, strlen(text), &report, &config), -EINVAL);
	assert_int_equal(report.count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < report.count; i++)
		assert_non_null(strstr(report_line(&report, i), expected[i]));
	report_free(&report);
}

static void must_show(const char *text, const char *excerpt)
{
	struct config *config;
	struct report report;

	assert_int_equal(load_bytes(text, strlen(text), &report, &config), -EINVAL);
	assert_string_equal(report_excerpt(&report, 0), excerpt);
	report_free(&report);
}

static void test_excerpt(void **state)
{
	(void)state;
	must_show("{\n  \"host\": \"0.0.0.0\", \"port\": 70000,\n  \"max_workers\": 1 }",
		"    2 |   \"host\": \"0.0.0.0\", \"port\": 70000,\n"
		"      |                              ^~~~~\n");
	must_show("{\r\n\"port\":\t-1\r\n}", "    2 | \"port\":\t-1\n"
					     "      |        \t^~\n");
	/* an umlaut is one column, an ideograph two, what reorders text is escaped */
	must_show("{/*\xc3\xbc\xe6\xbc\xa2\xe2\x80\xae*/\"port\":-1}",
		"    1 | {/*\xc3\xbc\xe6\xbc\xa2\\u{202e}*/\"port\":-1}\n"
		"      |                        ^~\n");
	must_show("{\"host\": \"\x1b[2J\"}", "    1 | {\"host\": \"\\x1b[2J\"}\n"
					     "      |           ^~~~\n");
	must_show("{\"port\":", "    1 | {\"port\":\n      |         ^\n");
	must_show("", "    1 | \n      | ^\n");
}

/* The caret stands under the place, in a line that is cut on both sides. */
static void test_long_line(void **state)
{
	static char text[5000];
	struct config *config;
	struct report report;
	const char *excerpt, *caret, *second;
	size_t length;

	(void)state;
	strcpy(text, "{ \"$schema\": \"");
	memset(text + strlen(text), 'x', 2000);
	strcat(text, "\", \"port\": 77777, \"logging\": { \"target\": \"");
	length = strlen(text);
	memset(text + length, 'y', 2000);
	strcpy(text + length + 2000, "\" } }");
	assert_int_equal(load_bytes(text, strlen(text), &report, &config), -EINVAL);
	assert_non_null(strstr(report_line(&report, 0), ":1:2026: error: port: "));
	excerpt = report_excerpt(&report, 0);
	assert_true(strlen(excerpt) < 250);
	second = strchr(excerpt, '\n') + 1;
	caret = strchr(second, '^');
	assert_memory_equal(excerpt + (caret - second), "77777, ", 7);
	assert_string_equal(caret, "^~~~~\n");
	report_free(&report);
}

/* Whatever a file holds, each message is one line of text that is safe to show. */
static void test_all_bytes(void **state)
{
	char text[64];
	struct config *config;
	struct report report;

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		snprintf(text, sizeof(text), "{\"a%cb\": 1, \"\\u%04xc\": 1}", byte, byte);
		assert_int_equal(load_bytes(text, strlen(text), &report, &config), -EINVAL);
		for (size_t i = 0; i < report.count; i++) {
			const char *line = report_line(&report, i);

			for (; *line; line++)
				assert_false((unsigned char)*line < 0x20 || *line == 0x7f);
		}
		report_free(&report);
	}
}

static void test_many_errors(void **state)
{
	static char text[100001];
	struct config *config;
	struct report report;
	size_t length = 0, count = 0;

	(void)state;
	text[length++] = '{';
	while (length + 20 < sizeof(text)) {
		length += (size_t)sprintf(text + length, "%s\"wrokers\":1", count > 0 ? "," : "");
		count++;
	}
	text[length++] = '}';
	assert_int_equal(load_bytes(text, length, &report, &config), -EINVAL);
	assert_int_equal(report.count, count);
	report_free(&report);
}

static void must_lack_memory(const char *text)
{
	struct config *config;
	struct report report;

	no_memory = true;
	assert_int_equal(load_bytes(text, strlen(text), &report, &config), -ENOMEM);
	no_memory = false;
	assert_int_equal(report.count, 0);
}

/* A message for which there is no memory is not forgotten. */
static void test_no_memory(void **state)
{
	(void)state;
	must_lack_memory("{\"port\": -1}");
	must_lack_memory("{\"options\": {}}");
	must_lack_memory("[");
}

static void test_every_prefix(void **state)
{
	static char text[4096];
	FILE *file = fopen("conf/server.json", "r");
	size_t length, loaded = 0;

	(void)state;
	assert_non_null(file);
	length = fread(text, 1, sizeof(text), file);
	fclose(file);
	assert_true(length > 100 && length < sizeof(text));
	for (size_t n = 0; n <= length; n++) {
		struct config *config = NULL;
		struct report report;
		char name[40];
		int fd = memory_file(text, n, name), r;
		size_t line = 0, column = 0;

		report_init(&report);
		r = load_source(name, NULL, &report, &config);
		close(fd);
		if (r == 0) {
			loaded++;
		} else {
			assert_int_equal(r, -EINVAL);
			read_position(report_line(&report, 0), name, &line, &column);
			assert_true(line > 0 && column > 0);
		}
		report_free(&report);
		config_free(config);
	}
	assert_int_equal(loaded, 2); /* with the last line's end, and without */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_texts),
		cmocka_unit_test(test_nul_and_size),
		cmocka_unit_test(test_all_errors),
		cmocka_unit_test(test_excerpt),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_all_bytes),
		cmocka_unit_test(test_many_errors),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
