/* When a service stands still, by its books. */
#include "daemon/watchdog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

static struct watchdog watchdog;
static struct dgram_service_stats stats;

static int begin(void **state)
{
	(void)state;
	(void)setenv("WATCHDOG_USEC", "1000000", 1);
	(void)unsetenv("WATCHDOG_PID");
	watchdog_init(&watchdog);
	stats = (struct dgram_service_stats){ 0 };
	return 0;
}

static const char *still_at(int64_t seconds)
{
	const char *why;

	return watchdog_look(&watchdog, 0, &stats, (100 + seconds) * NS_PER_S, &why) ? NULL : why;
}

static void an_idle_service_moves(void **state)
{
	(void)state;
	assert_int_equal(watchdog.interval_ns, NS_PER_S);
	for (int64_t i = 0; i < 5; i++)
		assert_null(still_at(i));
}

static void a_stuck_worker_stops_what_waits(void **state)
{
	(void)state;
	stats.workers_overdue = 1;
	assert_null(still_at(0));
	assert_null(still_at(5)); /* nothing waits */
	stats.queued = 1;
	assert_null(still_at(5));
	assert_string_equal(still_at(6), "requests wait, and its workers are stuck");
	stats.replied = 1;
	assert_null(still_at(7)); /* another worker finishes */
	assert_non_null(still_at(8));
	stats.workers_overdue = 0;
	assert_null(still_at(9)); /* busy for long, and nobody said that this is wrong */
}

static void a_failure_is_an_end_too(void **state)
{
	struct dgram_reason failed[] = { { "failed_handler", 0 } };

	(void)state;
	stats.failed = failed;
	stats.failed_count = 1;
	stats.queued = stats.workers_overdue = 1;
	assert_null(still_at(0));
	for (int64_t i = 1; i < 5; i++) {
		failed[0].count++;
		assert_null(still_at(i));
	}
	assert_non_null(still_at(5));
}

static void receivers_that_lose_all(void **state)
{
	(void)state;
	assert_null(still_at(0));
	stats.dropped_by_kernel = 10;
	stats.received = 5;
	assert_null(still_at(1)); /* some is lost */
	assert_null(still_at(9));
	stats.dropped_by_kernel = 20;
	assert_string_equal(still_at(10), "its receivers are stuck");
	assert_non_null(still_at(11));
	stats.received = 6;
	assert_null(still_at(12));
	assert_null(still_at(20));
}

static void of_another_process(void **state)
{
	(void)state;
	(void)setenv("WATCHDOG_PID", "1", 1);
	watchdog_init(&watchdog);
	assert_int_equal(watchdog.interval_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_idle_service_moves, begin),
		cmocka_unit_test_setup(a_stuck_worker_stops_what_waits, begin),
		cmocka_unit_test_setup(a_failure_is_an_end_too, begin),
		cmocka_unit_test_setup(receivers_that_lose_all, begin),
		cmocka_unit_test_setup(of_another_process, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
