/* The queue and the slab with real threads: every datagram that is pushed comes out once, in the
 * order of its producer, or is counted; no slot is lost or handed out twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "queue/queue.h"
#include "core/slab.h"
#include "support/scaled.h"

#define PRODUCERS 2
#define CONSUMERS 2
#define BATCH 16
#define CAPACITY 256

struct shared {
	struct queue *queue;
	struct slab *slab;
	struct demand demand;
	unsigned batches; /* of each producer */
	_Atomic unsigned producing;
	_Atomic uint64_t out_of_order;
};

struct producer {
	struct shared *shared;
	uint16_t number;
	uint64_t made_room;
};

struct consumer {
	struct shared *shared;
	uint64_t popped;
	int64_t last[PRODUCERS]; /* sequence */
};

static void notify(struct shared *shared)
{
	if (atomic_load(&shared->demand.needed) != 0)
		eventcount_notify(&shared->demand.work, 1);
}

static void *produce(void *argument)
{
	struct producer *producer = argument;
	struct shared *shared = producer->shared;
	int64_t sequence = 0;

	for (unsigned i = 0; i < shared->batches; i++) {
		struct datagram_list batch = { 0 }, dropped = { 0 };
		const struct ledger admission = { .received = BATCH };
		struct datagram *slots[BATCH];

		slab_take(shared->slab, BATCH, slots);
		for (unsigned k = 0; k < BATCH; k++) {
			struct datagram *d = slots[k];

			d->socket = producer->number;
			d->timestamp.tv_sec = ++sequence;
			d->client.in = (struct sockaddr_in){ .sin_family = AF_INET,
				.sin_port = (in_port_t)(1 + producer->number),
				.sin_addr.s_addr = 1 };
			d->arrived_ns = 0;
			d->expires_ns = INT64_MAX;
			datagram_list_push(&batch, d);
		}
		queue_push(shared->queue, &batch, &admission, 0, &dropped);
		notify(shared);
		producer->made_room += dropped.count;
		slab_give(shared->slab, &dropped);
	}
	if (atomic_fetch_sub(&shared->producing, 1) == 1) {
		atomic_store(&shared->demand.closed, true);
		eventcount_notify(&shared->demand.work, UINT_MAX);
	}
	return NULL;
}

static void take_share(struct consumer *consumer, struct queue_batch *batch)
{
	const struct ledger results = { .replied = batch->jobs.count };

	for (struct datagram *d = batch->jobs.first; d != NULL; d = d->next) {
		if (d->timestamp.tv_sec <= consumer->last[d->socket])
			atomic_fetch_add(&consumer->shared->out_of_order, 1);
		consumer->last[d->socket] = d->timestamp.tv_sec;
		d->service_ns = 1000;
	}
	consumer->popped += batch->jobs.count;
	queue_finish(consumer->shared->queue, &batch->jobs, &results, 0);
	slab_give(consumer->shared->slab, &batch->jobs);
}

static void *consume(void *argument)
{
	struct consumer *consumer = argument;
	struct shared *shared = consumer->shared;

	for (;;) {
		uint32_t key = eventcount_key(&shared->demand.work);
		bool closed = atomic_load(&shared->demand.closed);
		struct queue_batch batch;

		if (atomic_load(&shared->demand.needed) != 0 &&
			queue_pop(shared->queue, 0, &batch)) {
			notify(shared);
			take_share(consumer, &batch);
		} else if (closed) {
			return NULL;
		} else {
			eventcount_wait(&shared->demand.work, key, -1);
		}
	}
}

static void books_balance_at_every_snapshot(struct shared *shared)
{
	while (atomic_load(&shared->producing) > 0) {
		struct queue_report report;

		queue_snapshot(shared->queue, &report);
		assert_true(ledger_balances(&report.ledger));
		assert_true(report.queued_max <= CAPACITY && report.ledger.queued <= CAPACITY);
	}
}

/* `ordered`: each producer's come out in their order. */
static void must_lose_nothing(struct backlog_rules rules, bool ordered)
{
	struct shared shared = { .batches = scaled(100000), .producing = PRODUCERS };
	const struct queue_limits limits = { .capacity = CAPACITY,
		.workers_max = CONSUMERS,
		.demand = &shared.demand,
		.rules = rules };
	const struct queue_settings settings = { .overload_interval_ns = NS_PER_S,
		.fair_window_ns = NS_PER_S,
		.max_workers = CONSUMERS };
	struct producer producers[PRODUCERS];
	struct consumer consumers[CONSUMERS];
	pthread_t threads[PRODUCERS + CONSUMERS];
	uint64_t popped = 0, made_room = 0;
	struct queue_report report;

	assert_int_equal(queue_new(&limits, &settings, &shared.queue), 0);
	assert_int_equal(slab_new(CAPACITY + PRODUCERS * BATCH + CONSUMERS * 2 * QUEUE_BATCH_MAX,
				 64, &shared.slab),
		0);
	for (unsigned i = 0; i < CONSUMERS; i++) {
		consumers[i] = (struct consumer){ .shared = &shared };
		pthread_create(&threads[PRODUCERS + i], NULL, consume, &consumers[i]);
	}
	for (unsigned i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){ .shared = &shared, .number = (uint16_t)i };
		pthread_create(&threads[i], NULL, produce, &producers[i]);
	}
	books_balance_at_every_snapshot(&shared);
	for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++)
		pthread_join(threads[i], NULL);

	for (unsigned i = 0; i < CONSUMERS; i++)
		popped += consumers[i].popped;
	for (unsigned i = 0; i < PRODUCERS; i++)
		made_room += producers[i].made_room;
	queue_snapshot(shared.queue, &report);
	assert_int_equal(popped + made_room, (uint64_t)PRODUCERS * BATCH * shared.batches);
	assert_int_equal(report.ledger.replied, popped);
	assert_int_equal(report.ledger.dropped[DROP_QUEUE_FULL], made_room);
	if (ordered)
		assert_int_equal(shared.out_of_order, 0);
	queue_free(shared.queue);
	slab_free(shared.slab); /* asserts that every slot came back */
}

/* Two consumers may overtake each other between pop and count, but each sees an order. */
static void fifo(void **state)
{
	(void)state;
	must_lose_nothing((struct backlog_rules){ .discipline = BACKLOG_FIFO }, true);
}

static void fair(void **state)
{
	(void)state;
	must_lose_nothing((struct backlog_rules){ .discipline = BACKLOG_FAIR }, false);
}

static void fair_per_client(void **state)
{
	(void)state;
	must_lose_nothing((struct backlog_rules){ BACKLOG_FAIR, .per_client = true }, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fifo),
		cmocka_unit_test(fair),
		cmocka_unit_test(fair_per_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
