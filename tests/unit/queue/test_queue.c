#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#define MS 1000000LL
#define SERVICE 5u

static struct demand demand;

/* Never overloaded, never a new window. */
static struct queue_settings settings_of(unsigned max_workers)
{
	return (struct queue_settings){
		.overload_interval_ns = INT64_MAX,
		.fair_window_ns = INT64_MAX,
		.max_workers = max_workers,
	};
}

static struct queue *make_queue(struct queue_limits limits, struct queue_settings settings)
{
	struct queue *queue;

	memset(&demand, 0, sizeof(demand));
	limits.demand = &demand;
	limits.service = SERVICE;
	limits.workers_max = settings.max_workers;
	assert_int_equal(queue_new(&limits, &settings, &queue), 0);
	return queue;
}

static struct queue *new_queue(unsigned capacity, unsigned max_workers)
{
	return make_queue((struct queue_limits){ .capacity = capacity }, settings_of(max_workers));
}

/* Datagrams that carry their number in `length`, and arrived at that many ms. */
static struct datagram_list numbered(unsigned first, unsigned count, int64_t max_wait_ns)
{
	struct datagram_list list = { 0 };

	for (unsigned i = 0; i < count; i++) {
		struct datagram *datagram = calloc(1, sizeof(*datagram));

		datagram->length = first + i;
		datagram->arrived_ns = (first + i) * MS;
		datagram->expires_ns = datagram->arrived_ns + max_wait_ns;
		datagram_list_push(&list, datagram);
	}
	return list;
}

/* Does the service need a worker? No other does. */
static bool is_needed(void)
{
	uint64_t needed = atomic_load(&demand.needed);

	assert_true(needed == 0 || needed == UINT64_C(1) << SERVICE);
	return needed != 0;
}

static void push_list(struct queue *queue, struct datagram_list batch, int64_t now_ns,
	struct datagram_list *dropped)
{
	const struct ledger admission = { .received = batch.count };

	queue_push(queue, &batch, &admission, now_ns, dropped);
	assert_int_equal(batch.count, 0);
}

static void push(struct queue *queue, unsigned first, unsigned count, int64_t now_ns,
	struct datagram_list *dropped)
{
	push_list(queue, numbered(first, count, DATAGRAM_FOREVER_NS), now_ns, dropped);
}

/* Each expires after 10 ms. */
static void push_impatient(struct queue *queue, unsigned first, unsigned count, int64_t now_ns,
	struct datagram_list *dropped)
{
	push_list(queue, numbered(first, count, 10 * MS), now_ns, dropped);
}

static void expect_numbers(struct datagram_list *list, unsigned first, unsigned count)
{
	assert_int_equal(list->count, count);
	for (unsigned i = 0; i < count; i++) {
		struct datagram *datagram = datagram_list_pop(list);

		assert_int_equal(datagram->length, first + i);
		free(datagram);
	}
}

/* The books of a queue, which must balance at any moment. */
static struct ledger books(struct queue *queue)
{
	struct queue_report report;

	queue_snapshot(queue, &report);
	assert_true(ledger_balances(&report.ledger));
	return report.ledger;
}

/* Finish a share of which all were answered, each after `service_ns`. */
static void finish(struct queue *queue, struct queue_batch *batch, int64_t service_ns)
{
	const struct ledger results = { .replied = batch->jobs.count };

	for (struct datagram *job = batch->jobs.first; job != NULL; job = job->next)
		job->service_ns = service_ns;
	queue_finish(queue, &batch->jobs, &results, 0);
}

static void finish_as_they_are(struct queue *queue, struct queue_batch *batch)
{
	const struct ledger results = { .replied = batch->jobs.count };

	queue_finish(queue, &batch->jobs, &results, 0);
}

static void close_empty(struct queue *queue)
{
	struct datagram_list dropped = { 0 };

	queue_discard(queue, &dropped);
	while (dropped.count > 0)
		free(datagram_list_pop(&dropped));
	(void)books(queue);
	queue_free(queue);
}

static void in_order(void **state)
{
	struct queue *queue = new_queue(100, 1);
	struct datagram_list dropped = { 0 };
	struct queue_batch batch;

	(void)state;
	push(queue, 0, 3, 0, &dropped);
	push(queue, 3, 2, 0, &dropped);
	assert_int_equal(dropped.count, 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(queue_pop(queue, 0, &batch));
		assert_false(is_needed()); /* the one worker holds */
		assert_int_equal(books(queue).running, 1);
		finish(queue, &batch, MS);
		expect_numbers(&batch.jobs, i, 1);
	}
	assert_false(queue_pop(queue, 0, &batch));
	assert_int_equal(books(queue).replied, 5);
	close_empty(queue);
}

static void full_drops_the_oldest(void **state)
{
	struct queue *queue = new_queue(4, 1);
	struct datagram_list dropped = { 0 };

	(void)state;
	push(queue, 0, 4, 0, &dropped);
	push(queue, 4, 3, 0, &dropped);
	expect_numbers(&dropped, 0, 3);
	assert_int_equal(books(queue).dropped[DROP_QUEUE_FULL], 3);
	assert_int_equal(books(queue).queued, 4);
	close_empty(queue);
}

static void a_batch_larger_than_the_queue(void **state)
{
	struct queue *queue = new_queue(1, 1);
	struct datagram_list dropped = { 0 };
	struct queue_batch batch;

	(void)state;
	push(queue, 0, 64, 0, &dropped);
	expect_numbers(&dropped, 0, 63);
	assert_true(queue_pop(queue, 0, &batch));
	finish(queue, &batch, MS);
	expect_numbers(&batch.jobs, 63, 1);
	close_empty(queue);
}

static void full_and_stale_counts_as_expired(void **state)
{
	struct queue *queue = new_queue(2, 1);
	struct datagram_list dropped = { 0 };

	(void)state;
	push_impatient(queue, 0, 2, 0, &dropped);
	push_impatient(queue, 11, 2, 10 * MS, &dropped);
	expect_numbers(&dropped, 0, 2);
	assert_int_equal(books(queue).dropped[DROP_EXPIRED], 1);    /* number 0, due at 10 ms */
	assert_int_equal(books(queue).dropped[DROP_QUEUE_FULL], 1); /* number 1, due at 11 ms */
	close_empty(queue);
}

static void stale_ones_are_never_handed_out(void **state)
{
	struct queue *queue = new_queue(100, 1);
	struct datagram_list dropped = { 0 };
	struct queue_batch batch;

	(void)state;
	push_impatient(queue, 0, QUEUE_BATCH_MAX + 8, 0, &dropped);
	assert_true(queue_pop(queue, (QUEUE_BATCH_MAX + 13) * MS, &batch));
	expect_numbers(&batch.expired, 0, QUEUE_BATCH_MAX);
	assert_true(queue_pop(queue, (QUEUE_BATCH_MAX + 13) * MS, &batch));
	expect_numbers(&batch.expired, QUEUE_BATCH_MAX, 4);
	finish(queue, &batch, MS);
	expect_numbers(&batch.jobs, QUEUE_BATCH_MAX + 4, 1);
	assert_int_equal(books(queue).dropped[DROP_EXPIRED], QUEUE_BATCH_MAX + 4);
	close_empty(queue);
}

/* Its one worker is stuck. */
static void stale_ones_go_though_no_worker_comes(void **state)
{
	struct queue *queue = new_queue(100, 1);
	struct datagram_list dropped = { 0 };
	struct queue_batch stuck;

	(void)state;
	push(queue, 0, 1, 0, &dropped);
	assert_true(queue_pop(queue, 0, &stuck));
	push_impatient(queue, 1, QUEUE_BATCH_MAX + 2, 0, &dropped);
	queue_expire(queue, (QUEUE_BATCH_MAX + 11) * MS, &dropped);
	expect_numbers(&dropped, 1, QUEUE_BATCH_MAX);
	queue_expire(queue, (QUEUE_BATCH_MAX + 11) * MS, &dropped);
	expect_numbers(&dropped, QUEUE_BATCH_MAX + 1, 1);
	assert_int_equal(books(queue).queued, 1);
	assert_int_equal(books(queue).dropped[DROP_EXPIRED], QUEUE_BATCH_MAX + 1);
	queue_expire(queue, INT64_MAX - 1, &dropped);
	expect_numbers(&dropped, QUEUE_BATCH_MAX + 2, 1);
	finish(queue, &stuck, MS);
	assert_false(is_needed());
	expect_numbers(&stuck.jobs, 0, 1);
	close_empty(queue);
}

static void max_workers_is_a_bound(void **state)
{
	struct queue *queue = new_queue(100, 2);
	struct datagram_list dropped = { 0 };
	struct queue_batch first, second, third;
	const struct ledger results = { .replied = 1 };

	(void)state;
	push(queue, 0, 3, 0, &dropped);
	assert_true(is_needed());
	assert_true(queue_pop(queue, 0, &first));
	assert_true(is_needed());
	assert_true(queue_pop(queue, 0, &second));
	assert_false(is_needed());
	assert_false(queue_pop(queue, 0, &third));
	push(queue, 3, 1, 0, &dropped);
	assert_false(is_needed()); /* nobody may take it */
	queue_finish(queue, &first.jobs, &results, 0);
	assert_true(is_needed());
	assert_true(queue_pop(queue, 0, &third));
	finish(queue, &second, MS);
	finish(queue, &third, MS);
	expect_numbers(&first.jobs, 0, 1);
	expect_numbers(&second.jobs, 1, 1);
	expect_numbers(&third.jobs, 2, 1);
	close_empty(queue);
}

/* One job until measured; then what takes 100 us, but no more than a fair batch. */
static void a_share_follows_the_slowest_of_late(void **state)
{
	struct queue *queue = new_queue(1000, 4);
	struct datagram_list dropped = { 0 };
	struct queue_batch batch;

	(void)state;
	push(queue, 0, 400, 0, &dropped);
	assert_true(queue_pop(queue, 0, &batch));
	finish(queue, &batch, 10000);
	expect_numbers(&batch.jobs, 0, 1);
	assert_true(queue_pop(queue, 0, &batch));
	assert_int_equal(batch.jobs.count, 10);
	batch.jobs.last->service_ns = MS; /* one of them was slow */
	finish_as_they_are(queue, &batch);
	expect_numbers(&batch.jobs, 1, 10);
	for (unsigned i = 11; i < 50; i++) {
		assert_true(queue_pop(queue, 0, &batch));
		finish(queue, &batch, 1000);
		expect_numbers(&batch.jobs, i, 1);
	}
	close_empty(queue);
}

/* What takes a millisecond by the mean: a round trip to another process that was slow keeps no batch small. */
static void a_share_for_another_process_follows_the_mean(void **state)
{
	struct queue *queue = make_queue(
		(struct queue_limits){ .capacity = 1000, .outside = true }, settings_of(4));
	struct datagram_list dropped = { 0 };
	struct queue_batch batch;

	(void)state;
	push(queue, 0, 400, 0, &dropped);
	assert_true(queue_pop(queue, 0, &batch));
	finish(queue, &batch, 40000);
	expect_numbers(&batch.jobs, 0, 1);
	assert_true(queue_pop(queue, 0, &batch));
	for (struct datagram *job = batch.jobs.first; job != NULL; job = job->next)
		job->service_ns = 40000;
	batch.jobs.last->service_ns = 640000;
	finish_as_they_are(queue, &batch);
	expect_numbers(&batch.jobs, 1, 25);
	assert_true(queue_pop(queue, 0, &batch));
	finish(queue, &batch, 10000);
	expect_numbers(&batch.jobs, 26, 18);
	assert_true(queue_pop(queue, 0, &batch));
	finish(queue, &batch, 20 * MS);
	expect_numbers(&batch.jobs, 44, 32);
	assert_true(queue_pop(queue, 0, &batch));
	finish(queue, &batch, 20 * MS);
	expect_numbers(&batch.jobs, 76, 1);
	close_empty(queue);
}

/* Divided among as many as are kept busy: a batch of quick ones is one worker's. */
static void quick_ones_are_few_workers_work(void **state)
{
	struct queue *queue = new_queue(1000, 4);
	struct datagram_list dropped = { 0 };
	struct queue_batch batch;

	(void)state;
	push(queue, 0, 1, 0, &dropped);
	assert_true(is_needed());
	assert_true(queue_pop(queue, 0, &batch));
	finish(queue, &batch, 1);
	expect_numbers(&batch.jobs, 0, 1);
	push(queue, 1, 8, 0, &dropped);
	assert_true(is_needed());
	assert_true(queue_pop(queue, 0, &batch));
	assert_false(is_needed());
	finish(queue, &batch, 1);
	expect_numbers(&batch.jobs, 1, 8);
	push(queue, 9, QUEUE_BATCH_MAX, 0, &dropped);
	assert_true(is_needed());
	assert_true(queue_pop(queue, 0, &batch));
	assert_false(is_needed());
	finish(queue, &batch, 1);
	expect_numbers(&batch.jobs, 9, QUEUE_BATCH_MAX);
	push(queue, 100, QUEUE_BATCH_MAX + 2, 0, &dropped);
	assert_true(is_needed());
	assert_true(queue_pop(queue, 0, &batch));
	assert_true(is_needed());
	finish(queue, &batch, 1);
	expect_numbers(&batch.jobs, 100, QUEUE_BATCH_MAX / 2 + 1);
	close_empty(queue);
}

/* Of a client nothing may run before its last one is finished. */
static void no_worker_for_what_may_not_run(void **state)
{
	struct queue *queue = make_queue((struct queue_limits){ .capacity = 10,
						 .rules = { BACKLOG_FAIR, .per_client = true } },
		settings_of(4));
	struct datagram_list dropped = { 0 };
	struct queue_batch first, second;

	(void)state;
	push(queue, 0, 2, 0, &dropped);
	assert_true(queue_pop(queue, 0, &first));
	assert_true(is_needed()); /* nobody has looked yet */
	assert_false(queue_pop(queue, 0, &second));
	assert_false(is_needed());
	finish(queue, &first, MS);
	assert_true(is_needed());
	expect_numbers(&first.jobs, 0, 1);
	assert_true(queue_pop(queue, 0, &first));
	push(queue, 2, 1, 0, &dropped);
	assert_true(is_needed()); /* it might be another client's */
	finish(queue, &first, MS);
	expect_numbers(&first.jobs, 1, 1);
	close_empty(queue);
}

static void discarded_are_in_the_books(void **state)
{
	struct queue *queue = new_queue(10, 1);
	struct datagram_list dropped = { 0 };

	(void)state;
	push(queue, 0, 5, 0, &dropped);
	queue_discard(queue, &dropped);
	expect_numbers(&dropped, 0, 5);
	assert_int_equal(books(queue).dropped[DROP_SHUTDOWN], 5);
	close_empty(queue);
}

static void settings_can_change(void **state)
{
	struct queue *queue = make_queue((struct queue_limits){ .capacity = 10 }, settings_of(2));
	const struct queue_settings one = settings_of(1), two = settings_of(2);
	struct datagram_list dropped = { 0 };
	struct queue_batch first, second;

	(void)state;
	queue_configure(queue, &one);
	push(queue, 0, 2, 0, &dropped);
	assert_true(queue_pop(queue, 0, &first));
	assert_false(is_needed());
	assert_false(queue_pop(queue, 0, &second));
	queue_configure(queue, &two);
	assert_true(is_needed());
	assert_true(queue_pop(queue, 0, &second));
	finish(queue, &first, MS);
	finish(queue, &second, MS);
	expect_numbers(&first.jobs, 0, 1);
	expect_numbers(&second.jobs, 1, 1);
	close_empty(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(full_drops_the_oldest),
		cmocka_unit_test(a_batch_larger_than_the_queue),
		cmocka_unit_test(full_and_stale_counts_as_expired),
		cmocka_unit_test(stale_ones_are_never_handed_out),
		cmocka_unit_test(stale_ones_go_though_no_worker_comes),
		cmocka_unit_test(max_workers_is_a_bound),
		cmocka_unit_test(a_share_follows_the_slowest_of_late),
		cmocka_unit_test(a_share_for_another_process_follows_the_mean),
		cmocka_unit_test(quick_ones_are_few_workers_work),
		cmocka_unit_test(no_worker_for_what_may_not_run),
		cmocka_unit_test(discarded_are_in_the_books),
		cmocka_unit_test(settings_can_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
