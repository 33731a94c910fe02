/* Networks: which sources are of one, and which one was served least. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/addr.h"
#include "queue/flow.h"
#include "queue/network.h"

#define FLOWS 8u
#define HEADS 16u

struct rig {
	struct network_table table;
	void *bytes;
};

static void begin(struct rig *rig)
{
	*rig = (struct rig){ .bytes = calloc(1, network_table_bytes(FLOWS, HEADS)) };
	assert_non_null(rig->bytes);
	network_table_init(&rig->table, FLOWS, HEADS, rig->bytes);
}

static void join(struct rig *rig, uint32_t flow, const char *address, bool with_port)
{
	const struct flow_key key = { .words = { 1, 2, 3, 4, 5, 6, 7 } };
	struct datagram datagram = { .next = NULL };
	struct datagram_list list = { &datagram, &datagram, 1 };

	assert_int_equal(addr_parse(address, (uint16_t)(1000 + flow), &datagram.client), 0);
	flow_note_sources(&key, &list, with_port);
	network_join(&rig->table, flow, &datagram.source);
}

static bool is_same(const char *a, const char *b, bool with_port)
{
	struct rig rig;
	bool same;

	begin(&rig);
	join(&rig, 1, a, with_port);
	join(&rig, 2, b, with_port);
	same = rig.table.members[1].network == rig.table.members[2].network;
	free(rig.bytes);
	return same;
}

static void networks_are_exact(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "10.0.1.0", "10.0.1.255", true },
		{ "10.0.1.255", "10.0.2.0", false },
		{ "10.0.1.1", "10.1.1.1", false },
		{ "10.0.1.1", "11.0.1.1", false },
		{ "10.0.1.1", "::ffff:10.0.1.2", true },
		{ "2001:db8:1::1", "2001:db8:1:ffff::1", true },
		{ "2001:db8:1::1", "2001:db8:2::1", false },
		{ "2001:db8:1::1", "2001:db9:1::1", false },
		{ "fe80::1%1", "fe80::2%1", true },
		{ "fe80::1%1", "fe80::1%2", false },
		{ "::1", "0.0.0.0", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned with_port = 0; with_port < 2; with_port++)
			assert_int_equal(is_same(cases[i].a, cases[i].b, with_port), cases[i].same);
}

/* In order: the flow that is next, and is charged this. */
static void must_be_next(struct rig *rig, uint32_t flow, int64_t ns)
{
	assert_int_equal(network_least_served(&rig->table), flow);
	network_unlist(&rig->table, flow);
	network_charge(&rig->table, flow, ns);
	network_list(&rig->table, flow);
}

static void a_network_weighs_as_one(void **state)
{
	static const char *const addresses[] = { "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.2.1" };
	struct rig rig;

	(void)state;
	begin(&rig);
	assert_int_equal(network_least_served(&rig.table), 0);
	for (uint32_t i = 0; i < 4; i++) {
		join(&rig, i + 1, addresses[i], false);
		network_list(&rig.table, i + 1);
	}
	must_be_next(&rig, 1, 1000);
	must_be_next(&rig, 4, 3000);
	must_be_next(&rig, 2, 1000); /* 1,000 of three against 3,000 of one */
	must_be_next(&rig, 3, 2000);
	assert_false(network_is_equal(&rig.table, 1, 4));
	must_be_next(&rig, 4, 1000);
	assert_true(network_is_equal(&rig.table, 1, 4));
	network_charge(&rig.table, 1, -500);
	must_be_next(&rig, 1, 5000);
	network_table_next_window(&rig.table);
	assert_true(network_is_equal(&rig.table, 1, 4));
	for (uint32_t flow = 1; flow <= 4; flow++)
		network_unlist(&rig.table, flow);
	assert_int_equal(network_least_served(&rig.table), 0);
	free(rig.bytes);
}

/* Its record is given back with the last flow, and what it was served with that. */
static void a_network_is_forgotten_with_its_flows(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig);
	for (uint32_t i = 0; i < 1000; i++) {
		char address[] = "10.0.0.1";

		address[5] = (char)('0' + i % 10);
		join(&rig, 1, address, false);
		join(&rig, 2, address, false);
		network_charge(&rig.table, 1, 1000);
		network_leave(&rig.table, 1);
		join(&rig, 3, "10.0.0.1", false);
		assert_int_equal(network_is_equal(&rig.table, 2, 3), i % 10 == 0);
		network_leave(&rig.table, 2);
		network_leave(&rig.table, 3);
	}
	assert_int_equal(rig.table.used, 2);
	free(rig.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_are_exact),
		cmocka_unit_test(a_network_weighs_as_one),
		cmocka_unit_test(a_network_is_forgotten_with_its_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
