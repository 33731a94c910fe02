/* The text form of metrics: what is escaped, and that histograms are cumulative. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/metric.h"

static char *text;
static size_t length;

static FILE *open_text(void)
{
	FILE *file = open_memstream(&text, &length);

	assert_non_null(file);
	return file;
}

static void must_be(FILE *file, const char *wanted)
{
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, wanted);
	free(text);
}

static void test_family(void **state)
{
	FILE *file = open_text();

	(void)state;
	metric_family(file, "a_total", "counter", "One \"two\" \\ three\nfour.");
	must_be(file, "# HELP a_total One \"two\" \\\\ three\\nfour.\n# TYPE a_total counter\n");
}

static void test_labels(void **state)
{
	FILE *file = open_text();

	(void)state;
	metric_count(file, "a", METRIC_NO_LABELS, UINT64_MAX);
	metric_count(file, "a", METRIC_LABELS({ "x", "1" }, { "y", "a\"b\\c\nd" }), 0);
	metric_number(file, "b", METRIC_LABELS({ "x", "" }), 0.25);
	must_be(file, "a 18446744073709551615\n"
		      "a{x=\"1\",y=\"a\\\"b\\\\c\\nd\"} 0\n"
		      "b{x=\"\"} 0.25\n");
}

static void must_have(const char *line)
{
	if (strstr(text, line) == NULL)
		fail_msg("%s is not in %s", line, text);
}

/* Of 2 calls below the first bound, 3 at most at 2^20 ns, and one that no bound has. */
static void test_durations(void **state)
{
	const struct dgram_bucket buckets[] = { { 0, 1 }, { 4095, 1 }, { 1048575, 3 },
		{ UINT64_C(20000000000), 1 } };
	FILE *file = open_text();

	(void)state;
	metric_durations(file, "t", "s", buckets, 4);
	assert_int_equal(fclose(file), 0);
	must_have("t_bucket{service=\"s\",le=\"4.096e-06\"} 2\n");
	must_have("t_bucket{service=\"s\",le=\"0.000524288\"} 2\n");
	must_have("t_bucket{service=\"s\",le=\"0.001048576\"} 5\n");
	must_have("t_bucket{service=\"s\",le=\"8.589934592\"} 5\n");
	must_have("t_bucket{service=\"s\",le=\"+Inf\"} 6\n");
	must_have("t_sum{service=\"s\"} 19.69");
	must_have("t_count{service=\"s\"} 6\n");
	free(text);
}

static void test_no_durations(void **state)
{
	FILE *file = open_text();

	(void)state;
	metric_durations(file, "t", "s", NULL, 0);
	assert_int_equal(fclose(file), 0);
	must_have("t_bucket{service=\"s\",le=\"+Inf\"} 0\n");
	must_have("t_sum{service=\"s\"} 0\nt_count{service=\"s\"} 0\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_no_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
