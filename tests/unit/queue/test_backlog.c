/* The three rules: least served first, fresh while overloaded, and what goes when there is no room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#define MS 1000000LL

struct rig {
	struct queue *queue;
	int64_t now_ns;
	struct datagram_list dropped;
};

static const struct backlog_rules fair = { .discipline = BACKLOG_FAIR };
static const struct backlog_rules fifo = { .discipline = BACKLOG_FIFO };
static const struct backlog_rules fair_per_client = { BACKLOG_FAIR, true };
static const struct backlog_rules fifo_per_client = { BACKLOG_FIFO, true };

static struct demand demand;

static struct rig new_rig(struct backlog_rules rules, unsigned capacity)
{
	const struct queue_limits limits = {
		.capacity = capacity, .workers_max = 4, .demand = &demand, .rules = rules
	};
	const struct queue_settings settings = {
		.overload_interval_ns = 100 * MS, .fair_window_ns = 1000 * MS, .max_workers = 4
	};
	struct rig rig = { .now_ns = 10000 * MS };

	assert_int_equal(queue_new(&limits, &settings, &rig.queue), 0);
	return rig;
}

static void discard(struct datagram_list *list)
{
	while (list->count > 0)
		free(datagram_list_pop(list));
}

static void end_rig(struct rig *rig)
{
	queue_discard(rig->queue, &rig->dropped);
	discard(&rig->dropped);
	queue_free(rig->queue);
}

/* One datagram from this address, numbered. Addresses of networks of their own are served alike by network and by
 * address. */
static void arrive_as(
	struct rig *rig, const char *client, uint32_t number, enum datagram_standing standing)
{
	struct datagram *datagram = calloc(1, sizeof(*datagram));
	const struct ledger admission = { .received = 1 };
	struct datagram_list batch = { 0 };

	assert_int_equal(addr_parse(client, 1000, &datagram->client), 0);
	datagram->length = number;
	datagram->standing = (uint8_t)standing;
	datagram->arrived_ns = rig->now_ns;
	datagram->expires_ns = DATAGRAM_FOREVER_NS;
	datagram_list_push(&batch, datagram);
	queue_push(rig->queue, &batch, &admission, rig->now_ns, &rig->dropped);
}

static void arrive(struct rig *rig, const char *client, uint32_t number)
{
	arrive_as(rig, client, number, DATAGRAM_COMMON);
}

static void finish(struct rig *rig, struct queue_batch *batch, int64_t service_ns)
{
	const struct ledger results = { .replied = batch->jobs.count };

	for (struct datagram *job = batch->jobs.first; job != NULL; job = job->next)
		job->service_ns = service_ns;
	queue_finish(rig->queue, &batch->jobs, &results, 0);
	discard(&batch->jobs);
}

/* The next has this number; it takes so long. */
static void must_serve(struct rig *rig, uint32_t number, int64_t service_ns)
{
	struct queue_batch batch;

	assert_true(queue_pop(rig->queue, rig->now_ns, &batch));
	assert_int_equal(batch.jobs.count, 1);
	assert_int_equal(batch.jobs.first->length, number);
	finish(rig, &batch, service_ns);
}

/* The next `count` have these numbers, in any order, because one is drawn among equals. Returns the first. */
static uint32_t must_serve_all(struct rig *rig, const uint32_t *numbers, unsigned count)
{
	uint64_t wanted = 0;
	uint32_t first = 0;

	for (unsigned i = 0; i < count; i++)
		wanted |= (uint64_t)1 << numbers[i];
	for (unsigned i = 0; i < count; i++) {
		struct queue_batch batch;
		uint32_t number;

		assert_true(queue_pop(rig->queue, rig->now_ns, &batch) && batch.jobs.count == 1);
		number = batch.jobs.first->length;
		assert_true(number < 64 && (wanted >> number & 1) != 0);
		wanted &= ~((uint64_t)1 << number);
		if (i == 0)
			first = number;
		finish(rig, &batch, MS);
	}
	return first;
}

/* What was dropped last, and alone. */
static void must_have_dropped(struct rig *rig, uint32_t number)
{
	assert_int_equal(rig->dropped.count, 1);
	assert_int_equal(rig->dropped.first->length, number);
	discard(&rig->dropped);
}

static void least_served_first(void **state)
{
	struct rig rig = new_rig(fair, 100);

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		arrive(&rig, "10.0.1.1", i);
	arrive(&rig, "10.0.2.1", 10);
	arrive(&rig, "10.0.2.1", 11);
	must_serve(&rig, 0, MS);      /* equal: who came first */
	must_serve(&rig, 10, 3 * MS); /* the second has had nothing */
	must_serve(&rig, 1, MS);      /* 1 ms against 3 */
	must_serve(&rig, 2, 2 * MS);  /* 2 against 3 */
	must_serve(&rig, 11, MS);     /* 4 against 3 */
	must_serve(&rig, 3, MS);
	end_rig(&rig);
}

/* Costly requests weigh more than many. */
static void time_counts_and_not_numbers(void **state)
{
	struct rig rig = new_rig(fair, 100);

	(void)state;
	arrive(&rig, "10.0.1.1", 0);
	arrive(&rig, "10.0.1.1", 1);
	for (uint32_t i = 10; i < 20; i++)
		arrive(&rig, "10.0.2.1", i);
	must_serve(&rig, 0, 100 * MS);
	for (uint32_t i = 10; i < 20; i++)
		must_serve(&rig, i, 9 * MS);
	must_serve(&rig, 1, MS);
	end_rig(&rig);
}

/* Which of two is first, of whom one was served much in the window before. Overloaded by then. */
static uint32_t first_of_a_new_window(void)
{
	struct rig rig = new_rig(fair, 100);
	uint32_t first;

	arrive(&rig, "10.0.1.1", 0);
	must_serve(&rig, 0, 500 * MS);
	arrive(&rig, "10.0.1.1", 1);
	arrive(&rig, "10.0.2.1", 2);
	rig.now_ns += 50 * MS;
	must_serve(&rig, 2, MS);
	rig.now_ns += 1000 * MS;
	arrive(&rig, "10.0.2.1", 3);
	arrive(&rig, "10.0.1.1", 4);
	first = must_serve_all(&rig, (const uint32_t[]){ 3, 4 }, 2);
	must_serve(&rig, 1, MS);
	end_rig(&rig);
	return first;
}

/* Equals they are again, of whom either may be drawn. */
static void a_new_window_forgets(void **state)
{
	unsigned fours = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		fours += first_of_a_new_window() == 4;
	assert_in_range(fours, 1, 99);
}

/* The share has these numbers, in this order; 0 ends them. */
static void must_hold(const struct datagram_list *jobs, const uint32_t *numbers)
{
	unsigned count = 0;

	for (const struct datagram *job = jobs->first; job != NULL; job = job->next)
		assert_int_equal(job->length, numbers[count++]);
	assert_int_equal(jobs->count, count);
	assert_int_equal(numbers[count], 0);
}

/* All of these arrive after a job of a quick handler, and one pop takes them. */
static struct queue_batch take_all(struct rig *rig)
{
	struct queue_batch batch;

	arrive(rig, "10.0.9.1", 90);
	must_serve(rig, 90, 1000);
	for (uint32_t i = 1; i <= 3; i++)
		arrive(rig, "10.0.1.1", i);
	arrive(rig, "10.0.2.1", 20);
	arrive(rig, "10.0.1.1", 4);
	arrive(rig, "10.0.3.1", 30);
	assert_true(queue_pop(rig->queue, rig->now_ns, &batch));
	return batch;
}

/* It does not matter which of all is first; each is charged what it took. */
static void all_are_taken_by_age(void **state)
{
	struct rig rig = new_rig(fair, 100);
	struct queue_batch batch = take_all(&rig);

	(void)state;
	must_hold(&batch.jobs, (const uint32_t[]){ 1, 2, 3, 20, 4, 30, 0 });
	finish(&rig, &batch, MS); /* 4 ms, 1 ms and 1 ms */
	arrive(&rig, "10.0.1.1", 5);
	arrive(&rig, "10.0.2.1", 21);
	must_serve(&rig, 21, 2 * MS);
	must_serve(&rig, 5, MS);
	end_rig(&rig);
}

/* Until one turns out to be slow. */
static void a_slow_one_puts_its_source_behind(void **state)
{
	struct rig rigs[] = { new_rig(fair, 100), new_rig(fifo, 100) };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct queue_batch batch = take_all(&rigs[i]);

		queue_put_behind(rigs[i].queue, batch.jobs.first->next, &batch.jobs);
		must_hold(&batch.jobs, i == 0 ? (const uint32_t[]){ 1, 2, 20, 30, 3, 4, 0 }
					      : (const uint32_t[]){ 1, 2, 3, 20, 4, 30, 0 });
		queue_put_behind(rigs[i].queue, batch.jobs.last, &batch.jobs);
		assert_int_equal(batch.jobs.count, 6);
		finish(&rigs[i], &batch, MS);
		end_rig(&rigs[i]);
	}
}

/* Who keeps a slow handler busy is charged from its begin. */
static void a_slow_handler_is_charged_for_at_once(void **state)
{
	struct rig rig = new_rig(fair, 100);
	struct queue_batch first, second;

	(void)state;
	arrive(&rig, "10.0.2.1", 20);
	must_serve(&rig, 20, MS); /* it has been served, too */
	arrive(&rig, "10.0.1.1", 1);
	assert_true(queue_pop(rig.queue, rig.now_ns, &first));
	arrive(&rig, "10.0.1.1", 2);
	assert_true(queue_pop(rig.queue, rig.now_ns, &second));
	arrive(&rig, "10.0.1.1", 3);
	arrive(&rig, "10.0.2.1", 21);
	must_serve(&rig, 21, MS);
	finish(&rig, &first, MS);
	finish(&rig, &second, MS);
	must_serve(&rig, 3, MS);
	end_rig(&rig);
}

static void fresh_before_stale_while_overloaded(void **state)
{
	struct rig rig = new_rig(fair, 100);

	(void)state;
	arrive(&rig, "10.0.1.1", 0);
	arrive(&rig, "10.0.2.1", 10);
	rig.now_ns += 100 * MS; /* not empty for so long */
	arrive(&rig, "10.0.2.1", 11);
	arrive(&rig, "10.0.1.1", 1);
	arrive(&rig, "10.0.3.1", 20);
	arrive(&rig, "10.0.4.1", 30);
	(void)must_serve_all(&rig, (const uint32_t[]){ 1, 11, 20, 30 }, 4);
	(void)must_serve_all(&rig, (const uint32_t[]){ 0, 10 }, 2); /* nothing fresh is left */
	end_rig(&rig);
}

/* Those who were served nothing come first, but not with what is stale; until they are heard
 * from. */
static void stale_flows_make_way(void **state)
{
	struct rig rig = new_rig(fair, 100);

	(void)state;
	arrive(&rig, "10.0.2.1", 10);
	must_serve(&rig, 10, 5 * MS);
	arrive(&rig, "10.0.1.1", 0);
	arrive(&rig, "10.0.3.1", 20);
	rig.now_ns += 100 * MS;
	arrive(&rig, "10.0.2.1", 11);
	arrive(&rig, "10.0.2.1", 12);
	arrive(&rig, "10.0.3.1", 21);
	/* One was heard from again, and its other one is stale; the other was served more. */
	(void)must_serve_all(&rig, (const uint32_t[]){ 12, 21 }, 2);
	must_serve(&rig, 11, MS);
	must_serve(&rig, 0, MS);
	must_serve(&rig, 20, MS);
	end_rig(&rig);
}

/* Who has used up its limits was served nothing, and is next only when nothing else waits, until it is heard from
 * within them. */
static void who_is_over_its_limits_goes_last(void **state)
{
	struct rig rig = new_rig(fair, 100);

	(void)state;
	arrive_as(&rig, "10.0.1.1", 0, DATAGRAM_OVER);
	arrive(&rig, "10.0.2.1", 10);
	arrive(&rig, "10.0.2.1", 11);
	arrive(&rig, "10.0.3.1", 20);
	must_serve(&rig, 10, MS);
	must_serve(&rig, 20, MS);
	must_serve(&rig, 11, MS);
	arrive(&rig, "10.0.1.1", 1);
	arrive(&rig, "10.0.3.1", 21);
	must_serve(&rig, 0, MS);
	arrive_as(&rig, "10.0.1.1", 2, DATAGRAM_OVER);
	must_serve(&rig, 21, MS);
	must_serve(&rig, 1, MS);
	must_serve(&rig, 2, MS);
	end_rig(&rig);
}

/* Then all are alike again, but that nothing is by network or by chance: the address that was served least is next. */
static void all_are_over_their_limits(void **state)
{
	struct rig rig = new_rig(fair, 100);

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		arrive_as(&rig, "10.0.1.1", i, DATAGRAM_OVER);
		arrive_as(&rig, "10.0.2.1", 10 + i, DATAGRAM_OVER);
		arrive_as(&rig, "10.0.2.2", 20 + i, DATAGRAM_OVER);
	}
	must_serve(&rig, 0, 5 * MS);
	for (uint32_t i = 0; i < 2; i++) {
		must_serve(&rig, 10 + i, 2 * MS);
		must_serve(&rig, 20 + i, 2 * MS);
	}
	must_serve(&rig, 12, 2 * MS);
	must_serve(&rig, 22, 9 * MS);
	must_serve(&rig, 1, 2 * MS);
	rig.now_ns += 100 * MS;
	arrive_as(&rig, "10.0.2.1", 18, DATAGRAM_OVER);
	must_serve(&rig, 18, 9 * MS); /* overloaded: the newest of an address */
	must_serve(&rig, 7, 9 * MS);
	must_serve(&rig, 27, 9 * MS);
	end_rig(&rig);
}

static void fifo_knows_no_limits(void **state)
{
	struct rig rigs[] = { new_rig(fifo, 100), new_rig(fifo_per_client, 100) };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		arrive_as(&rigs[i], "10.0.1.1", 0, DATAGRAM_OVER);
		arrive(&rigs[i], "10.0.2.1", 10);
		must_serve(&rigs[i], 0, MS);
		must_serve(&rigs[i], 10, MS);
		end_rig(&rigs[i]);
	}
}

/* Nor is it drawn, with what came before. */
static void who_is_over_its_limits_is_not_drawn(void **state)
{
	struct rig rig = new_rig(fair, 100);

	(void)state;
	arrive(&rig, "10.0.100.1", 0);
	rig.now_ns += 100 * MS;
	for (uint32_t i = 1; i < 20; i++) {
		char client[sizeof("10.0.100.1")];

		(void)snprintf(client, sizeof(client), "10.0.%u.1", i);
		arrive(&rig, client, i);
		arrive_as(&rig, client, 20 + i, DATAGRAM_OVER);
	}
	for (uint32_t i = 40; i < 64; i++)
		arrive(&rig, "10.0.100.1", i);
	for (uint32_t i = 64; i-- > 40;)
		must_serve(&rig, i, 10 * MS);
	end_rig(&rig);
}

static void calm_again_when_it_was_empty(void **state)
{
	struct rig rig = new_rig(fair, 100);

	(void)state;
	arrive(&rig, "10.0.1.1", 0);
	rig.now_ns += 500 * MS;
	must_serve(&rig, 0, MS);
	arrive(&rig, "10.0.1.1", 1);
	arrive(&rig, "10.0.1.1", 2);
	must_serve(&rig, 1, MS);
	must_serve(&rig, 2, MS);
	end_rig(&rig);
}

static void the_longest_flow_makes_room(void **state)
{
	struct rig rig = new_rig(fair, 4);

	(void)state;
	arrive(&rig, "10.0.2.1", 10);
	arrive(&rig, "10.0.1.1", 0);
	arrive(&rig, "10.0.1.1", 1);
	arrive(&rig, "10.0.3.1", 20);
	arrive(&rig, "10.0.4.1", 30);
	must_have_dropped(&rig, 0);
	arrive(&rig, "10.0.5.1", 40); /* all have one: the oldest goes */
	must_have_dropped(&rig, 10);
	end_rig(&rig);
}

/* Beyond 64 all are alike, and none is walked. */
static void very_long_flows(void **state)
{
	struct rig rig = new_rig(fair, 1000);

	(void)state;
	for (uint32_t i = 0; i < 999; i++)
		arrive(&rig, "10.0.1.1", i);
	arrive(&rig, "10.0.2.1", 5000);
	for (uint32_t i = 0; i < 934; i++) {
		arrive(&rig, "10.0.3.1", 6000 + i);
		must_have_dropped(&rig, i < 500 ? i : rig.dropped.first->length);
	}
	end_rig(&rig);
}

static void fifo_is_first_in_first_out(void **state)
{
	struct rig rig = new_rig(fifo, 4);

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		arrive(&rig, i % 3 == 0 ? "10.0.1.1" : "10.0.2.1", i);
	assert_int_equal(rig.dropped.count, 2);
	assert_int_equal(rig.dropped.first->length, 0);
	rig.now_ns += 500 * MS; /* overloaded or not */
	for (uint32_t i = 2; i < 6; i++)
		must_serve(&rig, i, i * MS);
	end_rig(&rig);
}

/* Never two of a client at once, always in order, also while overloaded. */
static void per_client(struct backlog_rules rules)
{
	struct rig rig = new_rig(rules, 100);
	struct queue_batch first, second;

	arrive(&rig, "10.0.1.1", 0);
	arrive(&rig, "10.0.1.1", 1);
	rig.now_ns += 500 * MS;
	arrive(&rig, "10.0.1.1", 2);
	assert_true(queue_pop(rig.queue, rig.now_ns, &first));
	assert_int_equal(first.jobs.count, 1);
	assert_int_equal(first.jobs.first->length, 0);
	assert_false(queue_pop(rig.queue, rig.now_ns, &second));
	arrive(&rig, "10.0.2.1", 10);
	assert_true(queue_pop(rig.queue, rig.now_ns, &second));
	assert_int_equal(second.jobs.first->length, 10);
	finish(&rig, &first, MS);
	must_serve(&rig, 1, MS);
	must_serve(&rig, 2, MS);
	finish(&rig, &second, MS);
	end_rig(&rig);
}

static void per_client_order(void **state)
{
	(void)state;
	per_client(fair_per_client);
	per_client(fifo_per_client);
}

/* Ten times as many sources as there are records: the memory does not grow, nobody is mixed up. */
static void sources_without_end(void **state)
{
	struct rig rig = new_rig(fair, 16);

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		char client[INET_ADDRSTRLEN];
		const struct in_addr address = { htonl(0x0a000000 + i) };

		(void)inet_ntop(AF_INET, &address, client, sizeof(client));
		arrive(&rig, client, i);
		if (i % 2 == 0) {
			struct queue_batch batch;

			assert_true(queue_pop(rig.queue, rig.now_ns, &batch));
			finish(&rig, &batch, MS);
		}
		discard(&rig.dropped);
	}
	end_rig(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(least_served_first),
		cmocka_unit_test(time_counts_and_not_numbers),
		cmocka_unit_test(a_new_window_forgets),
		cmocka_unit_test(all_are_taken_by_age),
		cmocka_unit_test(a_slow_one_puts_its_source_behind),
		cmocka_unit_test(a_slow_handler_is_charged_for_at_once),
		cmocka_unit_test(fresh_before_stale_while_overloaded),
		cmocka_unit_test(stale_flows_make_way),
		cmocka_unit_test(who_is_over_its_limits_goes_last),
		cmocka_unit_test(all_are_over_their_limits),
		cmocka_unit_test(fifo_knows_no_limits),
		cmocka_unit_test(who_is_over_its_limits_is_not_drawn),
		cmocka_unit_test(calm_again_when_it_was_empty),
		cmocka_unit_test(the_longest_flow_makes_room),
		cmocka_unit_test(very_long_flows),
		cmocka_unit_test(fifo_is_first_in_first_out),
		cmocka_unit_test(per_client_order),
		cmocka_unit_test(sources_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
