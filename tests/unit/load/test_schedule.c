/* The schedule: when each request is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "load/schedule.h"

static void evenly(void **state)
{
	const struct load_schedule schedule = { .rate = 1000 };

	(void)state;
	assert_int_equal(load_schedule_due_ns(&schedule, 0), 0);
	assert_int_equal(load_schedule_due_ns(&schedule, 1), NS_PER_MS);
	assert_int_equal(load_schedule_due_ns(&schedule, 3600000), 3600 * NS_PER_S);
	assert_int_equal(load_schedule_count(&schedule, 0), 0);
	assert_int_equal(load_schedule_count(&schedule, 1), 1);
	assert_int_equal(load_schedule_count(&schedule, NS_PER_S), 1000);
	assert_int_equal(load_schedule_count(&schedule, NS_PER_S + 1), 1001);
}

/* The ramp has half of the rate on average, and due times never go back. */
static void ramp(void **state)
{
	const struct load_schedule schedule = { .rate = 1000, .ramp_s = 2 };

	(void)state;
	assert_int_equal(load_schedule_due_ns(&schedule, 0), 0);
	assert_int_equal(load_schedule_due_ns(&schedule, 250), NS_PER_S);
	assert_int_equal(load_schedule_due_ns(&schedule, 1000), 2 * NS_PER_S);
	assert_int_equal(load_schedule_due_ns(&schedule, 2000), 3 * NS_PER_S);
	assert_int_equal(load_schedule_count(&schedule, 2 * NS_PER_S), 1000);
	assert_int_equal(load_schedule_count(&schedule, 3 * NS_PER_S), 2000);
	for (uint64_t i = 1; i < 3000; i++)
		assert_true(load_schedule_due_ns(&schedule, i) >=
			    load_schedule_due_ns(&schedule, i - 1));
}

static void count_is_that_of_the_due_ones(void **state)
{
	const struct load_schedule schedules[] = { { 333.3, 0 }, { 7, 0.5 }, { 1e6, 3 },
		{ 1e7, 0 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
		for (int64_t ns = 1; ns < 1000000 * NS_PER_S; ns = ns * 3 + 1) {
			uint64_t count = load_schedule_count(&schedules[i], ns);

			assert_true(load_schedule_due_ns(&schedules[i], count) >= ns);
			assert_true(
				count > 0 && load_schedule_due_ns(&schedules[i], count - 1) < ns);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evenly),
		cmocka_unit_test(ramp),
		cmocka_unit_test(count_is_that_of_the_due_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
