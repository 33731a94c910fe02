/* Who was refused most often, among more sources than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard/offenders.h"

static struct offenders offenders;

static void note(const char *text)
{
	struct prefix_error why;
	struct prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix, &why), 0);
	offenders_note(&offenders, &prefix);
}

static void must_be(const char *expected, uint64_t times)
{
	struct offender worst = offenders_take(&offenders);
	char text[PREFIX_TEXT_MAX];

	assert_string_equal(prefix_format(&worst.prefix, text), expected);
	assert_in_range(times, worst.count - worst.error, worst.count);
}

static void none_then_one(void **state)
{
	(void)state;
	assert_int_equal(offenders_take(&offenders).count, 0);
	note("192.0.2.1");
	must_be("192.0.2.1/32", 1);
	assert_int_equal(offenders_take(&offenders).count, 0);
}

static void networks_are_not_addresses(void **state)
{
	(void)state;
	note("192.0.2.0/32");
	note("192.0.2.0/24");
	note("2001:db8::/64");
	note("192.0.2.0/24");
	must_be("192.0.2.0/24", 2);
}

/* One of a hundred has a quarter, and comes last in each round. */
static void among_many(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 99; i++) {
			const struct prefix prefix = { .bits = 32,
				.first = { 0, 0x0a000000u + i } };

			offenders_note(&offenders, &prefix);
		}
		for (unsigned i = 0; i < 33; i++)
			note("2001:db8::/48");
	}
	must_be("2001:db8::/48", 3300);
}

static int setup(void **state)
{
	(void)state;
	offenders_init(&offenders);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	offenders_destroy(&offenders);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(none_then_one, setup, teardown),
		cmocka_unit_test_setup_teardown(networks_are_not_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(among_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
