/* Socket addresses: what is one, and how it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

static union addr parse(const char *text, uint16_t port)
{
	union addr addr;

	assert_int_equal(addr_parse(text, port, &addr), 0);
	return addr;
}

static void must_format(const char *text, uint16_t port, const char *expected)
{
	union addr addr = parse(text, port);
	char formatted[ADDR_TEXT_MAX];

	assert_ptr_equal(addr_format(&addr, formatted), formatted);
	assert_string_equal(formatted, expected);
	assert_int_equal(addr_port(&addr), port);
}

static void must_refuse(const char *text, int error)
{
	union addr addr, before;

	memset(&addr, 0xa5, sizeof(addr));
	before = addr;
	assert_int_equal(addr_parse(text, 1, &addr), error);
	assert_memory_equal(&addr, &before, sizeof(addr));
}

static void test_there_and_back(void **state)
{
	(void)state;
	must_format("127.0.0.1", 20000, "127.0.0.1:20000");
	must_format("0.0.0.0", 0, "0.0.0.0:0");
	must_format("255.255.255.255", 65535, "255.255.255.255:65535");
	must_format("::", 1, "[::]:1");
	must_format("::1", 20000, "[::1]:20000");
	must_format("2001:DB8:0:0:0:0:0:1", 53, "[2001:db8::1]:53");
	must_format("::ffff:10.9.0.2", 7, "[::ffff:10.9.0.2]:7");
	must_format("fe80::1%lo", 7, "[fe80::1%lo]:7");
	must_format("fe80::1%1", 7, "[fe80::1%lo]:7");
	must_format("fe80::1%0", 7, "[fe80::1]:7");
	must_format("fe80::1%4294967295", 7, "[fe80::1%4294967295]:7");
	must_format("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295", 65535,
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

static void test_what_is_none(void **state)
{
	char text[300];

	(void)state;
	must_refuse("", -EINVAL);
	must_refuse("localhost", -EINVAL);
	must_refuse("127.1", -EINVAL);
	must_refuse("127.0.0.01", -EINVAL);
	must_refuse("127.0.0.256", -EINVAL);
	must_refuse("0x7f.0.0.1", -EINVAL);
	must_refuse(" 127.0.0.1", -EINVAL);
	must_refuse("127.0.0.1 ", -EINVAL);
	must_refuse("127.0.0.1:80", -EINVAL);
	must_refuse("127.0.0.1%lo", -EINVAL);
	must_refuse("2130706433", -EINVAL);
	must_refuse(":", -EINVAL);
	must_refuse(":::", -EINVAL);
	must_refuse("[::1]", -EINVAL);
	must_refuse("[::1]:80", -EINVAL);
	must_refuse("1:2:3:4:5:6:7", -EINVAL);
	must_refuse("1:2:3:4:5:6:7:8:9", -EINVAL);
	must_refuse("fe80::1%", -EINVAL);
	must_refuse("::g%lo", -EINVAL);
	must_refuse("%lo", -EINVAL);
	must_refuse("fe80::1%no-such-if", -ENODEV);
	must_refuse("fe80::1%-1", -ENODEV);
	must_refuse("fe80::1%4294967296", -ENODEV);
	must_refuse("fe80::1%lo%lo", -ENODEV);
	memset(text, '1', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	must_refuse(text, -EINVAL);
	text[4] = ':';
	must_refuse(text, -EINVAL);
	memcpy(text, "fe80::1%", 8);
	must_refuse(text, -ENODEV);
}

static void test_what_the_kernel_needs(void **state)
{
	union addr v4 = parse("10.9.0.2", 258), v6 = parse("fe80::1%lo", 258);

	(void)state;
	assert_int_equal(addr_length(&v4), sizeof(struct sockaddr_in));
	assert_int_equal(v4.in.sin_family, AF_INET);
	assert_int_equal(v4.in.sin_port, htons(258));
	assert_int_equal(v4.in.sin_addr.s_addr, htonl(0x0a090002));
	assert_int_equal(addr_length(&v6), sizeof(struct sockaddr_in6));
	assert_int_equal(v6.in6.sin6_family, AF_INET6);
	assert_int_equal(v6.in6.sin6_port, htons(258));
	assert_int_equal(v6.in6.sin6_scope_id, if_nametoindex("lo"));
	assert_int_equal(v6.in6.sin6_flowinfo, 0);
	addr_set_port(&v4, 65535);
	addr_set_port(&v6, 1);
	assert_int_equal(addr_port(&v4), 65535);
	assert_int_equal(addr_port(&v6), 1);
}

static void must_be(const char *text, bool wildcard, bool loopback)
{
	union addr addr = parse(text, 1);

	assert_int_equal(addr_is_wildcard(&addr), wildcard);
	assert_int_equal(addr_is_loopback(&addr), loopback);
}

static void test_multicast(void **state)
{
	static const struct {
		const char *text;
		bool multicast;
	} rows[] = { { "224.0.0.0", true }, { "224.0.0.1", true }, { "239.255.255.255", true },
		{ "223.255.255.255", false }, { "240.0.0.0", false }, { "255.255.255.255", false },
		{ "0.0.0.0", false }, { "ff02::1", true }, { "ff00::", true }, { "feff::", false },
		{ "::", false }, { "::ffff:224.0.0.1", true }, { "::ffff:10.0.0.1", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		union addr addr = parse(rows[i].text, 1);

		assert_int_equal(addr_is_multicast(&addr), rows[i].multicast);
	}
}

static void test_kinds(void **state)
{
	(void)state;
	must_be("0.0.0.0", true, false);
	must_be("::", true, false);
	must_be("::ffff:0.0.0.0", true, false);
	must_be("127.0.0.1", false, true);
	must_be("127.255.255.255", false, true);
	must_be("128.0.0.1", false, false);
	must_be("126.255.255.255", false, false);
	must_be("0.0.0.127", false, false);
	must_be("::1", false, true);
	must_be("::2", false, false);
	must_be("::ffff:127.0.0.2", false, true);
	must_be("::127.0.0.1", false, false);
	must_be("fe80::1%lo", false, false);
}

static void must_be_same(const char *a, const char *b, bool same)
{
	union addr first = parse(a, 1), second = parse(b, 2);

	assert_int_equal(addr_same_host(&first, &second), same);
	assert_int_equal(addr_same_host(&second, &first), same);
}

static void test_same_host(void **state)
{
	(void)state;
	must_be_same("10.0.0.1", "10.0.0.1", true);
	must_be_same("10.0.0.1", "10.0.0.2", false);
	must_be_same("::1", "0:0:0:0:0:0:0:1", true);
	must_be_same("::1", "::2", false);
	must_be_same("10.0.0.1", "::ffff:10.0.0.1", false);
	must_be_same("fe80::1%1", "fe80::1%lo", true);
	must_be_same("fe80::1%1", "fe80::1%2", false);
	must_be_same("ff02::1%1", "ff02::1%2", false);
	must_be_same("2001:db8::1%1", "2001:db8::1", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_what_the_kernel_needs),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_multicast),
		cmocka_unit_test(test_same_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
