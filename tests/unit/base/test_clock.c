/* Ages from timestamps, with a wall clock that is set, by a day or by ten years, at any moment. */
/* link: -Wl,--wrap=sys_monotonic_ns,--wrap=sys_realtime_ns */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/sys.h"

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

static int begin(void **state)
{
	(void)state;
	monotonic = 5 * NS_PER_S;
	realtime = START_NS;
	passes = 0;
	lost_readings = 0;
	return 0;
}

/* -1: the timestamp tells nothing. */
static void must_age(const struct clock_pair *pair, int64_t timestamp, int64_t age)
{
	bool trusted = timestamp >= pair->trusted_ns && timestamp <= pair->realtime_ns;

	assert_int_equal(trusted ? pair->realtime_ns - timestamp : -1, age);
}

static void must_step(struct clock_pair *pair, bool stepped)
{
	clock_pair_read(pair);
	assert_int_equal(pair->trusted_ns == INT64_MAX, stepped);
	assert_int_equal(pair->monotonic_ns, monotonic);
	assert_int_equal(pair->realtime_ns, realtime);
}

static void test_ages(void **state)
{
	struct clock_pair pair = { 0 };

	(void)state;
	must_step(&pair, false);
	must_age(&pair, START_NS, 0);
	must_age(&pair, START_NS - 1, 1);
	must_age(&pair, START_NS - 3 * NS_PER_S, 3 * NS_PER_S);
	must_age(&pair, START_NS + 1, -1);
	must_age(&pair, START_NS + TEN_YEARS_NS, -1);
	must_age(&pair, 0, -1);
	pass(NS_PER_S);
	must_step(&pair, false);
	must_age(&pair, START_NS, NS_PER_S);
}

/* `wait`: between the last reading before, the step, and the first after. A datagram that came
 * before the step is read after it, at once or in a later batch; one that came after it has its
 * true age later. */
static void must_survive(int64_t step, int64_t wait)
{
	struct clock_pair pair = { 0 };
	int64_t before, after;

	(void)begin(NULL);
	must_step(&pair, false);
	pass(wait);
	before = realtime;
	realtime += step;
	after = realtime;
	pass(wait);
	must_step(&pair, true);
	must_age(&pair, before, -1);
	must_age(&pair, after, -1);
	pass(1000);
	must_step(&pair, false);
	must_age(&pair, before, -1);
	must_age(&pair, after, wait + 1000);
	pass(NS_PER_S);
	must_step(&pair, false);
	must_age(&pair, before, -1);
	must_age(&pair, after, wait + 1000 + NS_PER_S);
	must_age(&pair, realtime - 5, 5);
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
	struct clock_pair pair = { 0 };

	(void)begin(NULL);
	must_step(&pair, false);
	pass(elapsed);
	realtime += moved;
	must_step(&pair, stepped);
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
	struct clock_pair pair = { 0 };

	(void)state;
	passes = 20;
	clock_pair_read(&pair);
	for (unsigned lost = 0; lost <= 9; lost++) {
		lost_readings = lost;
		clock_pair_read(&pair);
		assert_int_not_equal(pair.trusted_ns, INT64_MAX);
		must_age(&pair, pair.realtime_ns, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ages, begin),
		cmocka_unit_test_setup(test_steps, begin),
		cmocka_unit_test_setup(test_slewing_is_no_step, begin),
		cmocka_unit_test_setup(test_a_pause_is_no_step, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
