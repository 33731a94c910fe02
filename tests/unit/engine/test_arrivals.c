/* Ages from timestamps, with a wall clock that is set, by a day or by ten years, at any moment; what stands in
 * where there are none, and when they are switched on and off. */
/* link: -Wl,--wrap=sys_monotonic_ns,--wrap=sys_realtime_ns,--wrap=sys_timestamp */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/sys.h"
#include "engine/arrivals.h"

#define TEN_YEARS_NS (3652LL * 86400 * NS_PER_S)
#define START_NS (1795386438LL * NS_PER_S)

static int64_t monotonic; /* the clocks that are read; */
static int64_t realtime;
static int64_t passes;	       /* so much passes at each reading of one, */
static unsigned lost_readings; /* but a second at each of so many to come */

static void pass(int64_t ns)
{
	monotonic += ns;
	realtime += ns;
}

static void reading(void)
{
	pass(lost_readings > 0 ? NS_PER_S : passes);
	lost_readings -= lost_readings > 0;
}

int64_t __wrap_sys_monotonic_ns(void);
int64_t __wrap_sys_monotonic_ns(void)
{
	int64_t now = monotonic;

	reading();
	return now;
}

int64_t __wrap_sys_realtime_ns(void);
int64_t __wrap_sys_realtime_ns(void)
{
	int64_t now = realtime;

	reading();
	return now;
}

static int switched; /* what the kernel was asked for last; -1: nothing */

int __wrap_sys_timestamp(int fd, bool on);
int __wrap_sys_timestamp(int fd, bool on)
{
	assert_int_equal(fd, 7);
	switched = on;
	return 0;
}

static int begin(void **state)
{
	(void)state;
	monotonic = 5 * NS_PER_S;
	realtime = START_NS;
	passes = 0;
	lost_readings = 0;
	switched = -1;
	return 0;
}

/* -1: the timestamp tells nothing. */
static void must_age(const struct arrivals *arrivals, int64_t timestamp, int64_t age)
{
	bool trusted = timestamp >= arrivals->trusted_ns && timestamp <= arrivals->latest_ns;

	assert_int_equal(trusted ? arrivals->realtime_ns - timestamp : -1, age);
}

static void must_step(struct arrivals *arrivals, bool stepped)
{
	arrivals_read(arrivals, true);
	assert_int_equal(arrivals->trusted_ns == INT64_MAX, stepped);
	assert_int_equal(arrivals->monotonic_ns, monotonic);
	assert_int_equal(arrivals->realtime_ns, realtime);
}

static void test_ages(void **state)
{
	struct arrivals arrivals = { 0 };

	(void)state;
	must_step(&arrivals, false);
	must_age(&arrivals, START_NS, 0);
	must_age(&arrivals, START_NS - 1, 1);
	must_age(&arrivals, START_NS - 3 * NS_PER_S, 3 * NS_PER_S);
	must_age(&arrivals, START_NS + 1, -1);
	must_age(&arrivals, START_NS + TEN_YEARS_NS, -1);
	must_age(&arrivals, 0, -1);
	pass(NS_PER_S);
	must_step(&arrivals, false);
	must_age(&arrivals, START_NS, NS_PER_S);
}

/* `wait`: between the last reading before, the step, and the first after. A datagram that came
 * before the step is read after it, at once or in a later batch; one that came after it has its
 * true age later. */
static void must_survive(int64_t step, int64_t wait)
{
	struct arrivals arrivals = { 0 };
	int64_t before, after;

	(void)begin(NULL);
	must_step(&arrivals, false);
	pass(wait);
	before = realtime;
	realtime += step;
	after = realtime;
	pass(wait);
	must_step(&arrivals, true);
	must_age(&arrivals, before, -1);
	must_age(&arrivals, after, -1);
	pass(1000);
	must_step(&arrivals, false);
	must_age(&arrivals, before, -1);
	must_age(&arrivals, after, wait + 1000);
	pass(NS_PER_S);
	must_step(&arrivals, false);
	must_age(&arrivals, before, -1);
	must_age(&arrivals, after, wait + 1000 + NS_PER_S);
	must_age(&arrivals, realtime - 5, 5);
}

static void test_steps(void **state)
{
	static const int64_t waits[] = { 0, NS_PER_MS, NS_PER_S, 100 * NS_PER_S };

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		must_survive(TEN_YEARS_NS, waits[i]);
		must_survive(-TEN_YEARS_NS, waits[i]);
		must_survive(86400 * NS_PER_S, waits[i]);
		must_survive(-86400 * NS_PER_S, waits[i]);
	}
}

static void must_move(int64_t elapsed, int64_t moved, bool stepped)
{
	struct arrivals arrivals = { 0 };

	(void)begin(NULL);
	must_step(&arrivals, false);
	pass(elapsed);
	realtime += moved;
	must_step(&arrivals, stepped);
}

/* 1 ms and a thousandth of the time. */
static void test_slewing_is_no_step(void **state)
{
	(void)state;
	must_move(0, NS_PER_MS, false);
	must_move(0, -NS_PER_MS, false);
	must_move(0, NS_PER_MS + 1, true);
	must_move(0, -NS_PER_MS - 1, true);
	must_move(10 * NS_PER_S, 11 * NS_PER_MS, false);
	must_move(10 * NS_PER_S, -11 * NS_PER_MS, false);
	must_move(10 * NS_PER_S, 11 * NS_PER_MS + 1, true);
	must_move(10 * NS_PER_S, -11 * NS_PER_MS - 1, true);
	must_move(86400 * NS_PER_S, 43 * NS_PER_S, false);
}

/* The thread may lose the processor between two readings: that is not a step either. */
static void test_a_pause_is_no_step(void **state)
{
	struct arrivals arrivals = { 0 };

	(void)state;
	passes = 20;
	arrivals_read(&arrivals, true);
	for (unsigned lost = 0; lost <= 9; lost++) {
		lost_readings = lost;
		arrivals_read(&arrivals, true);
		assert_int_not_equal(arrivals.trusted_ns, INT64_MAX);
		must_age(&arrivals, arrivals.realtime_ns, 0);
	}
}

#define ERROR_NS (50 * NS_PER_MS)

/* A reception of `age` ns after the last look. */
static void receive(struct arrivals *arrivals, int64_t age, bool emptied)
{
	pass(age);
	arrivals_prepare(arrivals);
	arrivals_read(arrivals, emptied);
}

static void must_be_unknown(const struct arrivals *arrivals, int64_t age)
{
	assert_int_equal(arrivals->monotonic_ns - arrivals->unknown_ns, age);
	assert_int_equal(arrivals->realtime_ns -
				 (arrivals->unknown.tv_sec * NS_PER_S + arrivals->unknown.tv_nsec),
		age);
}

/* It arrived since the socket was last seen empty; or since poll(2) slept. */
static void test_the_middle_stands_in(void **state)
{
	struct arrivals arrivals = { 0 };
	int64_t begin_ns;

	(void)state;
	receive(&arrivals, 0, true);
	receive(&arrivals, 1000, false);
	must_be_unknown(&arrivals, 500);
	receive(&arrivals, 1000, true);
	must_be_unknown(&arrivals, 1000);
	receive(&arrivals, 1000, true);
	must_be_unknown(&arrivals, 500);
	pass(10 * NS_PER_MS);
	arrivals_found_none(&arrivals);
	receive(&arrivals, 1000, true);
	must_be_unknown(&arrivals, 500);

	begin_ns = monotonic;
	pass(10 * NS_PER_US);
	arrivals_waited(&arrivals, begin_ns, false); /* it did not sleep */
	receive(&arrivals, 0, true);
	must_be_unknown(&arrivals, 5 * NS_PER_US);
	begin_ns = monotonic;
	pass(10 * NS_PER_MS);
	arrivals_waited(&arrivals, begin_ns, false);
	receive(&arrivals, 1000, true);
	must_be_unknown(&arrivals, 500);
}

/* Timestamps of datagrams that were queued before are made up, at their reception. */
static void test_in_doubt(void **state)
{
	struct arrivals arrivals = { 0 };

	(void)state;
	receive(&arrivals, 0, true);
	arrivals_switch(&arrivals, 7, false);
	assert_int_equal(switched, false);
	assert_true(arrivals.off);
	receive(&arrivals, 60 * NS_PER_MS, false);
	arrivals_switch(&arrivals, 7, true);
	assert_int_equal(switched, true);
	assert_false(arrivals.off);
	receive(&arrivals, 10 * NS_PER_MS, false);
	must_age(&arrivals, realtime, -1);
	must_be_unknown(&arrivals, 40 * NS_PER_MS); /* the middle up to the switch */
	must_age(&arrivals, realtime - 1, 1);	    /* one that is true */
	receive(&arrivals, 10 * NS_PER_MS, true);
	must_be_unknown(&arrivals, 50 * NS_PER_MS);
	receive(&arrivals, 1000, false);
	must_age(&arrivals, realtime, 0);
	must_be_unknown(&arrivals, 500);
}

/* They go after a second of calm, and come back once the socket is not seen empty for 50 ms. */
static void test_when_they_are_needed(void **state)
{
	struct arrivals arrivals = { 0 };
	unsigned looks = 0;

	(void)state;
	receive(&arrivals, 0, true);
	receive(&arrivals, 0, true);
	while (arrivals_need_timestamps(&arrivals, ERROR_NS)) {
		receive(&arrivals, 10 * NS_PER_MS, true);
		looks++;
	}
	assert_int_equal(looks, ARRIVALS_CALM * ERROR_NS / (10 * NS_PER_MS) + 1);
	receive(&arrivals, ERROR_NS, true);
	assert_false(arrivals_need_timestamps(&arrivals, ERROR_NS));
	receive(&arrivals, ERROR_NS, false);
	assert_false(arrivals_need_timestamps(&arrivals, ERROR_NS));
	receive(&arrivals, 1, false);
	assert_true(arrivals_need_timestamps(&arrivals, ERROR_NS));
	for (looks = 0; looks < 100; looks++) {
		receive(&arrivals, ERROR_NS + 1, true); /* calm, but not often enough */
		assert_true(arrivals_need_timestamps(&arrivals, ERROR_NS));
	}
}

/* Nor without any datagram for that long. */
static void test_sleep(void **state)
{
	struct arrivals arrivals = { .off = true };
	int64_t begin_ns;

	(void)state;
	receive(&arrivals, 0, true);
	pass(NS_PER_MS);
	while (arrivals_need_timestamps(&arrivals, ERROR_NS))
		receive(&arrivals, NS_PER_MS, true);
	begin_ns = monotonic;
	pass(ERROR_NS - NS_PER_MS);
	arrivals_waited(&arrivals, begin_ns, false);
	assert_false(arrivals_need_timestamps(&arrivals, ERROR_NS));
	begin_ns = monotonic;
	pass(ERROR_NS - NS_PER_MS);
	arrivals_waited(&arrivals, begin_ns, true);
	assert_true(arrivals_need_timestamps(&arrivals, ERROR_NS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ages, begin),
		cmocka_unit_test_setup(test_steps, begin),
		cmocka_unit_test_setup(test_slewing_is_no_step, begin),
		cmocka_unit_test_setup(test_a_pause_is_no_step, begin),
		cmocka_unit_test_setup(test_the_middle_stands_in, begin),
		cmocka_unit_test_setup(test_in_doubt, begin),
		cmocka_unit_test_setup(test_when_they_are_needed, begin),
		cmocka_unit_test_setup(test_sleep, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
