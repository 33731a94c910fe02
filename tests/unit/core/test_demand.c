#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/demand.h"

static struct demand fresh(void)
{
	return (struct demand){ .wanted = 2 };
}

static unsigned notified(const struct demand *demand)
{
	return atomic_load(&demand->work.epoch);
}

static void a_bit_for_each_service(void **state)
{
	struct demand demand = fresh();

	(void)state;
	assert_int_equal(demand_look(&demand), 0);
	demand_set(&demand, 0, true);
	demand_set(&demand, 63, true);
	demand_set(&demand, 63, true);
	assert_int_equal(demand_look(&demand), UINT64_C(1) << 63 | 1);
	demand_set(&demand, 0, false);
	demand_set(&demand, 0, false);
	assert_int_equal(demand_look(&demand), UINT64_C(1) << 63);
	demand_set(&demand, 63, false);
	assert_int_equal(demand_look(&demand), 0);
}

static void one_wake_up_until_somebody_looks(void **state)
{
	struct demand demand = fresh();

	(void)state;
	demand_wake(&demand);
	assert_int_equal(notified(&demand), 0);
	demand_set(&demand, 3, true);
	demand_wake(&demand);
	demand_set(&demand, 4, true);
	demand_wake(&demand);
	assert_int_equal(notified(&demand), 1);
	(void)demand_look(&demand);
	demand_wake(&demand);
	assert_int_equal(notified(&demand), 2);
}

static void all_see_the_end(void **state)
{
	struct demand demand = fresh();

	(void)state;
	demand_close(&demand);
	assert_true(atomic_load(&demand.closed));
	assert_int_equal(notified(&demand), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bit_for_each_service),
		cmocka_unit_test(one_wake_up_until_somebody_looks),
		cmocka_unit_test(all_see_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
