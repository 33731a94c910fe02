/* Who asked most in a window: the order, the addresses, and that each window has its own figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "queue/flow.h"

static void the_first_ten_are_kept(void **state)
{
	struct talkers talkers = { 0 };

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct talker talker = { .requests = i * 7 % 40, .served_ns = i * 11 % 40 };

		talkers_add(&talkers, &talker);
	}
	for (unsigned i = 0; i < TALKERS_MAX; i++) {
		assert_int_equal(talkers.by_requests[i].requests, 39 - i);
		assert_int_equal(talkers.by_time[i].served_ns, 39 - i);
	}
}

static void must_name(const char *client, bool with_port, const char *wanted)
{
	const struct flow_key key = { .words = { 1 } };
	struct datagram datagram = { .next = NULL };
	struct datagram_list one = { &datagram, &datagram, 1 };
	char text[ADDR_TEXT_MAX];
	union addr address;

	assert_int_equal(addr_parse(client, 7000, &datagram.client), 0);
	flow_note_sources(&key, &one, with_port);
	talkers_address(&datagram.source, &address);
	assert_string_equal(addr_format(&address, text), wanted);
}

static void sources_are_addresses_again(void **state)
{
	(void)state;
	must_name("192.0.2.7", false, "192.0.2.7:0");
	must_name("192.0.2.7", true, "192.0.2.7:7000");
	must_name("::ffff:192.0.2.7", true, "192.0.2.7:7000");
	must_name("2001:db8::1:2:3", false, "[2001:db8::]:0");
	must_name("2001:db8::1:2:3", true, "[2001:db8::1:2:3]:7000");
	must_name("fe80::1%1", false, "[fe80::1%lo]:0");
}

/* Its requests take a microsecond each. */
static void run_requests(struct flow_table *table, const char *client, unsigned count)
{
	struct datagram datagram = { .service_ns = 1000 };
	struct datagram_list one = { &datagram, &datagram, 1 };

	assert_int_equal(addr_parse(client, 1, &datagram.client), 0);
	flow_prepare(table, &one, false);
	while (count-- > 0)
		flow_charge_each(table, &one);
}

static void must_rank(
	const struct flow_table *table, bool current, const char *client, unsigned count)
{
	struct talkers talkers = { 0 };
	char text[ADDR_TEXT_MAX];
	union addr address;

	while (flow_rank(table, current, &talkers))
		;
	assert_int_equal(talkers.by_requests[0].requests, count);
	assert_int_equal(talkers.by_time[0].served_ns, 1000 * count);
	if (count == 0)
		return;
	talkers_address(&talkers.by_requests[0].source, &address);
	assert_string_equal(addr_format(&address, text), client);
}

static void each_window_has_its_own(void **state)
{
	struct flow_table *table;

	(void)state;
	assert_int_equal(flow_table_new(2000, 2000, &table), 0);
	must_rank(table, true, "", 0);
	run_requests(table, "192.0.2.1", 5);
	run_requests(table, "192.0.2.2", 3);
	must_rank(table, true, "192.0.2.1:0", 5);
	flow_table_next_window(table);
	must_rank(table, true, "192.0.2.1:0", 5); /* nothing ended in this one */
	must_rank(table, false, "192.0.2.1:0", 5);
	run_requests(table, "192.0.2.1", 1);
	run_requests(table, "192.0.2.2", 2);
	must_rank(table, true, "192.0.2.2:0", 2);
	must_rank(table, false, "192.0.2.1:0", 5);
	flow_table_next_window(table);
	must_rank(table, false, "192.0.2.2:0", 2);
	flow_table_next_window(table);
	must_rank(table, false, "", 0);
	flow_table_free(table);
}

/* One that came into the place of another does not have its figures. */
static void what_is_forgotten_is_gone(void **state)
{
	struct flow_table *table;

	(void)state;
	assert_int_equal(flow_table_new(1, 1, &table), 0);
	run_requests(table, "192.0.2.1", 5);
	flow_table_next_window(table);
	run_requests(table, "192.0.2.1", 1);
	run_requests(table, "192.0.2.2", 2);
	must_rank(table, true, "192.0.2.2:0", 2);
	must_rank(table, false, "", 0);
	flow_table_free(table);
}

/* More than are looked at at once, the last of which asked most. */
static void all_are_looked_at(void **state)
{
	struct flow_table *table;
	char client[32];

	(void)state;
	assert_int_equal(flow_table_new(2000, 2000, &table), 0);
	for (int i = 0; i < 1500; i++) {
		(void)snprintf(client, sizeof(client), "10.0.%d.%d", i / 256, i % 256);
		run_requests(table, client, i == 1499 ? 9 : 1);
	}
	must_rank(table, true, "10.0.5.219:0", 9);
	flow_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_ten_are_kept),
		cmocka_unit_test(sources_are_addresses_again),
		cmocka_unit_test(each_window_has_its_own),
		cmocka_unit_test(what_is_forgotten_is_gone),
		cmocka_unit_test(all_are_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
