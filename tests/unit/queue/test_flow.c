/* Which datagrams are of one source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "queue/flow.h"

/* Are two such addresses, with these ports, one source? */
static bool same_source(const char *a, const char *b, bool with_port)
{
	const struct flow_key key = { .words = { 1, 2, 3, 4, 5, 6, 7 } };
	struct datagram second = { .next = NULL }, first = { .next = &second };
	struct datagram_list both = { &first, &second, 2 };

	assert_int_equal(addr_parse(a, 1, &first.client), 0);
	assert_int_equal(addr_parse(b, 2, &second.client), 0);
	flow_note_sources(&key, &both, with_port);
	return memcmp(&first.source, &second.source, sizeof(first.source)) == 0;
}

static void sources_are_exact(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "10.0.0.1", "::ffff:10.0.0.1", true },
		{ "2001:db8::1", "2001:db8::2", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "fe80::1%1", "fe80::2%1", false },
		{ "fe80::1%1", "fe80::1%2", false },
		{ "fe80::1%1", "fe80::1%1", true },
		{ "::1", "127.0.0.1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(same_source(cases[i].a, cases[i].b, false), cases[i].same);
		assert_false(same_source(cases[i].a, cases[i].b, true)); /* their ports differ */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
