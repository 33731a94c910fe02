/* Sets of prefixes: what is in them, whatever overlaps and in whatever order they came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard/prefixes.h"

static struct prefixes set;

static union addr address(const char *text)
{
	union addr parsed;

	assert_int_equal(addr_parse(text, 7, &parsed), 0);
	return parsed;
}

static void add(const char *text, unsigned bits)
{
	union addr network = address(text);

	assert_true(prefixes_add(&set, &network, bits));
}

static bool holds(const char *text)
{
	union addr asked = address(text);

	return prefixes_hold(&set, &asked);
}

static int setup(void **state)
{
	(void)state;
	prefixes_clear(&set);
	return 0;
}

static void an_empty_one_holds_nothing(void **state)
{
	(void)state;
	prefixes_merge(&set);
	assert_false(holds("0.0.0.0"));
	assert_false(holds("127.0.0.1"));
	assert_false(holds("::"));
}

static void first_last_and_beside(void **state)
{
	(void)state;
	add("10.1.2.3", 16); /* bits after the prefix do not count */
	add("192.0.2.7", 32);
	add("192.0.2.128", 27);
	add("2001:db8:5::", 48);
	add("2001:db8:7::1", 128);
	prefixes_merge(&set);
	assert_true(holds("10.1.0.0") && holds("10.1.255.255"));
	assert_false(holds("10.0.255.255") || holds("10.2.0.0"));
	assert_true(holds("192.0.2.7"));
	assert_false(holds("192.0.2.6") || holds("192.0.2.8"));
	assert_true(holds("192.0.2.128") && holds("192.0.2.159"));
	assert_false(holds("192.0.2.127") || holds("192.0.2.160"));
	assert_true(holds("2001:db8:5::") && holds("2001:db8:5:ffff:ffff:ffff:ffff:ffff"));
	assert_false(holds("2001:db8:4:ffff:ffff:ffff:ffff:ffff") || holds("2001:db8:6::"));
	assert_true(holds("2001:db8:7::1"));
	assert_true(holds("::ffff:192.0.2.7"));
	assert_false(holds("::ffff:192.0.2.8") || holds("::192.0.2.7"));
	assert_false(holds("2001:db8:7::") || holds("2001:db8:7::2"));
}

/* An all-embracing one before, after and between what it embraces; the families stay apart. */
static void whole_families(void **state)
{
	(void)state;
	add("10.0.0.0", 8);
	add("0.0.0.0", 0);
	add("192.0.2.1", 32);
	prefixes_merge(&set);
	assert_int_equal(set.count, 1);
	assert_true(holds("0.0.0.0") && holds("10.0.0.1") && holds("255.255.255.255"));
	assert_false(holds("::") || holds("2001:db8::1"));
	prefixes_clear(&set);
	add("::", 0);
	prefixes_merge(&set);
	assert_true(holds("::") && holds("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
}

static void overlaps(void **state)
{
	(void)state;
	add("10.1.1.1", 32);
	add("10.1.0.0", 16);
	add("10.1.255.255", 32);
	add("10.0.0.0", 8);
	add("10.0.0.0", 8);
	add("10.255.255.255", 32);
	add("11.0.0.1", 32);
	prefixes_merge(&set);
	assert_int_equal(set.count, 2);
	assert_true(holds("10.0.0.0") && holds("10.1.1.2") && holds("10.255.255.255"));
	assert_false(holds("11.0.0.0") || holds("9.255.255.255"));
	assert_true(holds("11.0.0.1"));
}

/* Only link-local ones have a scope; without one they are on each link. */
static void scopes(void **state)
{
	(void)state;
	add("fe80::1%3", 128);
	add("fe80::9", 128);
	add("2001:db8::1%3", 128);
	prefixes_merge(&set);
	assert_true(holds("fe80::1%3"));
	assert_false(holds("fe80::1%4") || holds("fe80::1") || holds("fe80::2%3"));
	assert_true(holds("fe80::9") && holds("fe80::9%3") && holds("fe80::9%4"));
	assert_true(holds("2001:db8::1") && holds("2001:db8::1%4"));
}

static void no_more_than_the_maximum(void **state)
{
	union addr each = address("10.0.0.0");

	(void)state;
	for (unsigned i = 0; i < PREFIXES_MAX; i++) {
		each.in.sin_addr.s_addr = htonl(0x0a000000u + 2 * i);
		assert_true(prefixes_add(&set, &each, 32));
	}
	assert_false(prefixes_add(&set, &each, 32));
	prefixes_merge(&set);
	assert_int_equal(set.count, PREFIXES_MAX);
	for (unsigned i = 0; i < 2 * PREFIXES_MAX; i++) {
		each.in.sin_addr.s_addr = htonl(0x0a000000u + i);
		assert_int_equal(prefixes_hold(&set, &each), i % 2 == 0);
	}
}

/* Random sets of small prefixes against one question after the other. */
static void as_a_plain_list_has_it(void **state)
{
	(void)state;
	srand(7); /* NOLINT: the same in each run */
	for (unsigned round = 0; round < 200; round++) {
		struct {
			uint32_t network;
			unsigned bits;
		} list[12];
		union addr each = address("10.0.0.0");

		prefixes_clear(&set);
		for (unsigned i = 0; i < 12; i++) {
			list[i].network = 0x0a000000u + (uint32_t)rand() % 256; /* NOLINT */
			list[i].bits = 26 + (unsigned)rand() % 7;		/* NOLINT */
			each.in.sin_addr.s_addr = htonl(list[i].network);
			assert_true(prefixes_add(&set, &each, list[i].bits));
		}
		prefixes_merge(&set);
		for (uint32_t asked = 0x09ffffffu; asked <= 0x0a000100u; asked++) {
			bool expected = false;

			for (unsigned i = 0; i < 12; i++)
				expected |= (asked ^ list[i].network) >> (32 - list[i].bits) == 0;
			each.in.sin_addr.s_addr = htonl(asked);
			assert_int_equal(prefixes_hold(&set, &each), expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_empty_one_holds_nothing, setup),
		cmocka_unit_test_setup(first_last_and_beside, setup),
		cmocka_unit_test_setup(whole_families, setup),
		cmocka_unit_test_setup(overlaps, setup),
		cmocka_unit_test_setup(scopes, setup),
		cmocka_unit_test_setup(no_more_than_the_maximum, setup),
		cmocka_unit_test_setup(as_a_plain_list_has_it, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
