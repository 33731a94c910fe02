/* The table of meters: what other sources do to a source's count, with more of them than it holds; threads. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "limiter_support.h"
#include "support/scaled.h"

/* A source that was never seen. */
static union addr forged(unsigned number)
{
	return v4(0x0b000000u + number * 2654435761u);
}

static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1); /* NOLINT: the kernel's own figures */
	(void)fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Nobody gets a full meter by having others fill the table: 10^5 of them, or with DGRAM_MORE=100 10^7. And they take
 * no more memory than the table's, but for a MiB that the kernel may be late to count. */
static void abusers_cannot_reset_their_count(void **state)
{
	const struct limiter_numbers settings = { .requests_per_s = 100, .burst_s = 1 };
	const unsigned sources = scaled(100000);
	size_t before = resident_bytes();
	unsigned let_in = 0;

	(void)state;
	limit_to(&settings);
	for (unsigned i = 0; i < 100; i++) {
		union addr abuser = v4(0xc0000200 + i);

		let_in += count_let_in(&abuser, BEGIN_NS, 50);
	}
	assert_int_equal(let_in, 3200); /* what a /24 may have */
	for (unsigned i = 0; i < sources; i++) {
		union addr source = forged(i);

		(void)is_let_in(&source, BEGIN_NS);
	}
	for (unsigned i = 0; i < 64; i++) {
		union addr abuser = v4(0xc0000200 + i);

		assert_in_range(count_let_in(&abuser, BEGIN_NS + NS_PER_S, 1000), 0, 100);
		assert_int_equal(count_let_in(&abuser, BEGIN_NS + NS_PER_S, 1000), 0);
	}
	if (scaled_by("DGRAM_SLOW") == 1) /* sanitizers take some themselves */
		assert_in_range(resident_bytes() - before, 0, sizeof(struct meters) + 1048576);
}

/* A thousand sources have used up what they may. Nor do they get more after others, who used up as much, have taken
 * over nearly all meters. */
static void what_is_forgotten_counts_for_others(void **state)
{
	const struct limiter_numbers settings = { .requests_per_s = 2, .burst_s = 1 };
	const unsigned sources = 1000, each = 150000 / scaled_by("DGRAM_SLOW");
	unsigned let_in = 0, forged_in = 0;

	(void)state;
	limit_to(&settings);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < sources; i++) {
			union addr source = v4(0xc0000000u + i * 65537);

			let_in += count_let_in(&source, BEGIN_NS, 10);
		}
		assert_int_equal(let_in, 2 * sources);
		for (unsigned i = 0; i < each; i++) {
			union addr source = forged(round * each + i);

			forged_in += count_let_in(&source, BEGIN_NS, 2);
		}
	}
	/* Of the sources, the table holds all that a set has room for; each also has two prefixes there. */
	assert_in_range(forged_in, each / 2, 2 * sizeof(struct meters) / 16);
}

/* Two meters of one source may take each other's place where a set is full, between the look and the charge. */
static void who_lost_its_meter_meanwhile_is_charged(void **state)
{
	struct meters *meters = &tables->meters;
	const uint64_t set = (uint64_t)5 << 32, one = set | 0x100, other = set | 0x200;
	const int64_t now = meter_time(BEGIN_NS);
	struct meter *found;

	(void)state;
	for (unsigned i = 1; i < METER_WAYS; i++)
		assert_int_equal(meters_charge(meters, set | i << 16, NULL, now, 20), 20);
	found = meters_find(meters, one);
	assert_ptr_equal(meters_find(meters, other), found);
	assert_int_equal(meters_charge(meters, one, found, now, 50), 50);
	assert_int_equal(meters_charge(meters, other, found, now, 1), 21);
	assert_int_equal(meter_used(meters_find(meters, one), now), 50);
}

/* --- threads */

#define THREADS 4
#define BURST 50000u

static pthread_barrier_t barrier;

struct client {
	unsigned rounds, let_in;
};

static void *ask(void *argument)
{
	struct client *client = argument;
	struct dice own = { 0 };

	for (unsigned round = 0; round < client->rounds; round++) {
		union addr address = v4(0xc0000000u + (round << 16));
		struct datagram datagram = request_at(&address, BEGIN_NS);

		(void)pthread_barrier_wait(&barrier);
		for (unsigned i = 0; i < BURST; i++)
			client->let_in += limiter_admits(&limiter, &own, &datagram);
	}
	return NULL;
}

/* All ask for one source at once: nothing is lost, and in each round at most one more of each other thread is let in. */
static void threads(void **state)
{
	const struct limiter_numbers settings = { .requests_per_s = BURST, .burst_s = 1 };
	struct client clients[THREADS];
	pthread_t handles[THREADS];
	unsigned rounds = scaled(10), let_in = 0;

	(void)state;
	limit_to(&settings);
	assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		clients[i] = (struct client){ .rounds = rounds };
		assert_int_equal(pthread_create(&handles[i], NULL, ask, &clients[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(handles[i], NULL), 0);
		let_in += clients[i].let_in;
	}
	assert_int_equal(pthread_barrier_destroy(&barrier), 0);
	assert_in_range(let_in, rounds * BURST, rounds * (BURST + THREADS - 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_limiter, teardown_limiter)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(abusers_cannot_reset_their_count),
		TEST(what_is_forgotten_counts_for_others),
		TEST(who_lost_its_meter_meanwhile_is_charged),
		TEST(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
