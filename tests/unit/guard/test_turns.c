/* How many of some sorted numbers are at most another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "guard/turns.h"

#define NUMBERS_MAX 1200u

static size_t count_up_to(const uint64_t *numbers, size_t count, uint64_t number)
{
	size_t found = 0;

	while (found < count && numbers[found] <= number)
		found++;
	return found;
}

/* Of each number of numbers up to four levels: each, one less and one more. */
static void as_a_walk(void **state)
{
	static uint64_t numbers[NUMBERS_MAX];

	(void)state;
	for (size_t i = 0; i < NUMBERS_MAX; i++)
		numbers[i] = 5 + i / 2 * 3;
	for (size_t count = 0; count <= NUMBERS_MAX; count += count < 600 ? 1 : 7) {
		struct turns turns;

		assert_int_equal(turns_init(&turns, numbers, count), 0);
		for (uint64_t number = 0; number < NUMBERS_MAX * 3 / 2 + 10;
			number += 1 + count / 100)
			assert_int_equal(
				turns_up_to(&turns, number), count_up_to(numbers, count, number));
		assert_int_equal(turns_up_to(&turns, UINT64_MAX), count);
		turns_destroy(&turns);
	}
}

static void the_ends(void **state)
{
	const uint64_t numbers[] = { 0, 0, 7, UINT64_MAX - 1, UINT64_MAX };
	struct turns turns;

	(void)state;
	assert_int_equal(turns_init(&turns, numbers, 5), 0);
	assert_int_equal(turns_up_to(&turns, 0), 2);
	assert_int_equal(turns_up_to(&turns, 6), 2);
	assert_int_equal(turns_up_to(&turns, UINT64_MAX - 2), 3);
	assert_int_equal(turns_up_to(&turns, UINT64_MAX - 1), 4);
	assert_int_equal(turns_up_to(&turns, UINT64_MAX), 5);
	assert_int_equal(turns_bytes(&turns), 64);
	turns_destroy(&turns);
	turns_destroy(&turns);
	assert_int_equal(turns_up_to(&turns, 7), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_a_walk),
		cmocka_unit_test(the_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
