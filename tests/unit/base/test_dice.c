/* Chances: as often as they should, and never where they cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/dice.h"

static unsigned count_hits(unsigned of, unsigned throws)
{
	struct dice dice = { 0 };
	unsigned hits = 0;

	for (unsigned i = 0; i < throws; i++)
		hits += dice_hit(&dice, of);
	return hits;
}

static void never_and_always(void **state)
{
	(void)state;
	assert_int_equal(count_hits(0, 1000), 0);
	assert_int_equal(count_hits(1, 1000), 1000);
}

/* Ten standard deviations to either side: one run in 10^22 is outside. */
static void one_time_in_so_many(void **state)
{
	(void)state;
	assert_in_range(count_hits(2, 10000), 4500, 5500);
	assert_in_range(count_hits(8, 80000), 9065, 10935);
	assert_in_range(count_hits(1000, 1000000), 684, 1316);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_and_always),
		cmocka_unit_test(one_time_in_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
