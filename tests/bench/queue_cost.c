/* What the queue itself costs: nanoseconds a job for push, pop and finish in batches of 32, with
 * some number of flows and of jobs that wait meanwhile; on one thread, and with a producer and two
 * consumers. Prints a Markdown table. Usage: queue_cost [MILLIONS_OF_JOBS] */
#include <arpa/inet.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/eventcount.h"
#include "base/sys.h"
#include "core/queue.h"
#include "core/slab.h"

#define BATCH 32u
#define CAPACITY 4096u
#define CONSUMERS 2u

struct rig {
	struct queue *queue;
	struct slab *slab;
	struct eventcount work;
	unsigned flows;
	uint64_t random;
	uint64_t jobs; /* to be pushed */
};

/* CPU time of this thread: others may run on the machine. */
static int64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void rig_init(struct rig *rig, unsigned flows, uint64_t jobs)
{
	const struct queue_shape shape = { .capacity = CAPACITY, .most_workers = CONSUMERS };
	const struct queue_settings settings = {
		.max_wait_ns = NS_PER_S * 3600,
		.overload_interval_ns = 100 * NS_PER_MS,
		.fair_window_ns = NS_PER_S,
		.max_workers = CONSUMERS,
	};

	*rig = (struct rig){ .flows = flows, .random = 1, .jobs = jobs };
	if (queue_new(&shape, &settings, &rig->queue) < 0 ||
		slab_new(CAPACITY + 16 * BATCH, 32, &rig->slab) < 0)
		exit(1);
}

static void rig_destroy(struct rig *rig)
{
	struct datagram_list left = { 0 };

	queue_discard(rig->queue, &left);
	slab_give(rig->slab, &left);
	queue_free(rig->queue);
	slab_free(rig->slab);
}

static uint32_t draw(struct rig *rig)
{
	rig->random = rig->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rig->random >> 33);
}

static void push(struct rig *rig, unsigned count, int64_t now_ns)
{
	struct datagram_list batch = { 0 }, dropped = { 0 };
	const struct ledger admission = { .received = count };
	unsigned wake;

	slab_take(rig->slab, count, &batch);
	for (struct datagram *d = batch.first; d != NULL; d = d->next) {
		d->client.in = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_port = 1,
			.sin_addr.s_addr = htonl(0x0a000000 + draw(rig) % rig->flows) };
		d->arrived_ns = now_ns;
	}
	wake = queue_push(rig->queue, &batch, &admission, now_ns, &dropped);
	if (wake > 0)
		eventcount_notify(&rig->work, wake);
	slab_give(rig->slab, &dropped);
}

/* Pop and finish one share: how many there were. */
static unsigned pop(struct rig *rig, enum queue_answer *ret_answer)
{
	struct queue_share share;
	struct ledger results = { 0 };
	unsigned count;

	*ret_answer = queue_pop(rig->queue, sys_monotonic_ns(), &share);
	slab_give(rig->slab, &share.expired);
	count = share.jobs.count;
	if (count == 0)
		return 0;
	for (struct datagram *d = share.jobs.first; d != NULL; d = d->next)
		d->service_ns = 50;
	results.replied = count;
	(void)queue_finish(rig->queue, &share.jobs, &results, 0);
	slab_give(rig->slab, &share.jobs);
	return count;
}

/* The rig's own work with the slab and the addresses is in the time, too: it is measured alone and
 * taken off. */
static int64_t overhead_ns(struct rig *rig, uint64_t jobs)
{
	int64_t begin_ns = thread_ns();

	for (uint64_t i = 0; i < jobs; i += BATCH) {
		struct datagram_list batch = { 0 };
		int64_t now_ns = sys_monotonic_ns();

		slab_take(rig->slab, BATCH, &batch);
		for (struct datagram *d = batch.first; d != NULL; d = d->next) {
			d->client.in = (struct sockaddr_in){ .sin_family = AF_INET,
				.sin_addr.s_addr = htonl(0x0a000000 + draw(rig) % rig->flows) };
			d->arrived_ns = now_ns;
			d->service_ns = 50;
		}
		slab_give(rig->slab, &batch);
	}
	return thread_ns() - begin_ns;
}

static double one_thread(unsigned flows, unsigned waiting, uint64_t jobs)
{
	enum queue_answer answer;
	int64_t begin_ns, spent_ns;
	struct rig rig;

	rig_init(&rig, flows, jobs);
	push(&rig, 1, sys_monotonic_ns());
	(void)pop(&rig, &answer); /* now it is measured */
	for (unsigned i = 0; i < waiting; i += BATCH)
		push(&rig, BATCH, sys_monotonic_ns());
	begin_ns = thread_ns();
	for (uint64_t i = 0; i < jobs; i += BATCH) {
		unsigned popped = 0;

		push(&rig, BATCH, sys_monotonic_ns());
		while (popped < BATCH)
			popped += pop(&rig, &answer);
	}
	spent_ns = thread_ns() - begin_ns;
	spent_ns -= overhead_ns(&rig, jobs);
	rig_destroy(&rig);
	return (double)spent_ns / (double)jobs;
}

static void *consume(void *argument)
{
	struct rig *rig = argument;
	enum queue_answer answer;

	do {
		uint32_t key = eventcount_prepare(&rig->work);

		(void)pop(rig, &answer);
		if (answer == QUEUE_EMPTY)
			eventcount_wait(&rig->work, key, -1);
		else
			eventcount_cancel(&rig->work);
	} while (answer != QUEUE_ENDED);
	return NULL;
}

/* The producer keeps half of the queue filled, so nothing is dropped and nobody waits for long. */
static double three_threads(unsigned flows, uint64_t jobs)
{
	pthread_t threads[CONSUMERS];
	struct queue_report report;
	int64_t begin_ns;
	double spent_ns;
	struct rig rig;

	rig_init(&rig, flows, jobs);
	begin_ns = sys_monotonic_ns();
	for (unsigned i = 0; i < CONSUMERS; i++)
		if (pthread_create(&threads[i], NULL, consume, &rig) != 0)
			exit(1);
	for (uint64_t i = 0; i < jobs; i += BATCH) {
		do {
			queue_snapshot(rig.queue, &report);
		} while (report.ledger.queued > CAPACITY / 2);
		push(&rig, BATCH, sys_monotonic_ns());
	}
	queue_close(rig.queue);
	eventcount_notify(&rig.work, UINT_MAX);
	for (unsigned i = 0; i < CONSUMERS; i++)
		pthread_join(threads[i], NULL);
	spent_ns = (double)(sys_monotonic_ns() - begin_ns);
	rig_destroy(&rig);
	return spent_ns / (double)jobs;
}

int main(int argc, char **argv)
{
	static const unsigned flows[] = { 1, 16, 4096, 1000000 };
	uint64_t jobs = 1000000u * (argc > 1 ? (uint64_t)atoi(argv[1]) : 4u);

	printf("ns a job: push + pop + finish, in batches of %u\n\n", BATCH);
	printf("| flows | one thread, none waiting | one thread, 4000 waiting | a producer and two "
	       "consumers |\n|---|---|---|---|\n");
	for (unsigned i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		printf("| %u | %.0f | %.0f | %.0f |\n", flows[i], one_thread(flows[i], 0, jobs),
			one_thread(flows[i], 4000, jobs), three_threads(flows[i], jobs));
	return 0;
}
