/* The eventcount loses no wake-up: a thread that waits for a number to come does not wait for
 * ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/eventcount.h"
#include "support/scaled.h"

#define HANDOVERS 1000000u
#define THREADS 3
#define FOR_EVER_S 300 /* then SIGALRM ends the test */

/* Wait until the number is at least `least`; returns it. */
static unsigned await(struct eventcount *changed, _Atomic unsigned *number, unsigned least)
{
	for (;;) {
		uint32_t key = eventcount_key(changed);
		unsigned now = atomic_load_explicit(number, memory_order_acquire);

		if (now >= least)
			return now;
		eventcount_wait(changed, key, -1);
	}
}

static void publish(struct eventcount *changed, _Atomic unsigned *number, unsigned value)
{
	atomic_store_explicit(number, value, memory_order_release);
	eventcount_notify(changed, UINT_MAX);
}

/* Two threads, of which the first may be `ahead` by so many. */
struct pair {
	struct eventcount given_changed, taken_changed;
	_Atomic unsigned given, taken;
	unsigned count, ahead;
};

static void *take(void *argument)
{
	struct pair *pair = argument;

	for (unsigned taken = 0; taken < pair->count;) {
		taken = await(&pair->given_changed, &pair->given, taken + 1);
		publish(&pair->taken_changed, &pair->taken, taken);
	}
	return NULL;
}

static void must_hand_over(unsigned count, unsigned ahead)
{
	struct pair pair = { .count = count, .ahead = ahead };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, take, &pair), 0);
	for (unsigned given = 1; given <= count; given++) {
		if (given > ahead)
			(void)await(&pair.taken_changed, &pair.taken, given - ahead);
		publish(&pair.given_changed, &pair.given, given);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&pair.taken), count);
	assert_int_equal(atomic_load(&pair.given_changed.waiters), 0);
	assert_int_equal(atomic_load(&pair.taken_changed.waiters), 0);
}

static void test_no_wake_up_is_lost(void **state)
{
	(void)state;
	must_hand_over(scaled(HANDOVERS / 10), 1);
	must_hand_over(scaled(HANDOVERS / 10), 2);
	must_hand_over(scaled(HANDOVERS * 8 / 10), 64);
}

/* Tickets of several threads: one waiter is woken for each. */
struct shared {
	struct eventcount changed;
	_Atomic unsigned tickets;
	_Atomic unsigned taken;
	unsigned count;
};

static bool take_ticket(struct shared *shared)
{
	unsigned tickets = atomic_load(&shared->tickets);

	while (tickets > 0)
		if (atomic_compare_exchange_weak(&shared->tickets, &tickets, tickets - 1))
			return true;
	return false;
}

static void *take_tickets(void *argument)
{
	struct shared *shared = argument;

	while (atomic_load(&shared->taken) < shared->count) {
		uint32_t key = eventcount_key(&shared->changed);

		if (take_ticket(shared)) {
			if (atomic_fetch_add(&shared->taken, 1) + 1 == shared->count)
				eventcount_notify(&shared->changed, UINT_MAX);
		} else if (atomic_load(&shared->taken) < shared->count) {
			eventcount_wait(&shared->changed, key, -1);
		}
	}
	return NULL;
}

static void test_several_waiters(void **state)
{
	struct shared shared = { .count = scaled(HANDOVERS / 5) };
	pthread_t threads[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_tickets, &shared), 0);
	for (unsigned i = 0; i < shared.count; i++) {
		atomic_fetch_add(&shared.tickets, 1);
		eventcount_notify(&shared.changed, 1);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&shared.taken), shared.count);
	assert_int_equal(atomic_load(&shared.tickets), 0);
	assert_int_equal(atomic_load(&shared.changed.waiters), 0);
}

/* A timeout, and a notify between key and wait, end the wait: otherwise this does not end. */
static void test_waits_end(void **state)
{
	struct eventcount changed = { 0 };
	uint32_t key = eventcount_key(&changed);

	(void)state;
	eventcount_wait(&changed, key, 1000);
	key = eventcount_key(&changed);
	eventcount_notify(&changed, 1);
	eventcount_wait(&changed, key, -1);
	assert_int_equal(atomic_load(&changed.waiters), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_wake_up_is_lost),
		cmocka_unit_test(test_several_waiters),
		cmocka_unit_test(test_waits_end),
	};

	(void)alarm(FOR_EVER_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
