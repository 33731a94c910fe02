/* The search of the highest rate, with a server that is made up: this file's load_run() stands in the
 * place of the real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "load/search.h"

#define CAPACITY 50000.0
#define REQUESTS 1000
#define SHORT_NS (100 * NS_PER_US)
#define LONG_NS NS_PER_S

/* The made-up server, and what disturbs it. */
static struct {
	unsigned runs;
	double capacity;
	unsigned bad_from, bad_until; /* runs in which everything is lost */
	unsigned bad_share;	      /* in percent of all runs, at random */
	unsigned good_every;	      /* only each run of this number is good; 0: all */
	double sends_most;	      /* the highest rate that we can send; 0: any */
	int64_t own_lag_ns;
	bool stopped;
} world;

void load_run_stop(void)
{
	world.stopped = true;
}

bool load_run_is_stopped(void)
{
	return world.stopped;
}

double load_run_rate(const struct load_result *result, uint64_t count)
{
	return (double)count / result->seconds;
}

static bool is_bad(void)
{
	return (world.runs >= world.bad_from && world.runs < world.bad_until) ||
	       (world.good_every > 0 && world.runs % world.good_every != 0) ||
	       (unsigned)(rand() % 100) < world.bad_share;
}

int load_run(const struct load_options *options, const struct load_payload *payload,
	struct load_result *ret_result)
{
	struct load_counters *counters = &ret_result->counters;

	(void)payload;
	world.runs++;
	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->mode = LOAD_OPEN;
	ret_result->seconds = 1;
	ret_result->due = REQUESTS;
	ret_result->server.local = true;
	counters->sent = REQUESTS;
	if (world.sends_most > 0 && options->rate > world.sends_most)
		counters->sent = REQUESTS / 2;
	counters->answered = counters->sent;
	if (is_bad())
		counters->answered = 0;
	else if (options->rate > world.capacity)
		counters->answered /= 2;
	counters->lost = counters->sent - counters->answered;
	for (uint64_t i = 0; i < counters->answered; i++) {
		load_durations_add(&counters->latency, SHORT_NS + world.own_lag_ns);
		load_durations_add(&counters->since_sent, SHORT_NS);
	}
	return 0;
}

static struct load_search search(void)
{
	const struct load_options options = {
		.mode = LOAD_FIND_MAX,
		.max_loss_percent = 0.1,
		.max_p99_ns = 10 * NS_PER_MS,
	};
	static struct load_search found;
	static struct load_result result;

	world.runs = 0;
	assert_int_equal(load_search(&options, NULL, &found, &result), 0);
	assert_int_equal(found.steps_count, world.runs);
	if (found.max_rate > 0)
		assert_int_equal(result.counters.answered, REQUESTS);
	return found;
}

static int begin(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.capacity = CAPACITY;
	return 0;
}

static unsigned tries_of(const struct load_search *found, double rate)
{
	unsigned count = 0;

	for (unsigned i = 0; i < found->steps_count; i++)
		count += found->steps[i].rate == rate;
	return count;
}

static void must_be_the_edge(const struct load_search *found, double capacity)
{
	assert_true(found->max_rate <= capacity && capacity < found->failed_rate);
	assert_true(found->failed_rate / found->max_rate <= 1.03);
	assert_true(tries_of(found, found->failed_rate) >= 4);
}

static void a_quiet_machine(void **state)
{
	struct load_search found = search();

	(void)state;
	must_be_the_edge(&found, CAPACITY);
	assert_true(found.steady_rate == found.max_rate);
	assert_int_equal(tries_of(&found, found.steady_rate), 3);
	assert_int_equal(found.limit, LOAD_LIMIT_QUEUE);
	world.capacity = 70;
	found = search();
	must_be_the_edge(&found, 70);
}

static void two_tries_of_three_are_bad(void **state)
{
	struct load_search found;

	(void)state;
	world.good_every = 3;
	found = search();
	must_be_the_edge(&found, CAPACITY);
	assert_true(found.steady_rate == 0);
}

/* All rates that are tried meanwhile fail, and the lowest of them is where the search ends, but for the
 * try at the edge. */
static void a_bad_moment(void **state)
{
	(void)state;
	for (unsigned from = 1; from < 30; from++) {
		struct load_search found;

		world.bad_from = from;
		world.bad_until = from + 5;
		found = search();
		must_be_the_edge(&found, CAPACITY);
		assert_true(found.steady_rate <= found.max_rate);
	}
}

static void bad_moments_at_random(void **state)
{
	unsigned right = 0;

	(void)state;
	world.bad_share = 25;
	for (unsigned seed = 1; seed <= 100; seed++) {
		struct load_search found;

		srand(seed);
		found = search();
		assert_true(found.max_rate <= CAPACITY);
		assert_true(found.steady_rate <= found.max_rate);
		right += found.max_rate * 1.03 >= CAPACITY;
	}
	print_message("%u of 100 found the edge\n", right);
	assert_true(right > 90);
}

/* How late we were is not the server's fault, and that we could not send is not its edge. */
static void our_own_limits(void **state)
{
	struct load_search found;

	(void)state;
	world.own_lag_ns = LONG_NS;
	found = search();
	must_be_the_edge(&found, CAPACITY);
	world.sends_most = 20000;
	found = search();
	must_be_the_edge(&found, 20000);
	assert_int_equal(found.limit, LOAD_LIMIT_CLIENT);
}

static void nothing_holds(void **state)
{
	struct load_search found;

	(void)state;
	world.capacity = 0;
	found = search();
	assert_true(found.max_rate == 0 && found.steady_rate == 0);
	assert_true(found.failed_rate >= 10 && found.failed_rate < 20);
	assert_int_equal(tries_of(&found, found.failed_rate), 3);
}

/* Until the highest rate that dgramload can be asked for. */
static void everything_holds(void **state)
{
	struct load_search found;

	(void)state;
	world.capacity = 1e9;
	found = search();
	assert_true(found.max_rate > LOAD_RATE_MAX / 2.0 && found.failed_rate == 0);
	assert_true(found.steady_rate == found.max_rate);
}

static void is_stopped(void **state)
{
	const struct load_options options = { .mode = LOAD_FIND_MAX };
	static struct load_search found;
	static struct load_result result;

	(void)state;
	world.stopped = true;
	assert_int_equal(load_search(&options, NULL, &found, &result), 0);
	assert_int_equal(found.steps_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_quiet_machine, begin),
		cmocka_unit_test_setup(two_tries_of_three_are_bad, begin),
		cmocka_unit_test_setup(a_bad_moment, begin),
		cmocka_unit_test_setup(bad_moments_at_random, begin),
		cmocka_unit_test_setup(our_own_limits, begin),
		cmocka_unit_test_setup(nothing_holds, begin),
		cmocka_unit_test_setup(everything_holds, begin),
		cmocka_unit_test_setup(is_stopped, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
