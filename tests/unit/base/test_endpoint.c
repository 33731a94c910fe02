/* What a service can listen on: the same answer on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/endpoint.h"

static void must_be(const char *text, enum endpoint_verdict expected)
{
	struct endpoint endpoint;

	if (endpoint_parse(text, 1, &endpoint) != expected)
		fail_msg("%s is not judged as %d", text, (int)expected);
}

static void test_verdicts(void **state)
{
	(void)state;
	must_be("127.0.0.1", ENDPOINT_POSSIBLE);
	must_be("0.0.0.0", ENDPOINT_POSSIBLE);
	must_be("223.255.255.255", ENDPOINT_POSSIBLE);
	must_be("224.0.0.0", ENDPOINT_MULTICAST);
	must_be("224.0.0.1", ENDPOINT_MULTICAST);
	must_be("239.255.255.255", ENDPOINT_MULTICAST);
	must_be("240.0.0.1", ENDPOINT_POSSIBLE);
	must_be("255.255.255.255", ENDPOINT_POSSIBLE);
	must_be("203.0.113.9", ENDPOINT_POSSIBLE);
	must_be("::", ENDPOINT_POSSIBLE);
	must_be("::1", ENDPOINT_POSSIBLE);
	must_be("::127.0.0.1", ENDPOINT_POSSIBLE);
	must_be("::ffff:127.0.0.1", ENDPOINT_MAPPED);
	must_be("::ffff:0:0", ENDPOINT_MAPPED);
	must_be("ff02::1", ENDPOINT_MULTICAST);
	must_be("ff02::1%lo", ENDPOINT_MULTICAST);
	must_be("ff0e::1", ENDPOINT_MULTICAST);
	must_be("fe80::1", ENDPOINT_NO_SCOPE);
	must_be("fe80::1%0", ENDPOINT_NO_SCOPE);
	must_be("febf::1", ENDPOINT_NO_SCOPE);
	must_be("fec0::1", ENDPOINT_POSSIBLE);
	must_be("fe80::1%lo", ENDPOINT_POSSIBLE);
	must_be("fe80::1%4294967295", ENDPOINT_POSSIBLE);
	must_be("fe80::1%no-such-if", ENDPOINT_POSSIBLE);
	must_be("2001:db8::1%no-such-if", ENDPOINT_POSSIBLE);
	must_be("fe80::1%123456789012345", ENDPOINT_POSSIBLE);
	must_be("fe80::1%1234567890123456", ENDPOINT_INTERFACE);
	must_be("fe80::1%a/b", ENDPOINT_INTERFACE);
	must_be("fe80::1%a:b", ENDPOINT_INTERFACE);
	must_be("fe80::1%a b", ENDPOINT_INTERFACE);
	must_be("fe80::1%.", ENDPOINT_INTERFACE);
	must_be("fe80::1%..", ENDPOINT_INTERFACE);
	must_be("fe80::1%...", ENDPOINT_POSSIBLE);
	must_be("fe80::1%", ENDPOINT_NO_ADDRESS);
	must_be("localhost", ENDPOINT_NO_ADDRESS);
	must_be("", ENDPOINT_NO_ADDRESS);
	must_be("*", ENDPOINT_NO_ADDRESS);
}

static int bind_to(const char *text)
{
	const int on = 1;
	const char *name;
	union addr addr;
	int fd, error;

	assert_int_equal(addr_parse_named(text, 0, &addr, &name), 0);
	fd = socket(addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (addr.sa.sa_family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	error = bind(fd, &addr.sa, addr_length(&addr)) < 0 ? -errno : 0;
	close(fd);
	return error;
}

/* What is judged impossible the kernel refuses, multicast apart, whose trouble are the answers; and it has no
 * objection in principle to what is judged possible. */
static void test_beside_the_kernel(void **state)
{
	static const char *const impossible[] = { "::ffff:127.0.0.1", "::ffff:0:0", "fe80::1",
		"fe80::1%0", "ff02::1" };
	static const char *const possible[] = { "127.0.0.1", "0.0.0.0", "203.0.113.9", "240.0.0.1",
		"255.255.255.255", "::", "::1", "::127.0.0.1", "2001:db8::1", "fec0::1",
		"fe80::1%4294967295" };

	(void)state;
	if (bind_to("::") == -EAFNOSUPPORT)
		skip();
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++)
		assert_int_equal(bind_to(impossible[i]), -EINVAL);
	for (size_t i = 0; i < sizeof(possible) / sizeof(possible[0]); i++) {
		int error = bind_to(possible[i]);

		if (error != 0 && error != -EADDRNOTAVAIL && error != -ENODEV)
			fail_msg("%s: %s", possible[i], strerror(-error));
	}
}

static void must_exclude(const char *a, const char *b, uint16_t port, bool exclude)
{
	struct endpoint pair[2];

	for (int order = 0; order < 2; order++) {
		assert_int_equal(endpoint_parse(a, port, &pair[order]), ENDPOINT_POSSIBLE);
		assert_int_equal(endpoint_parse(b, port, &pair[1 - order]), ENDPOINT_POSSIBLE);
		assert_int_equal(endpoint_find_rival(pair, 0), 0);
		if (endpoint_find_rival(pair, 1) != (exclude ? 0 : 1))
			fail_msg("%s and %s", a, b);
	}
}

static void test_rivals(void **state)
{
	struct endpoint endpoint[3];

	(void)state;
	must_exclude("127.0.0.1", "127.0.0.1", 7, true);
	must_exclude("127.0.0.1", "127.0.0.1", 0, false);
	must_exclude("127.0.0.1", "127.0.0.2", 7, false);
	must_exclude("0.0.0.0", "127.0.0.1", 7, true);
	must_exclude("0.0.0.0", "0.0.0.0", 7, true);
	must_exclude("0.0.0.0", "::", 7, false);
	must_exclude("::", "127.0.0.1", 7, false);
	must_exclude("0.0.0.0", "::1", 7, false);
	must_exclude("::", "::1", 7, true);
	must_exclude("::1", "0:0::1", 7, true);
	must_exclude("::", "fe80::1%lo", 7, true);
	must_exclude("fe80::1%lo", "fe80::1%lo", 7, true);
	must_exclude("fe80::1%1", "fe80::1%01", 7, true);
	must_exclude("fe80::1%1", "fe80::1%2", 7, false);
	must_exclude("fe80::1%lo", "fe80::1%wg0", 7, false);
	must_exclude("fe80::1%lo", "fe80::1%1", 7, false);
	must_exclude("2001:db8::1%lo", "2001:db8::1", 7, true);
	assert_int_equal(endpoint_parse("127.0.0.1", 7, &endpoint[0]), ENDPOINT_POSSIBLE);
	assert_int_equal(endpoint_parse("127.0.0.1", 8, &endpoint[1]), ENDPOINT_POSSIBLE);
	assert_int_equal(endpoint_parse("0.0.0.0", 8, &endpoint[2]), ENDPOINT_POSSIBLE);
	assert_int_equal(endpoint_find_rival(endpoint, 1), 1);
	assert_int_equal(endpoint_find_rival(endpoint, 2), 1);
}

static void must_resolve(const char *text, int expected, const char *formatted)
{
	struct endpoint endpoint;
	union addr addr;
	char written[ADDR_TEXT_MAX];

	assert_int_equal(endpoint_parse(text, 7, &endpoint), ENDPOINT_POSSIBLE);
	assert_string_equal(endpoint_format(&endpoint, written), formatted);
	assert_int_equal(endpoint_resolve(&endpoint, &addr), expected);
	if (expected == 0)
		assert_string_equal(addr_format(&addr, written), formatted);
}

static void test_resolving(void **state)
{
	(void)state;
	must_resolve("127.0.0.1", 0, "127.0.0.1:7");
	must_resolve("fe80::1%lo", 0, "[fe80::1%lo]:7");
	must_resolve("fe80::1%1", 0, "[fe80::1%lo]:7");
	must_resolve("fe80::1%no-such-if", -ENODEV, "[fe80::1%no-such-if]:7");
	must_resolve("fe80::1%4294967295", 0, "[fe80::1%4294967295]:7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_beside_the_kernel),
		cmocka_unit_test(test_rivals),
		cmocka_unit_test(test_resolving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
