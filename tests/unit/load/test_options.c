/* The command line of dgramload: what is accepted, and which options result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "load/options.h"

#define WORDS_MAX 16

static int parse(const char *line, struct load_options *ret_options)
{
	static char words[256];
	char *argv[WORDS_MAX + 1];
	int argc = 0;

	assert_true(strlen(line) < sizeof(words));
	strcpy(words, line);
	for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
		assert_true(argc < WORDS_MAX);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return load_options_parse(argc, argv, ret_options);
}

static struct load_options must_parse(const char *line)
{
	struct load_options options;

	if (parse(line, &options) != 0)
		fail_msg("refused: %s", line);
	return options;
}

static void must_refuse(const char *line)
{
	struct load_options options;

	if (parse(line, &options) != -EINVAL)
		fail_msg("accepted: %s", line);
}

static void must_serve(const char *word, const char *address)
{
	char line[200], text[ADDR_TEXT_MAX];
	struct load_options options;

	(void)snprintf(line, sizeof(line), "dgramload %s", word);
	options = must_parse(line);
	assert_string_equal(addr_format(&options.server, text), address);
}

static void servers(void **state)
{
	(void)state;
	must_serve("127.0.0.1:20000", "127.0.0.1:20000");
	must_serve("20000", "127.0.0.1:20000");
	must_serve("[::1]:7", "[::1]:7");
	must_refuse("dgramload");
	must_refuse("dgramload 127.0.0.1");
	must_refuse("dgramload ::1");
	must_refuse("dgramload ::1:7");
	must_refuse("dgramload [127.0.0.1]:7");
	must_serve("localhost:7", "127.0.0.1:7");
	must_refuse("dgramload localhos:7");
	must_refuse("dgramload localhost2:7");
	must_refuse("dgramload localhost");
	must_refuse("dgramload 127.0.0.1:0");
	must_refuse("dgramload 127.0.0.1:65536");
	must_refuse("dgramload 127.0.0.1:+7");
	must_refuse("dgramload 7 8");
}

static void modes(void **state)
{
	(void)state;
	assert_int_equal(must_parse("dgramload 7").mode, LOAD_SINGLE);
	assert_int_equal(must_parse("dgramload --rate 5 7").mode, LOAD_OPEN);
	assert_int_equal(must_parse("dgramload --in-flight 5 7").mode, LOAD_CLOSED);
	assert_int_equal(must_parse("dgramload --find-max 7").mode, LOAD_FIND_MAX);
	assert_int_equal(must_parse("dgramload -h").action, LOAD_HELP);
	assert_int_equal(must_parse("dgramload -V").action, LOAD_VERSION);
	must_refuse("dgramload --rate 5 --in-flight 1 7");
	must_refuse("dgramload --rate 5 --find-max 7");
	must_refuse("dgramload --sockets 5 7");
	must_refuse("dgramload --check 7");
	must_refuse("dgramload --in-flight 1 --ramp 1 7");
	must_refuse("dgramload --find-max --count 1 7");
	must_refuse("dgramload --rate 5 --text a --hex 00 7");
	must_refuse("dgramload --text a --random 7");
	must_refuse("dgramload --dns a --ntp 7");
	must_refuse("dgramload --rate 5 --check --ntp 7");
	must_refuse("dgramload --id-at 0:2 7");
}

static void numbers(void **state)
{
	struct load_options options = must_parse("dgramload --rate 2.5 --sockets 3 --duration 0.5 "
						 "--warmup 2 --patience 20 --max-p99-us 7 20000");

	(void)state;
	assert_true(options.rate == 2.5);
	assert_int_equal(options.sockets, 3);
	assert_int_equal(options.duration_ns, NS_PER_S / 2);
	assert_int_equal(options.warmup_ns, 2 * NS_PER_S);
	assert_int_equal(options.timeout_ns, 20 * NS_PER_MS);
	assert_int_equal(options.max_p99_ns, 7 * NS_PER_US);
	assert_true(options.count == UINT64_MAX);
	must_refuse("dgramload --rate 0 7");
	must_refuse("dgramload --rate -1 7");
	must_refuse("dgramload --rate nan 7");
	must_refuse("dgramload --rate 1x 7");
	must_refuse("dgramload --rate 1e9 7");
	must_refuse("dgramload --in-flight 1.5 7");
	must_refuse("dgramload --size 65508 7");
	must_refuse("dgramload --in-flight 65536 --sockets 65 7");
	must_refuse("dgramload 7 --rate");
	must_refuse("dgramload --wrong 7");
	must_refuse("dgramload -x 7");
}

static void durations(void **state)
{
	(void)state;
	assert_int_equal(must_parse("dgramload --rate 5 7").duration_ns, 10 * NS_PER_S);
	assert_int_equal(must_parse("dgramload --find-max 7").duration_ns, 2 * NS_PER_S);
	assert_true(must_parse("dgramload --rate 5 --count 9 7").duration_ns > 3600 * NS_PER_S);
	assert_int_equal(must_parse("dgramload --rate 5 --count 9 7").count, 9);
}

static void must_have_sources(const char *word, uint32_t count, const char *last)
{
	struct load_sources sources;
	union addr address;
	char text[ADDR_TEXT_MAX];

	assert_int_equal(load_address_parse_sources(word, &sources), 0);
	assert_int_equal(sources.count, count);
	load_address_get_source(&sources, 2 * count - 1, &address);
	addr_format(&address, text);
	*strrchr(text, ':') = '\0';
	assert_string_equal(text, last);
}

static void source_addresses(void **state)
{
	struct load_sources sources;

	(void)state;
	must_have_sources("127.0.0.2", 1, "127.0.0.2");
	must_have_sources("127.0.0.2-127.0.0.17", 16, "127.0.0.17");
	must_have_sources("127.0.0.255-127.0.1.0", 2, "127.0.1.0");
	must_have_sources("127.0.0.2/24", 254, "127.0.0.255");
	must_have_sources("127.0.0.2/32", 1, "127.0.0.2");
	must_have_sources("fd00::fffe-fd00::1:1", 4, "[fd00::1:1]");
	must_have_sources("fd00::/112", 65536, "[fd00::ffff]");
	assert_int_equal(load_address_parse_sources("127.0.0.0/8", &sources), -ERANGE);
	assert_int_equal(load_address_parse_sources("0.0.0.0-255.255.255.255", &sources), -ERANGE);
	assert_int_equal(load_address_parse_sources("fd00::/64", &sources), -ERANGE);
	assert_int_equal(load_address_parse_sources("127.0.0.9-127.0.0.1", &sources), -EINVAL);
	assert_int_equal(load_address_parse_sources("127.0.0.1-::1", &sources), -EINVAL);
	assert_int_equal(load_address_parse_sources("fd00::1-fd01::2", &sources), -EINVAL);
	assert_int_equal(load_address_parse_sources("127.0.0.1/33", &sources), -EINVAL);
	assert_int_equal(load_address_parse_sources("127.0.0.1/", &sources), -EINVAL);
	assert_int_equal(load_address_parse_sources("", &sources), -EINVAL);
	must_refuse("dgramload --rate 1 --sources ::1 127.0.0.1:7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers),
		cmocka_unit_test(modes),
		cmocka_unit_test(numbers),
		cmocka_unit_test(durations),
		cmocka_unit_test(source_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
