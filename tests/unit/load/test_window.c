/* The window: as what an answer counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "load/window.h"

#define ROOM 16
#define TIMEOUT_NS 1000

static struct load_counters counters;
static struct load_request requests[ROOM];
static struct load_window window;

static int begin(void **state)
{
	(void)state;
	memset(&counters, 0, sizeof(counters));
	counters.timeout_ns = TIMEOUT_NS;
	load_window_init(&window, &counters, requests, ROOM);
	return 0;
}

static void send(int64_t due_ns)
{
	load_window_sent(&window, due_ns, due_ns);
}

static void answer(uint64_t number, int64_t now_ns)
{
	load_window_answer(&window, number, now_ns);
}

static void must_be(uint64_t answered, uint64_t lost, uint64_t late)
{
	assert_int_equal(counters.answered, answered);
	assert_int_equal(counters.lost, lost);
	assert_int_equal(counters.late, late);
	assert_int_equal(counters.in_flight, window.in_flight);
	assert_int_equal(counters.sent, answered + lost + late + counters.in_flight);
}

static void answers_by_number(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		send(i);
	answer(0, 10);
	answer(2, 20);
	must_be(2, 0, 0);
	assert_int_equal(counters.reordered, 0);
	answer(1, 30);
	must_be(3, 0, 0);
	assert_int_equal(counters.reordered, 1);
	assert_int_equal(counters.latency.min_ns, 10);
	assert_int_equal(counters.latency.max_ns, 29);
}

static void a_second_answer_is_a_duplicate(void **state)
{
	(void)state;
	send(0);
	answer(0, 10);
	answer(0, 11);
	answer(0, 12);
	must_be(1, 0, 0);
	assert_int_equal(counters.duplicates, 2);
	assert_int_equal(counters.reordered, 0);
}

static void what_was_never_sent_is_wrong(void **state)
{
	(void)state;
	answer(0, 10);
	send(20);
	answer(1, 30);
	assert_int_equal(counters.wrong, 2);
	assert_int_equal(counters.in_flight, 1);
}

/* An answer is in time up to the timeout, also when the expiry ran just before it. */
static void timeout(void **state)
{
	(void)state;
	send(0);
	send(0);
	send(0);
	load_window_expire(&window, TIMEOUT_NS);
	must_be(0, 0, 0);
	answer(0, TIMEOUT_NS);
	answer(1, TIMEOUT_NS + 1);
	must_be(1, 0, 1);
	load_window_expire(&window, TIMEOUT_NS + 1);
	must_be(1, 1, 1);
	answer(2, TIMEOUT_NS + 2);
	must_be(1, 0, 2);
	answer(2, TIMEOUT_NS + 3);
	must_be(1, 0, 2);
	assert_int_equal(counters.duplicates, 1);
	assert_int_equal(counters.latency.count, 1);
}

/* It stays in flight while others are sent and answered, until the window has no room. */
static void the_oldest_is_not_forgotten(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < ROOM; i++) {
		assert_int_equal(load_window_room(&window), ROOM - i);
		send(0);
		if (i > 0)
			answer(i, 10);
	}
	assert_int_equal(load_window_room(&window), 0);
	answer(0, 20);
	assert_int_equal(load_window_room(&window), ROOM);
	must_be(ROOM, 0, 0);
	send(30);
	answer(0, 40);
	assert_int_equal(counters.strays, 1);
	answer(1, 40);
	assert_int_equal(counters.duplicates, 1);
}

static void answers_in_order(void **state)
{
	(void)state;
	send(0);
	send(5);
	load_window_answer_in_order(&window, 10);
	assert_int_equal(counters.latency.max_ns, 10);
	load_window_answer_in_order(&window, 11);
	must_be(2, 0, 0);
	load_window_answer_in_order(&window, 12);
	assert_int_equal(counters.duplicates, 1);
	send(20);
	load_window_expire(&window, 20 + TIMEOUT_NS + 1);
	must_be(2, 1, 0);
	load_window_answer_in_order(&window, 5000);
	must_be(2, 0, 1);
	load_window_answer_in_order(&window, 5001);
	assert_int_equal(counters.duplicates, 2);
}

/* Each answer is that of its request as long as each request has one. */
static void latencies_by_order_are_known_until_a_loss(void **state)
{
	(void)state;
	assert_false(load_window_knows_latency(&counters));
	send(0);
	send(5);
	load_window_answer_in_order(&window, 10);
	load_window_answer_in_order(&window, 10);
	assert_true(load_window_knows_latency(&counters));
	send(20);
	load_window_expire(&window, INT64_MAX);
	assert_false(load_window_knows_latency(&counters));
}

static void latencies_by_order_are_unknown_after_a_duplicate(void **state)
{
	(void)state;
	send(0);
	load_window_answer_in_order(&window, 10);
	load_window_answer_in_order(&window, 10);
	assert_false(load_window_knows_latency(&counters));
}

/* Also one of the warm-up, and one before the first answer. */
static void latencies_by_order_are_unknown_after_any_loss(void **state)
{
	(void)state;
	counters.counted_from_ns = 100;
	send(0);
	load_window_expire(&window, 50 + TIMEOUT_NS);
	send(2000);
	load_window_answer_in_order(&window, 2001);
	assert_int_equal(counters.answered, 1);
	assert_int_equal(counters.lost, 0);
	assert_false(load_window_knows_latency(&counters));
}

static void latencies_by_number_are_known_after_a_loss(void **state)
{
	(void)state;
	send(0);
	send(5);
	answer(1, 10);
	load_window_expire(&window, INT64_MAX);
	must_be(1, 1, 0);
	assert_true(load_window_knows_latency(&counters));
}

static void what_is_too_short_answers_nothing(void **state)
{
	(void)state;
	send(0);
	load_window_too_short(&window, 10);
	assert_int_equal(counters.too_short, 1);
	assert_int_equal(counters.in_flight, 1);
	must_be(0, 0, 0);
}

static void the_warm_up_is_not_counted(void **state)
{
	(void)state;
	counters.counted_from_ns = 100;
	for (int i = 0; i < 4; i++)
		send(99);
	send(100);
	answer(4, 110);
	answer(0, 111); /* reordered */
	answer(0, 112); /* twice */
	answer(1, 99 + TIMEOUT_NS + 1);
	load_window_expire(&window, 5000);
	answer(2, 5001);
	assert_int_equal(counters.sent, 1);
	must_be(1, 0, 0);
	assert_int_equal(counters.duplicates + counters.reordered + counters.wrong, 0);
	load_window_answer_in_order(&window, 5002);
	assert_int_equal(counters.late, 0);
	assert_int_equal(counters.duplicates, 1);
}

static void lag_and_quantiles(void **state)
{
	(void)state;
	assert_int_equal(load_durations_quantile_ns(&counters.lag, 0.99), 0);
	load_window_sent(&window, 100, 1100);
	load_window_sent(&window, 200, 205);
	assert_int_equal(load_durations_quantile_ns(&counters.lag, 0.5), 5);
	assert_int_equal(load_durations_quantile_ns(&counters.lag, 1), 1000);
	assert_int_equal(counters.lag.min_ns, 5);
}

/* The latency counts from when a request was due, and since_sent does not have our own lag in it. */
static void since_sent(void **state)
{
	(void)state;
	load_window_sent(&window, 1000, 51000);
	load_window_answer(&window, 0, 51000 + 900);
	assert_int_equal(counters.answered, 0);
	counters.timeout_ns = NS_PER_S;
	load_window_sent(&window, 1000, 51000);
	load_window_answer(&window, 1, 51000 + 900);
	assert_int_equal(counters.latency.max_ns, 50900);
	assert_int_equal(counters.since_sent.max_ns, 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(answers_by_number, begin),
		cmocka_unit_test_setup(a_second_answer_is_a_duplicate, begin),
		cmocka_unit_test_setup(what_was_never_sent_is_wrong, begin),
		cmocka_unit_test_setup(timeout, begin),
		cmocka_unit_test_setup(the_oldest_is_not_forgotten, begin),
		cmocka_unit_test_setup(answers_in_order, begin),
		cmocka_unit_test_setup(latencies_by_order_are_known_until_a_loss, begin),
		cmocka_unit_test_setup(latencies_by_order_are_unknown_after_a_duplicate, begin),
		cmocka_unit_test_setup(latencies_by_order_are_unknown_after_any_loss, begin),
		cmocka_unit_test_setup(latencies_by_number_are_known_after_a_loss, begin),
		cmocka_unit_test_setup(what_is_too_short_answers_nothing, begin),
		cmocka_unit_test_setup(the_warm_up_is_not_counted, begin),
		cmocka_unit_test_setup(lag_and_quantiles, begin),
		cmocka_unit_test_setup(since_sent, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
