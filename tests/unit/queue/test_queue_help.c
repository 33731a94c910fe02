/* The queue of a handler that never blocks: receivers help, and workers are wanted for what is too
 * much, or too slow, for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#define US 1000LL
#define CAPACITY 4000u
#define WORKERS 4u
#define MAX_WAIT_NS (1000 * US)
#define SLOW_NS (200 * US)     /* what takes longer is left to the workers */
#define BACKLOG_NS (1000 * US) /* so are those behind what takes so long */

static struct queue_settings settings_of(unsigned max_workers, bool receivers_assist)
{
	return (struct queue_settings){
		.overload_interval_ns = INT64_MAX,
		.fair_window_ns = INT64_MAX,
		.max_workers = max_workers,
		.receivers_assist = receivers_assist,
	};
}

static struct demand demand;

static struct queue *new_queue(unsigned capacity, unsigned max_workers)
{
	const struct queue_limits limits = {
		.capacity = capacity,
		.workers_max = WORKERS,
		.demand = &demand,
		.assisted = true,
		.rules = { .discipline = BACKLOG_FIFO },
	};
	const struct queue_settings settings = settings_of(max_workers, true);
	struct queue *queue;

	memset(&demand, 0, sizeof(demand));
	assert_int_equal(queue_new(&limits, &settings, &queue), 0);
	return queue;
}

static void discard(struct datagram_list *list)
{
	while (list->count > 0)
		free(datagram_list_pop(list));
}

static void free_queue(struct queue *queue)
{
	struct datagram_list left = { 0 };

	queue_discard(queue, &left);
	discard(&left);
	queue_free(queue);
}

static bool is_worker_needed(void)
{
	return atomic_load(&demand.needed) != 0;
}

/* So many arrive at time 0; is a worker needed then? */
static bool push(struct queue *queue, unsigned count)
{
	const struct ledger admission = { .received = count };
	struct datagram_list batch = { 0 }, dropped = { 0 };

	for (unsigned i = 0; i < count; i++) {
		struct datagram *datagram = calloc(1, sizeof(*datagram));

		datagram->expires_ns = MAX_WAIT_NS;
		datagram_list_push(&batch, datagram);
	}
	queue_push(queue, &batch, &admission, 0, &dropped);
	assert_int_equal(dropped.count, 0);
	return is_worker_needed();
}

/* All were answered, each after so long; is a worker needed then? */
static bool finish(struct queue *queue, struct queue_batch *batch, int64_t service_ns)
{
	const struct ledger results = { .replied = batch->jobs.count };
	int64_t spent_ns = service_ns * batch->jobs.count;

	for (struct datagram *job = batch->jobs.first; job != NULL; job = job->next)
		job->service_ns = service_ns;
	queue_finish(queue, &batch->jobs, &results, spent_ns);
	discard(&batch->jobs);
	return is_worker_needed();
}

/* A share of so many jobs; `more`: for the others a worker is needed. */
static void must_help(struct queue *queue, unsigned count, bool more, struct queue_batch *ret_batch)
{
	assert_true(queue_assist(queue, 0, ret_batch));
	assert_int_equal(ret_batch->jobs.count, count);
	assert_int_equal(is_worker_needed(), more);
}

static void must_not_help(struct queue *queue)
{
	struct queue_batch batch;

	assert_false(queue_assist(queue, 0, &batch));
	assert_int_equal(batch.jobs.count + batch.expired.count, 0);
}

/* Helpers run so many, one by one, each in so long. */
static void run(struct queue *queue, unsigned count, int64_t service_ns)
{
	struct queue_batch batch;

	while (count-- > 0) {
		assert_false(push(queue, 1));
		must_help(queue, 1, false, &batch);
		assert_false(finish(queue, &batch, service_ns));
	}
}

static void helpers_are_enough(void **state)
{
	struct queue *queue = new_queue(CAPACITY, WORKERS);
	struct queue_batch batch;

	(void)state;
	must_not_help(queue); /* nothing waits */
	assert_false(push(queue, 3));
	for (unsigned i = 0; i < 3; i++) { /* one each time, until all is known to be quick */
		must_help(queue, 1, false, &batch);
		assert_false(finish(queue, &batch, i == 2 ? US : 90 * US));
	}
	must_not_help(queue);
	free_queue(queue);
}

/* What takes 100 us, and no more than a batch; not divided among the workers, who sleep. */
static void a_share_is_bounded(void **state)
{
	static const struct {
		int64_t service_ns;
		unsigned batch;
	} cases[] = { { US, QUEUE_BATCH_MAX }, { 2 * US, 50 }, { 10 * US, 10 }, { 60 * US, 1 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct queue *queue = new_queue(CAPACITY, WORKERS);
		struct queue_batch batch;

		run(queue, 1, cases[i].service_ns);
		assert_false(push(queue, QUEUE_BATCH_MAX + 1));
		must_help(queue, cases[i].batch, false, &batch);
		assert_false(finish(queue, &batch, cases[i].service_ns));
		free_queue(queue);
	}
}

/* A request whose reply was held back has run, and takes part in the mean. */
static void held_back_replies_are_measured(void **state)
{
	struct queue *queue = new_queue(CAPACITY, WORKERS);
	struct ledger results = { .replied = 1 };
	struct queue_batch batch;
	struct queue_report report;

	(void)state;
	run(queue, 1, US);
	assert_false(push(queue, 4));
	must_help(queue, 4, false, &batch);
	results.dropped[DROP_AMPLIFICATION] = 3;
	for (struct datagram *d = batch.jobs.first; d != NULL; d = d->next)
		d->service_ns = d == batch.jobs.first ? 5 * US : US;
	queue_finish(queue, &batch.jobs, &results, 0);
	discard(&batch.jobs);
	queue_snapshot(queue, &report);
	assert_int_equal(report.service_ewma_ns, US + (8 * US - 4 * US) / (4 + 15));
	free_queue(queue);
}

/* A millisecond of measured work, or half of what there is room for. */
static void a_backlog_is_the_workers_too(void **state)
{
	struct queue *queue = new_queue(CAPACITY, WORKERS);
	struct queue_batch batch;

	(void)state;
	run(queue, 500, US); /* a cost of 1 us, or up to 15 ns less */
	assert_false(push(queue, BACKLOG_NS / US));
	assert_true(push(queue, 20));
	must_help(queue, QUEUE_BATCH_MAX, false, &batch);
	assert_true(push(queue, 2 * QUEUE_BATCH_MAX));
	assert_true(finish(queue, &batch, US));
	must_help(queue, QUEUE_BATCH_MAX, true, &batch);
	assert_true(finish(queue, &batch, US));
	free_queue(queue);

	queue = new_queue(100, WORKERS); /* nothing is measured */
	assert_false(push(queue, 50));
	assert_true(push(queue, 1));
	must_help(queue, 1, false, &batch);
	assert_false(finish(queue, &batch, 1));
	free_queue(queue);
}

/* A batch of what must not be queued; is a worker needed then? */
static bool refuse(struct queue *queue, int64_t now_ns)
{
	const struct ledger refused = { .received = 64, .dropped[DROP_SOURCE_PORT_LOW] = 64 };
	struct datagram_list none = { 0 }, dropped = { 0 };

	queue_push(queue, &none, &refused, now_ns, &dropped);
	return is_worker_needed();
}

/* It keeps a receiver busy, too: what waits meanwhile is the workers'. */
static void a_flood_that_is_refused(void **state)
{
	struct queue *queue = new_queue(CAPACITY, WORKERS);
	struct queue_batch batch;

	(void)state;
	run(queue, 1, US);
	assert_false(push(queue, 1));
	assert_false(refuse(queue, 1));
	assert_false(refuse(queue, BACKLOG_NS + 1));
	assert_true(refuse(queue, BACKLOG_NS + 2));
	must_help(queue, 1, false, &batch); /* it comes at last */
	assert_false(finish(queue, &batch, US));
	assert_false(push(queue, 1)); /* and counts anew */
	assert_false(refuse(queue, BACKLOG_NS + 3));
	free_queue(queue);
}

/* Once a call took longer than 200 us, until it is forgotten among quick ones. */
static void slow_ones_are_the_workers(void **state)
{
	struct queue *queue = new_queue(CAPACITY, WORKERS);
	struct queue_batch batch;
	unsigned quick = 0;

	(void)state;
	run(queue, 1, SLOW_NS);
	run(queue, 1, SLOW_NS + 1);
	assert_true(push(queue, 1));
	must_not_help(queue);
	assert_true(queue_pop(queue, 0, &batch));
	assert_false(finish(queue, &batch, 1000 * US));
	for (; push(queue, 1); quick++) {
		must_not_help(queue);
		assert_true(queue_pop(queue, 0, &batch));
		assert_false(finish(queue, &batch, US));
	}
	assert_in_range(quick, 64, 128);
	must_help(queue, 1, false, &batch);
	assert_false(finish(queue, &batch, US));
	free_queue(queue);
}

/* Those who wait behind a slow one need a worker when it ends: nobody was called for them. */
static void the_end_of_a_slow_one_calls(void **state)
{
	struct queue *queue = new_queue(CAPACITY, WORKERS);
	struct queue_batch batch, other;

	(void)state;
	assert_false(push(queue, 3));
	must_help(queue, 1, false, &batch);
	must_help(queue, 1, false, &other); /* another receiver's */
	assert_true(finish(queue, &batch, SLOW_NS + 1));
	assert_true(finish(queue, &other, SLOW_NS + 1));
	must_not_help(queue);
	free_queue(queue);

	queue = new_queue(CAPACITY, WORKERS);
	assert_false(push(queue, 1));
	must_help(queue, 1, false, &batch);
	assert_false(finish(queue, &batch, SLOW_NS + 1)); /* nobody waits */
	free_queue(queue);
}

static void helpers_count_as_workers(void **state)
{
	struct queue *queue = new_queue(100, 2);
	struct queue_batch first, second, third;

	(void)state;
	assert_true(push(queue, 90));
	must_help(queue, 1, true, &first);
	assert_true(queue_pop(queue, 0, &second));
	assert_false(is_worker_needed()); /* nobody may take them */
	must_not_help(queue);
	assert_false(queue_pop(queue, 0, &third));
	assert_false(push(queue, 1));
	assert_true(finish(queue, &first, US)); /* now somebody may */
	must_help(queue, QUEUE_BATCH_MAX, false, &third);
	assert_false(finish(queue, &third, US));
	assert_false(finish(queue, &second, US));
	free_queue(queue);
}

static void configure(struct queue *queue, bool receivers_assist)
{
	const struct queue_settings settings = settings_of(WORKERS, receivers_assist);

	queue_configure(queue, &settings);
}

/* What waits when that changes is not left to somebody who does not come. */
static void helpers_may_be_told_not_to(void **state)
{
	struct queue *queue = new_queue(CAPACITY, WORKERS);
	struct queue_batch batch;

	(void)state;
	assert_false(push(queue, 3));
	configure(queue, false);
	assert_true(is_worker_needed());
	must_not_help(queue);
	assert_true(queue_pop(queue, 0, &batch));
	assert_true(is_worker_needed());
	assert_true(finish(queue, &batch, US));
	assert_true(push(queue, 1));
	configure(queue, true);
	assert_true(is_worker_needed()); /* no receiver comes for these */
	assert_false(push(queue, 1));	 /* now one will */
	must_help(queue, 4, false, &batch);
	assert_false(finish(queue, &batch, US));
	free_queue(queue);
}

/* Of stale ones a batch at most, as from pop; none while slow ones are the workers'. */
static void stale_ones(void **state)
{
	struct queue *queue = new_queue(CAPACITY, WORKERS);
	struct queue_batch batch;

	(void)state;
	assert_false(push(queue, QUEUE_BATCH_MAX + 3));
	assert_true(queue_assist(queue, MAX_WAIT_NS, &batch));
	assert_int_equal(batch.expired.count, QUEUE_BATCH_MAX);
	assert_int_equal(batch.jobs.count, 0);
	discard(&batch.expired);
	assert_true(queue_assist(queue, MAX_WAIT_NS, &batch));
	assert_int_equal(batch.expired.count, 3);
	discard(&batch.expired);
	run(queue, 1, SLOW_NS + 1);
	assert_true(push(queue, 1));
	assert_false(queue_assist(queue, MAX_WAIT_NS, &batch));
	assert_int_equal(batch.expired.count, 0);
	free_queue(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(helpers_are_enough),
		cmocka_unit_test(a_share_is_bounded),
		cmocka_unit_test(held_back_replies_are_measured),
		cmocka_unit_test(a_backlog_is_the_workers_too),
		cmocka_unit_test(a_flood_that_is_refused),
		cmocka_unit_test(slow_ones_are_the_workers),
		cmocka_unit_test(the_end_of_a_slow_one_calls),
		cmocka_unit_test(helpers_count_as_workers),
		cmocka_unit_test(helpers_may_be_told_not_to),
		cmocka_unit_test(stale_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
