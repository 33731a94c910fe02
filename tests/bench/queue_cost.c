/* What the queue itself costs: nanoseconds a job for push, pop and finish in batches of 32, by the
 * number of flows and of jobs that wait meanwhile; on one thread (its CPU time, less the rig's own),
 * and with a producer and two consumers on two cores (the wall's, all in). Then 10^7 addresses, each
 * once. Others may run on the machine, so each figure is the least of some runs, which take turns.
 * Usage: queue_cost [MILLIONS_OF_JOBS [RUNS]] */
#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "queue/queue.h"
#include "core/slab.h"

#define BATCH 32u
#define CAPACITY 4096u
#define CONSUMERS 2u
#define ADDRESSES 10000000u

struct rig {
	struct demand demand;
	struct queue *queue;
	struct slab *slab;
	unsigned flows; /* drawn from so many; 0: each is a new one */
	unsigned waiting;
	uint64_t random;
	uint64_t jobs; /* to be turned over, besides those that wait */
	_Alignas(64) _Atomic uint64_t pushed;
	_Alignas(64) _Atomic uint64_t popped;
	_Atomic unsigned consumers; /* that have begun */
};

static int64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static uint32_t draw(struct rig *rig)
{
	if (rig->flows == 0)
		return (uint32_t)rig->random++;
	rig->random = rig->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rig->random >> 33) % rig->flows;
}

static void arrive(struct rig *rig, struct datagram *datagram, int64_t now_ns)
{
	datagram->client.in = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = 1,
		.sin_addr.s_addr = htonl(0x0a000000 + draw(rig)) };
	datagram->arrived_ns = now_ns;
	datagram->expires_ns = now_ns + 3600 * NS_PER_S;
}

/* Not always the same time, or no correction would ever be one. */
static void serve(struct datagram_list *jobs)
{
	int64_t service_ns = 40;

	for (struct datagram *d = jobs->first; d != NULL; d = d->next)
		d->service_ns = ++service_ns;
}

/* A batch that arrives now. */
static void fill(struct rig *rig, struct datagram_list *batch, int64_t now_ns)
{
	struct datagram *slots[BATCH];

	slab_take(rig->slab, BATCH, slots);
	for (unsigned i = 0; i < BATCH; i++) {
		arrive(rig, slots[i], now_ns);
		datagram_list_push(batch, slots[i]);
	}
}

static void push(struct rig *rig)
{
	struct datagram_list batch = { 0 }, dropped = { 0 };
	const struct ledger admission = { .received = BATCH };
	int64_t now_ns = sys_monotonic_ns();

	fill(rig, &batch, now_ns);
	queue_push(rig->queue, &batch, &admission, now_ns, &dropped);
	slab_give(rig->slab, &dropped);
}

/* Pop and finish one share: how many there were. */
static unsigned pop(struct rig *rig)
{
	struct queue_batch batch;
	struct ledger results = { 0 };
	unsigned count;

	(void)queue_pop(rig->queue, sys_monotonic_ns(), &batch);
	slab_give(rig->slab, &batch.expired);
	count = batch.jobs.count;
	if (count == 0)
		return 0;
	serve(&batch.jobs);
	results.replied = count;
	queue_finish(rig->queue, &batch.jobs, &results, 0);
	slab_give(rig->slab, &batch.jobs);
	return count;
}

/* `room`: beside those that wait meanwhile. */
static void rig_init(
	struct rig *rig, unsigned flows, unsigned waiting, unsigned room, uint64_t jobs)
{
	const struct queue_limits limits = {
		.capacity = waiting + room, .workers_max = CONSUMERS, .demand = &rig->demand
	};
	const struct queue_settings settings = {
		.overload_interval_ns = 100 * NS_PER_MS,
		.fair_window_ns = NS_PER_S,
		.max_workers = CONSUMERS,
	};

	*rig = (struct rig){ .flows = flows, .waiting = waiting, .random = 1, .jobs = jobs };
	if (queue_new(&limits, &settings, &rig->queue) < 0 ||
		slab_new(waiting + room + 16 * BATCH, 32, &rig->slab) < 0)
		exit(1);
	push(rig);
	for (unsigned popped = 0; popped < BATCH;) /* now the handler is known to be quick */
		popped += pop(rig);
	for (unsigned i = 0; i < waiting; i += BATCH)
		push(rig);
}

static void rig_destroy(struct rig *rig)
{
	struct datagram_list left = { 0 };

	queue_discard(rig->queue, &left);
	slab_give(rig->slab, &left);
	queue_free(rig->queue);
	slab_free(rig->slab);
}

/* The rig's own work with the slab and the addresses. */
static int64_t overhead_ns(struct rig *rig)
{
	int64_t begin_ns = thread_ns();

	for (uint64_t i = 0; i < rig->jobs; i += BATCH) {
		struct datagram_list batch = { 0 };

		fill(rig, &batch, sys_monotonic_ns());
		(void)sys_monotonic_ns();
		serve(&batch);
		slab_give(rig->slab, &batch);
	}
	return thread_ns() - begin_ns;
}

/* Push and pop `jobs`: the time that it takes. A pop may take more than one batch. */
static int64_t turn_over(struct rig *rig, uint64_t jobs)
{
	int64_t begin_ns = thread_ns();
	uint64_t pushed = 0, popped = 0;

	while (pushed < jobs) {
		push(rig);
		pushed += BATCH;
		while (popped < pushed)
			popped += pop(rig);
	}
	return thread_ns() - begin_ns;
}

static double one_thread(unsigned flows, unsigned waiting, uint64_t jobs)
{
	int64_t spent_ns;
	struct rig rig;

	rig_init(&rig, flows, waiting, CAPACITY - waiting, jobs);
	spent_ns = turn_over(&rig, jobs) - overhead_ns(&rig);
	rig_destroy(&rig);
	return (double)spent_ns / (double)jobs;
}

/* On the first or the second core, so that two are used. */
static void settle_on(unsigned core)
{
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET(core, &cores);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(cores), &cores);
}

/* Who finds nothing to do leaves its core to one that works, for so long that it finds many batches
 * then. To be woken for each would measure the kernel, and not the queue. */
static void pause_a_while(void)
{
	const struct timespec ts = { .tv_nsec = 20 * NS_PER_US };

	(void)nanosleep(&ts, NULL);
}

static void *consume(void *argument)
{
	struct rig *rig = argument;
	uint64_t popped;

	settle_on(atomic_fetch_add(&rig->consumers, 1));
	while ((popped = atomic_load(&rig->popped)) < rig->jobs) {
		unsigned count = 0;

		if (atomic_load(&rig->pushed) - popped > rig->waiting)
			count = pop(rig);
		if (count == 0)
			pause_a_while();
		else
			atomic_fetch_add(&rig->popped, count);
	}
	return NULL;
}

/* Half of the room is the most that fills up, so nothing is dropped. */
static double three_threads(unsigned flows, unsigned waiting, uint64_t jobs)
{
	pthread_t threads[CONSUMERS];
	int64_t begin_ns;
	double spent_ns;
	struct rig rig;

	rig_init(&rig, flows, waiting, CAPACITY, jobs);
	rig.pushed = waiting;
	settle_on(0);
	begin_ns = sys_monotonic_ns();
	for (unsigned i = 0; i < CONSUMERS; i++)
		if (pthread_create(&threads[i], NULL, consume, &rig) != 0)
			exit(1);
	for (uint64_t i = 0; i < jobs; i += BATCH) {
		while (rig.pushed - atomic_load(&rig.popped) > waiting + CAPACITY / 2)
			pause_a_while();
		push(&rig);
		atomic_fetch_add(&rig.pushed, BATCH);
	}
	for (unsigned i = 0; i < CONSUMERS; i++)
		pthread_join(threads[i], NULL);
	spent_ns = (double)(sys_monotonic_ns() - begin_ns);
	rig_destroy(&rig);
	return spent_ns / (double)jobs;
}

static long resident_kib(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	long pages;

	if (statm == NULL || fscanf(statm, "%*d %ld", &pages) != 1)
		exit(1);
	(void)fclose(statm);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* As many jobs of one address, and each of another. */
static void many_addresses(unsigned runs)
{
	double one_ns = 1e9, each_ns = 1e9;
	long before_kib = 0, after_kib = 0;

	while (runs-- > 0) {
		int64_t spent_ns;
		double ns = one_thread(1, 0, ADDRESSES);
		struct rig rig;

		one_ns = ns < one_ns ? ns : one_ns;
		rig_init(&rig, 0, 0, CAPACITY, ADDRESSES);
		spent_ns = turn_over(&rig, ADDRESSES / 100);
		before_kib = resident_kib();
		spent_ns += turn_over(&rig, ADDRESSES - ADDRESSES / 100);
		after_kib = resident_kib();
		ns = (double)(spent_ns - overhead_ns(&rig)) / ADDRESSES;
		each_ns = ns < each_ns ? ns : each_ns;
		rig_destroy(&rig);
	}
	printf("\n%u addresses, each once: %.0f ns a job, %.2f times what as many jobs of one "
	       "address\ncost; resident memory %ld KiB after the first %u, %ld KiB at the end.\n",
		ADDRESSES, each_ns, each_ns / one_ns, before_kib, ADDRESSES / 100, after_kib);
}

int main(int argc, char **argv)
{
	static const unsigned flows[] = { 1, 16, 4096, 1000000 }, waiting[] = { 0, 4000 };
	uint64_t jobs = 1000000u * (argc > 1 ? (uint64_t)atoi(argv[1]) : 2u);
	unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : 5;
	double least[4][2][2] = { 0 };

	for (unsigned run = 0; run < runs; run++)
		for (unsigned i = 0; i < 16; i++) {
			unsigned row = i / 4, column = i / 2 % 2, threads = i % 2;
			double ns = (threads == 0 ? one_thread : three_threads)(
				flows[row], waiting[column], jobs);
			double *cell = &least[row][column][threads];

			*cell = run == 0 || ns < *cell ? ns : *cell;
		}
	printf("ns a job: push + pop + finish, in batches of %u\n\n"
	       "| flows | one thread, none waiting | 4000 waiting | a producer and two consumers, "
	       "none waiting | 4000 waiting |\n|---|---|---|---|---|\n",
		BATCH);
	for (unsigned i = 0; i < 4; i++)
		printf("| %u | %.0f | %.0f | %.0f | %.0f |\n", flows[i], least[i][0][0],
			least[i][1][0], least[i][0][1], least[i][1][1]);
	many_addresses(runs);
	return 0;
}
