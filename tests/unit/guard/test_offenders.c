/* Who was refused most often, among more sources than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard/offenders.h"

static struct offenders offenders;

static void note(const char *text, unsigned bits)
{
	union addr address;

	assert_int_equal(addr_parse(text, 0, &address), 0);
	offenders_note(&offenders, &address, bits);
}

static void must_be(const char *text, unsigned bits, uint64_t count, uint64_t total)
{
	struct offender worst;
	union addr address;

	assert_int_equal(addr_parse(text, 0, &address), 0);
	assert_int_equal(offenders_take(&offenders, &worst), total);
	assert_true(addr_same_host(&worst.address, &address));
	assert_int_equal(worst.bits, bits);
	assert_in_range(worst.count, count, count + worst.error);
}

static void none_then_one(void **state)
{
	struct offender worst;

	(void)state;
	assert_int_equal(offenders_take(&offenders, &worst), 0);
	note("192.0.2.1", 32);
	must_be("192.0.2.1", 32, 1, 1);
	assert_int_equal(offenders_take(&offenders, &worst), 0);
}

static void networks_are_not_addresses(void **state)
{
	(void)state;
	note("192.0.2.0", 32);
	note("192.0.2.0", 24);
	note("2001:db8::", 64);
	note("192.0.2.0", 24);
	must_be("192.0.2.0", 24, 2, 4);
}

/* One of a hundred has a quarter, and comes last in each round. */
static void among_many(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 99; i++) {
			union addr address = { .in = { .sin_family = AF_INET,
						       .sin_addr.s_addr =
							       htonl(0x0a000000u + i) } };

			offenders_note(&offenders, &address, 32);
		}
		for (unsigned i = 0; i < 33; i++)
			note("2001:db8::", 48);
	}
	must_be("2001:db8::", 48, 3300, 13200);
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
