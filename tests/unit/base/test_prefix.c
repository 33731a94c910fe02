/* Prefixes as people write them, what is wrong with the others, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "base/prefix.h"

static void must_parse(const char *text, const char *written, const char *last)
{
	char shown[PREFIX_TEXT_MAX];
	struct prefix_error error;
	struct prefix prefix, end;

	assert_int_equal(prefix_parse(text, &prefix, &error), 0);
	assert_string_equal(prefix_format(&prefix, shown), written);
	assert_int_equal(prefix_parse(last, &end, &error), 0);
	assert_int_equal(prefix_address_compare(prefix.last, end.first), 0);
}

/* `marked`: the part of the text that is wrong. */
static void must_refuse(const char *text, const char *marked, const char *message)
{
	struct prefix prefix = { .bits = 77 };
	struct prefix_error error;
	char part[128];

	assert_int_equal(prefix_parse(text, &prefix, &error), -EINVAL);
	assert_int_equal(prefix.bits, 77);
	snprintf(part, sizeof(part), "%.*s", (int)error.length, text + error.offset);
	assert_string_equal(part, marked);
	assert_string_equal(error.message, message);
}

static void taken(void **state)
{
	(void)state;
	must_parse("192.0.2.7", "192.0.2.7/32", "192.0.2.7");
	must_parse("192.0.2.0/24", "192.0.2.0/24", "192.0.2.255");
	must_parse("0.0.0.0/0", "0.0.0.0/0", "255.255.255.255");
	must_parse("128.0.0.0/1", "128.0.0.0/1", "255.255.255.255");
	must_parse("2001:db8::/32", "2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	must_parse("2001:db8::/64", "2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff");
	must_parse("2001:db8::8000:0:0:0/65", "2001:db8:0:0:8000::/65",
		"2001:db8::ffff:ffff:ffff:ffff");
	must_parse("2001:DB8::1", "2001:db8::1/128", "2001:db8::1");
	must_parse("::/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void ipv4_that_is_written_as_ipv6(void **state)
{
	(void)state;
	must_parse("::ffff:192.0.2.7", "192.0.2.7/32", "192.0.2.7");
	must_parse("::ffff:192.0.2.0/120", "192.0.2.0/24", "192.0.2.255");
	must_parse("::ffff:0:0/96", "0.0.0.0/0", "255.255.255.255");
	must_parse("::192.0.2.7", "::192.0.2.7/128", "::192.0.2.7");
}

static void refused(void **state)
{
	const char *address = "must be an address or a prefix, as 192.0.2.7, 192.0.2.0/24 or "
			      "2001:db8::/32";
	const char *v4 = "the length of an IPv4 prefix is a whole number from 0 to 32";
	const char *v6 = "the length of an IPv6 prefix is a whole number from 0 to 128";

	(void)state;
	must_refuse("", "", address);
	must_refuse("/24", "", address);
	must_refuse("example.org/24", "example.org", address);
	must_refuse("10.1/16", "10.1", address);
	must_refuse("10.0.0.0 /8", "10.0.0.0 ", address);
	must_refuse("010.0.0.0/8", "010.0.0.0", address);
	must_refuse("[2001:db8::]/32", "[2001:db8::]", address);
	must_refuse("2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8/32",
		"2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8", address);
	must_refuse("fe80::%eth0/64", "fe80::%eth0", "a prefix is of all interfaces: leave out %");
	must_refuse("10.0.0.0/", "", v4);
	must_refuse("10.0.0.0/33", "33", v4);
	must_refuse("10.0.0.0/08", "08", v4);
	must_refuse("10.0.0.0/-1", "-1", v4);
	must_refuse("10.0.0.0/8 ", "8 ", v4);
	must_refuse("10.0.0.0/255.0.0.0", "255.0.0.0", v4);
	must_refuse("::/129", "129", v6);
	must_refuse("::/1280", "1280", v6);
	must_refuse("10.0.0.1/8", "10.0.0.1/8",
		"has bits set behind the prefix; did you mean 10.0.0.0/8?");
	must_refuse("2001:db8::1/64", "2001:db8::1/64",
		"has bits set behind the prefix; did you mean 2001:db8::/64?");
	must_refuse("::ffff:10.0.0.1/95", "::ffff:10.0.0.1/95",
		"has bits set behind the prefix; did you mean ::fffe:0:0/95?");
	must_refuse("::ffff:10.0.0.1/104", "::ffff:10.0.0.1/104",
		"has bits set behind the prefix; did you mean ::ffff:10.0.0.0/104?");
}

static void the_order_of_rules(void **state)
{
	static const char *const sorted[] = { "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/9", "10.0.1.0",
		"9.0.0.0/8", "::/0", "2001:db8::", "a::/16" };
	static const unsigned order[] = { 4, 0, 1, 2, 3, 5, 7, 6 };
	struct prefix_rule rules[8];
	struct prefix_error error;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		rules[7 - i] = (struct prefix_rule){ .number = i, .allow = i == 2 };
		assert_int_equal(prefix_parse(sorted[i], &rules[7 - i].prefix, &error), 0);
	}
	prefix_sort(rules, 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(rules[i].number, order[i]);
		assert_int_equal(i < 7 && prefix_contradicts(&rules[i], &rules[i + 1]), i == 2);
	}
	prefix_sort(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(ipv4_that_is_written_as_ipv6),
		cmocka_unit_test(refused),
		cmocka_unit_test(the_order_of_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
