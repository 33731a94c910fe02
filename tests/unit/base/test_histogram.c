#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/histogram.h"

/* The bucket of a value ends at or above it, and at most a 32nd above. */
static void must_hold(int64_t ns)
{
	struct histogram histogram = { 0 };
	int64_t found;

	histogram_add(&histogram, ns);
	found = histogram_quantile(&histogram, 1.0);
	assert_true(found >= ns);
	assert_true(found <= ns + ns / 32);
}

static void is_exact_to_a_32nd(void **state)
{
	(void)state;
	for (int64_t ns = 0; ns < 100000; ns++)
		must_hold(ns);
	for (int64_t ns = 100000; ns < (int64_t)1 << 40; ns += ns / 37)
		must_hold(ns);
}

static void quantiles(void **state)
{
	struct histogram histogram = { 0 };

	(void)state;
	assert_int_equal(histogram_quantile(&histogram, 0.99), 0);
	for (int i = 0; i < 99; i++)
		histogram_add(&histogram, 5);
	histogram_add(&histogram, 1000000);
	assert_int_equal(histogram_quantile(&histogram, 0.5), 5);
	assert_int_equal(histogram_quantile(&histogram, 0.98), 5);
	assert_true(histogram_quantile(&histogram, 1.0) >= 1000000);
}

static void the_extremes_have_a_place(void **state)
{
	struct histogram histogram = { 0 };

	(void)state;
	histogram_add(&histogram, -5);
	assert_int_equal(histogram_quantile(&histogram, 1.0), 0);
	histogram_add(&histogram, INT64_MAX);
	assert_true(histogram_quantile(&histogram, 1.0) >= ((int64_t)1 << 40) - 1);
}

static void since_a_copy(void **state)
{
	struct histogram histogram = { 0 }, before;

	(void)state;
	histogram_add(&histogram, 1000);
	histogram_copy(&before, &histogram);
	histogram_add(&histogram, 3);
	histogram_subtract(&histogram, &before);
	assert_int_equal(histogram_quantile(&histogram, 1.0), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_exact_to_a_32nd),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(the_extremes_have_a_place),
		cmocka_unit_test(since_a_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
