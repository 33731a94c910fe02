/* Lists of CPUs, and threads that stay on one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sched.h>

#include "base/cpus.h"

static void must_parse(const char *text, unsigned count, unsigned first, unsigned last)
{
	struct cpus cpus;

	assert_int_equal(cpus_parse(text, &cpus), 0);
	assert_int_equal(cpus.count, count);
	if (count > 0) {
		assert_int_equal(cpus.list[0], first);
		assert_int_equal(cpus.list[count - 1], last);
	}
}

static void must_not_parse(const char *text)
{
	struct cpus cpus = { .count = 4711 };

	assert_int_equal(cpus_parse(text, &cpus), -EINVAL);
	assert_int_equal(cpus.count, 4711);
}

static void lists(void **state)
{
	(void)state;
	must_parse("", 0, 0, 0);
	must_parse("0", 1, 0, 0);
	must_parse("3", 1, 3, 3);
	must_parse("2-5", 4, 2, 5);
	must_parse("2-5,8", 5, 2, 8);
	must_parse("8,2-5", 5, 8, 5);
	must_parse("7,7", 2, 7, 7);
	must_parse("0-1023", 1024, 0, 1023);
	must_parse("1023", 1, 1023, 1023);
}

static void no_lists(void **state)
{
	(void)state;
	must_not_parse(" ");
	must_not_parse(",");
	must_not_parse("1,");
	must_not_parse(",1");
	must_not_parse("1,,2");
	must_not_parse("1-");
	must_not_parse("-1");
	must_not_parse("5-2");
	must_not_parse("1-2-3");
	must_not_parse("1024");
	must_not_parse("4294967297");
	must_not_parse("18446744073709551617");
	must_not_parse("0-1024");
	must_not_parse("0-1023,0"); /* more than there is room for */
	must_not_parse("one");
	must_not_parse("1 ");
	must_not_parse("0x1");
}

/* On the CPU that it runs on now, which it surely may use. */
static void pinned(void **state)
{
	struct cpus cpus = { .count = 1 };
	cpu_set_t before, after;

	(void)state;
	assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof(before), &before), 0);
	cpus.list[0] = (uint16_t)sched_getcpu();
	assert_int_equal(cpus_pin(&cpus, 5, pthread_self()), 0);
	assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof(after), &after), 0);
	assert_int_equal(CPU_COUNT(&after), 1);
	assert_true(CPU_ISSET(cpus.list[0], &after));
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(before), &before), 0);
}

static void not_pinned(void **state)
{
	struct cpus none = { 0 }, absent = { .count = 1, .list = { CPUS_MAX - 1 } };
	cpu_set_t before, after;

	(void)state;
	assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof(before), &before), 0);
	assert_int_equal(cpus_pin(&none, 0, pthread_self()), 0);
	if (!CPU_ISSET(CPUS_MAX - 1, &before))
		assert_int_equal(cpus_pin(&absent, 0, pthread_self()), -EINVAL);
	assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(no_lists),
		cmocka_unit_test(pinned),
		cmocka_unit_test(not_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
