/* What pages are made of: nothing in a text is markup, and numbers as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/chart.h"
#include "admin/html.h"

static char *text;
static size_t length;

static FILE *open_page(void)
{
	FILE *file = open_memstream(&text, &length);

	assert_non_null(file);
	return file;
}

static void test_text(void **state)
{
	FILE *file = open_page();

	(void)state;
	html_text(file, "<b>\"it's\" & so</b>");
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, "&#60;b&#62;&#34;it&#39;s&#34; &#38; so&#60;/b&#62;");
	free(text);
}

static void test_counts(void **state)
{
	char count[HTML_NUMBER_MAX];

	(void)state;
	assert_string_equal(html_count(0, count), "0");
	assert_string_equal(html_count(999, count), "999");
	assert_string_equal(html_count(1000, count), "1,000");
	assert_string_equal(html_count(UINT64_MAX, count), "18,446,744,073,709,551,615");
}

static void test_durations(void **state)
{
	char duration[HTML_NUMBER_MAX];

	(void)state;
	assert_string_equal(html_duration(999, duration), "999 \xc2\xb5s");
	assert_string_equal(html_duration(999.6, duration), "1.0 ms");
	assert_string_equal(html_duration(4200, duration), "4.2 ms");
	assert_string_equal(html_duration(999960, duration), "1 s");
	assert_string_equal(html_duration(17e6, duration), "17 s");
}

/* The last second is at the right, and the greatest at the top. */
static void test_chart(void **state)
{
	static const struct history_minute minute = { 3, { { 5, 10, 0 } } };
	FILE *file = open_page();

	(void)state;
	chart_put(file, "t", &minute, HISTORY_RECEIVED);
	assert_int_equal(fclose(file), 0);
	assert_non_null(strstr(text, "<strong>0</strong> <small>at most 10</small>"));
	assert_non_null(strstr(text, "points=\"289.8,30.0 294.9,2.0 300.0,58.0 \"/></svg>"));
	free(text);
}

static void test_chart_without_seconds(void **state)
{
	static const struct history_minute minute;
	FILE *file = open_page();

	(void)state;
	chart_put(file, "t", &minute, HISTORY_P99_NS);
	assert_int_equal(fclose(file), 0);
	assert_non_null(strstr(text, "points=\"\"/></svg>"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_chart),
		cmocka_unit_test(test_chart_without_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
