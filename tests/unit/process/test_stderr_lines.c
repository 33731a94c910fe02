/* Lines of what children write: cut, in order, and no more than may be in a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "process/stderr_lines.h"

static char told[4096]; /* "line|line+3|": with how many were suppressed */
static unsigned count;

static void tell(void *context, const char *line, size_t length, uint64_t suppressed)
{
	size_t at = strlen(told);

	assert_ptr_equal(context, told);
	count++;
	if (suppressed > 0)
		(void)snprintf(told + at, sizeof(told) - at, "%.*s+%u|", (int)length, line,
			(unsigned)suppressed);
	else
		(void)snprintf(told + at, sizeof(told) - at, "%.*s|", (int)length, line);
}

static struct stderr_lines begin(void)
{
	told[0] = '\0';
	count = 0;
	return (struct stderr_lines){ .tell = tell, .context = told };
}

static void add(struct stderr_lines *lines, const char *text, int64_t ns)
{
	stderr_lines_add(lines, text, strlen(text), ns);
}

static void test_lines(void **state)
{
	struct stderr_lines lines = begin();

	(void)state;
	add(&lines, "one\ntw", NS_PER_S);
	assert_string_equal(told, "one|");
	add(&lines, "o\n\n\nthree", NS_PER_S);
	assert_string_equal(told, "one|two|");
	stderr_lines_end(&lines, NS_PER_S);
	assert_string_equal(told, "one|two|three|");
	assert_int_equal(lines.last, 5);
	assert_memory_equal(lines.line, "three", 5);
	stderr_lines_end(&lines, NS_PER_S);
	assert_string_equal(told, "one|two|three|");
}

/* Whatever the parts are in which it comes. */
static void test_long_lines(void **state)
{
	char text[2 * STDERR_LINE_MAX + 2];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = 'y';
	for (size_t part = 1; part < sizeof(text); part++) {
		struct stderr_lines lines = begin();

		for (size_t at = 0; at < sizeof(text); at += part)
			stderr_lines_add(&lines, text + at,
				part < sizeof(text) - at ? part : sizeof(text) - at, NS_PER_S);
		stderr_lines_end(&lines, NS_PER_S);
		assert_int_equal(strspn(told, "x"), STDERR_LINE_MAX);
		assert_string_equal(told + STDERR_LINE_MAX, "|y|");
	}
}

static void test_limit(void **state)
{
	struct stderr_lines lines = begin();

	(void)state;
	for (unsigned i = 0; i < STDERR_LINES_PER_S + 7; i++)
		add(&lines, "a\n", NS_PER_S);
	assert_int_equal(count, STDERR_LINES_PER_S);
	add(&lines, "b\n", 2 * NS_PER_S - 1);
	assert_int_equal(count, STDERR_LINES_PER_S);
	assert_memory_equal(lines.line, "b", lines.last);
	told[0] = '\0';
	add(&lines, "c\nd\n", 2 * NS_PER_S);
	assert_string_equal(told, "c+8|d|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
