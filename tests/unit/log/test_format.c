/* Lines of the log as text: their exact shape, and that any bytes give one printable line that says
 * which bytes they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "log/format.h"
#include "log_support.h"

#define NOON_NS (1795386438LL * NS_PER_S + 4112 * NS_PER_US)

static const struct log_style logfmt = { LOG_FORMAT_LOGFMT, false };
static const struct log_style colored = { LOG_FORMAT_LOGFMT, true };
static const struct log_style json = { LOG_FORMAT_JSON, false };
static const struct log_style journal = { LOG_FORMAT_JOURNAL, false };

struct head {
	enum log_level level;
	struct log_source source;
};

static const struct head main_info = { LOG_LEVEL_INFO, { LOG_MAIN, 0 } };
static const struct head worker_debug = { LOG_LEVEL_DEBUG, { LOG_WORKER, 3 } };

static size_t format(char text[static LOG_LINE_MAX + 1], const struct log_style *style,
	struct head head, const char *event, const struct log_field *fields, size_t count)
{
	struct log_line line = { head.level, head.source, NOON_NS, event, fields, count };
	size_t length = log_format_line(&line, style, text);

	assert_in_range(length, 1, LOG_LINE_MAX);
	text[length] = '\0';
	return length;
}

static void must_format(const struct log_style *style, struct head head, const char *expected,
	const char *event, const struct log_field *fields, size_t count)
{
	char text[LOG_LINE_MAX + 1];
	size_t length = format(text, style, head, event, fields, count);

	assert_int_equal(text[length - 1], '\n');
	text[length - 1] = '\0';
	assert_string_equal(text, expected);
}

static void test_shapes(void **state)
{
	struct head warn = { LOG_LEVEL_WARN, { LOG_RECEIVER, 1 } };
	struct head error = { LOG_LEVEL_ERROR, { LOG_MAIN, 0 } };
	union addr client;

	(void)state;
	assert_int_equal(addr_parse("10.9.0.2", 41100, &client), 0);
	must_format(&logfmt, worker_debug,
		"2026-11-22T22:27:18.004112Z debug worker/3 request worker=3 "
		"client=10.9.0.2:41100 bytes=5",
		"request", LOG_FIELDS(log_addr("client", &client), log_uint("bytes", 5)));
	must_format(&json, worker_debug,
		"{\"time\":\"2026-11-22T22:27:18.004112Z\",\"level\":\"debug\","
		"\"source\":\"worker/3\",\"event\":\"request\",\"worker\":3,"
		"\"client\":\"10.9.0.2:41100\",\"bytes\":5}",
		"request", LOG_FIELDS(log_addr("client", &client), log_uint("bytes", 5)));
	must_format(
		&journal, worker_debug, "<7>debug worker/3 request worker=3", "request", NULL, 0);
	must_format(&journal, main_info, "<6>info main ready", "ready", NULL, 0);
	must_format(&journal, warn, "<4>warn rx/1 queue full, dropping", "queue full, dropping",
		NULL, 0);
	must_format(&journal, error, "<3>error main no", "no", NULL, 0);
	must_format(&colored, error, "2026-11-22T22:27:18.004112Z \033[31merror\033[0m main no",
		"no", NULL, 0);
}

static void test_values(void **state)
{
	(void)state;
#define SHAPE(fields) "<6>info main e " fields
	must_format(&journal, main_info, SHAPE("k=\"\""), "e", LOG_FIELDS(log_text("k", "")));
	must_format(&journal, main_info, SHAPE("k=a-b"), "e", LOG_FIELDS(log_text("k", "a-b")));
	must_format(&journal, main_info, SHAPE("k=\"\""), "e", LOG_FIELDS(log_text("k", NULL)));
	must_format(&journal, main_info, SHAPE("k=\"Permission denied\""), "e",
		LOG_FIELDS(log_errno("k", EACCES)));
	must_format(&journal, main_info, SHAPE("k=\"unknown error 524\""), "e",
		LOG_FIELDS(log_errno("k", 524)));
	must_format(&journal, main_info, SHAPE("k=\"a b\""), "e", LOG_FIELDS(log_text("k", "a b")));
	must_format(&journal, main_info, SHAPE("k=\"a=b\""), "e", LOG_FIELDS(log_text("k", "a=b")));
	must_format(&journal, main_info, SHAPE("k=\"\\\"\\\\\""), "e",
		LOG_FIELDS(log_text("k", "\"\\")));
	must_format(&journal, main_info, SHAPE("k=\"\\x00\\x0a\\xff\""), "e",
		LOG_FIELDS(log_bytes("k", "\0\n\377", 3)));
	must_format(&journal, main_info, SHAPE("k=18446744073709551615 l=-9223372036854775808 m=0"),
		"e",
		LOG_FIELDS(log_uint("k", UINT64_MAX), log_int("l", INT64_MIN), log_int("m", 0)));
	must_format(&journal, main_info, SHAPE("k=9223372036854775807 l=-1"), "e",
		LOG_FIELDS(log_int("k", INT64_MAX), log_int("l", -1)));
	must_format(
		&journal, main_info, "<6>info main a\\x3db \\\"\\\\\\x0a", "a=b \"\\\n", NULL, 0);
#undef SHAPE
}

static void must_decode_logfmt(const char *text, size_t length, const void *bytes, size_t count)
{
	char decoded[LOG_LINE_MAX];
	size_t used;

	assert_true(is_one_line(text, length));
	assert_true(find_field(text, length - 1, "k", decoded, &used));
	assert_int_equal(used, count);
	assert_memory_equal(decoded, bytes, count);
	assert_true(find_field(text, length - 1, "after", decoded, &used));
	assert_int_equal(used, 1);
}

static void must_decode_string(
	const cJSON *object, const char *key, const void *bytes, size_t count)
{
	const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	char decoded[LOG_LINE_MAX];
	size_t used;

	assert_non_null(string);
	assert_true(unescape(string, strlen(string), decoded, &used));
	assert_int_equal(used, count);
	assert_memory_equal(decoded, bytes, count);
}

static void must_decode_json(const char *text, size_t length, const void *bytes, size_t count)
{
	cJSON *object;

	assert_true(is_one_line(text, length));
	object = cJSON_ParseWithOpts(text, NULL, true);
	assert_non_null(object);
	must_decode_string(object, "k", bytes, count);
	must_decode_string(object, "after", "1", 1);
	cJSON_Delete(object);
}

static void must_decode(const void *bytes, size_t count)
{
	char text[LOG_LINE_MAX + 1];
	const struct log_field fields[] = { log_bytes("k", bytes, count), log_text("after", "1") };
	size_t length = format(text, &logfmt, worker_debug, "request", fields, 2);

	must_decode_logfmt(text, length, bytes, count);
	length = format(text, &journal, worker_debug, "request", fields, 2);
	must_decode_logfmt(text, length, bytes, count);
	length = format(text, &json, worker_debug, "request", fields, 2);
	must_decode_json(text, length, bytes, count);
}

static void test_every_byte_and_pair(void **state)
{
	(void)state;
	must_decode("", 0);
	for (unsigned a = 0; a < 256; a++) {
		const char one[] = { (char)a };

		must_decode(one, 1);
		for (unsigned b = 0; b < 256; b++) {
			const char two[] = { (char)a, (char)b };

			must_decode(two, 2);
		}
	}
}

/* An event of the library's users can hold anything but a NUL. */
static void test_every_byte_in_an_event(void **state)
{
	char text[LOG_LINE_MAX + 1];

	(void)state;
	for (unsigned a = 1; a < 256; a++) {
		const char event[] = { 'x', (char)a, '\0' };
		const struct log_field fields[] = { log_text("k", "1"), log_text("after", "1") };
		size_t length = format(text, &logfmt, main_info, event, fields, 2);
		cJSON *object;

		must_decode_logfmt(text, length, "1", 1);
		length = format(text, &json, main_info, event, fields, 2);
		must_decode_json(text, length, "1", 1);
		object = cJSON_Parse(text);
		must_decode_string(object, "event", event, 2);
		cJSON_Delete(object);
	}
}

/* A prefix of the bytes, then "..."; or all of them. */
static void must_be_cut(const char *decoded, size_t used, const char *bytes, size_t count)
{
	if (used == count && memcmp(decoded, bytes, count) == 0)
		return;
	assert_true(used >= 3 && used - 3 < count);
	assert_memory_equal(decoded + used - 3, "...", 3);
	assert_memory_equal(decoded, bytes, used - 3);
}

static void must_cut(const char *bytes, size_t count)
{
	const struct log_field fields[] = { log_bytes("k", bytes, count), log_text("after", "1") };
	char text[LOG_LINE_MAX + 1], decoded[LOG_LINE_MAX];
	size_t length = format(text, &logfmt, worker_debug, "request", fields, 2);
	const char *string;
	cJSON *object;
	size_t used;

	assert_true(is_one_line(text, length));
	assert_true(find_field(text, length - 1, "k", decoded, &used));
	must_be_cut(decoded, used, bytes, count);
	assert_true(find_field(text, length - 1, "after", decoded, &used));

	length = format(text, &json, worker_debug, "request", fields, 2);
	assert_true(is_one_line(text, length));
	object = cJSON_ParseWithOpts(text, NULL, true);
	assert_non_null(object);
	string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "k"));
	assert_non_null(string);
	assert_true(unescape(string, strlen(string), decoded, &used));
	must_be_cut(decoded, used, bytes, count);
	cJSON_Delete(object);
}

static void test_long_values_are_cut(void **state)
{
	char bytes[1200], mixed[1200];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	for (size_t i = 0; i < sizeof(mixed); i++)
		mixed[i] = "a\n\"\\"[i % 4];
	for (size_t count = 0; count <= sizeof(bytes); count++) {
		must_cut(bytes, count);
		must_cut(mixed, count);
	}
	memset(bytes, '\377', sizeof(bytes));
	for (size_t count = 0; count <= sizeof(bytes); count++)
		must_cut(bytes, count);
}

/* Fields without room are left out and counted; the line stays whole in every format. */
static void must_fit(size_t count, size_t value_length, char value)
{
	struct log_field fields[40];
	char bytes[600], text[LOG_LINE_MAX + 1], key[] = "k";
	uint64_t cut = 0;
	size_t present = 0, length, used;
	cJSON *object, *item;

	memset(bytes, value, sizeof(bytes));
	for (size_t i = 0; i < count; i++)
		fields[i] = log_bytes(key, bytes, value_length);
	length = format(text, &json, worker_debug, "request", fields, count);
	assert_true(is_one_line(text, length));
	object = cJSON_ParseWithOpts(text, NULL, true);
	assert_non_null(object);
	item = cJSON_GetObjectItemCaseSensitive(object, "fields_cut");
	if (item != NULL)
		cut = (uint64_t)item->valuedouble;
	present = (size_t)cJSON_GetArraySize(object) - 5 - (item != NULL);
	assert_int_equal(present + cut, count);
	cJSON_Delete(object);

	cut = 0;
	present = 0;
	length = format(text, &logfmt, worker_debug, "request", fields, count);
	assert_true(is_one_line(text, length));
	(void)find_number(text, length - 1, "fields_cut", &cut);
	for (const char *at = text; (at = strstr(at, " k=")) != NULL; at++)
		present++;
	assert_int_equal(present + cut, count);
	if (count > 0)
		assert_true(find_field(text, length - 1, "k", bytes, &used));
}

static void test_many_fields(void **state)
{
	(void)state;
	for (size_t count = 0; count <= 40; count++)
		for (size_t length = 0; length <= 600; length += 25) {
			must_fit(count, length, 'a');
			must_fit(count, length, '\0');
		}
}

static void must_be_time(int64_t seconds)
{
	struct log_line line = { .event = "e", .realtime_ns = seconds * NS_PER_S + 999999999 };
	char text[LOG_LINE_MAX], expected[64];
	size_t length = log_format_line(&line, &logfmt, text);
	time_t time = (time_t)seconds;
	struct tm tm;

	assert_non_null(gmtime_r(&time, &tm));
	(void)strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.999999Z error main e\n", &tm);
	assert_int_equal(length, strlen(expected));
	assert_memory_equal(text, expected, length);
}

/* Every day to the end of the 64-bit nanoseconds, in 2262. */
static void test_times(void **state)
{
	(void)state;
	for (int64_t day = 0; day * 86400 < INT64_MAX / NS_PER_S - 86400; day++) {
		must_be_time(day * 86400);
		must_be_time(day * 86400 + 86399);
	}
	must_be_time(2085978495); /* 2036, the NTP era */
	must_be_time(2147483648); /* 2038 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_every_byte_and_pair),
		cmocka_unit_test(test_every_byte_in_an_event),
		cmocka_unit_test(test_long_values_are_cut),
		cmocka_unit_test(test_many_fields),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
