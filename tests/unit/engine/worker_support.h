/* What the tests of workers share: workers over queues of the test, in one thread and in virtual time:
 * only the handler makes time pass, what is sent is counted, and who would sleep or lets others run is
 * told what happens meanwhile. */
#ifndef ENGINE_WORKER_SUPPORT_H
#define ENGINE_WORKER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "engine/worker.h"

#define SLOTS 256u
#define SERVICES 2u
#define MAX_WAIT_NS (10 * NS_PER_MS)
#define QUICK_NS NS_PER_US
#define SLOW_NS (200 * NS_PER_US) /* no other job is in its batch */

/* A job is a character. A digit is slow; "m" and "M" take 60 and 100 us; "S" takes as long as a job
 * may wait; "L" 1 ns less; all others are quick. Some do something: */
#define PUSHES 'W'    /* pushes a job, and calls a worker, twice */
#define CLOSES 'C'    /* no more is pushed */
#define HURRIES 'H'   /* sets `hurry` */
#define NESTS 'N'     /* lets the other worker make a step */
#define UNWATCHES 'U' /* ends the watch */
#define UNWANTS 'X'   /* has no worker wanted any more */

static struct world {
	int64_t now_ns;
	struct log *log;
	struct socket socket;
	struct service services[SERVICES];
	struct worker_shared shared;
	struct reply_batch *replies; /* the receiver's */
	struct worker *workers[2];
	char ran[SLOTS];	/* the jobs, in their order */
	uint32_t epochs[SLOTS]; /* how often was notified when each began */
	unsigned runs, sent, sleeps;
	int64_t timeout_ns;   /* of the last sleep */
	char sends[SLOTS];    /* a digit each: of how many replies */
	unsigned last_worker; /* the number of the one that ran a job */
	enum worker_result nested;
	int64_t kept_ns; /* how long the other worker is then kept */
	int64_t call_ns; /* since when a handler runs, as the last one saw it */
	void (*on_sleep)(void);
	void (*on_yield)(void);
	void (*on_look)(void); /* is called when a worker looks at its queues a second time */
	unsigned looks;
} world;

int64_t __wrap_sys_monotonic_ns(void);
int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count);
void __wrap_sys_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);
void __wrap_sys_yield(void);
bool __real_queue_pop(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch);
bool __wrap_queue_pop(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch);

int64_t __wrap_sys_monotonic_ns(void)
{
	if (world.on_look != NULL && ++world.looks == 2)
		world.on_look();
	return world.now_ns;
}

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count)
{
	(void)fd;
	(void)messages;
	world.sends[strlen(world.sends)] = (char)('0' + count);
	world.sent += count;
	return (int)count;
}

/* A call is answered before the queues are looked at, or what is pushed meanwhile could stay
 * unseen; and so whoever sleeps can be called. */
bool __wrap_queue_pop(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch)
{
	assert_false(atomic_load(&world.shared.demand.wakeup_pending));
	return __real_queue_pop(queue, now_ns, ret_batch);
}

void __wrap_sys_yield(void)
{
	if (world.on_yield != NULL)
		world.on_yield();
}

void __wrap_sys_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
	assert_ptr_equal(word, &world.shared.demand.work.epoch);
	assert_int_equal(atomic_load(word), expected);
	world.timeout_ns = timeout_ns;
	assert_false(atomic_load(&world.shared.demand.wakeup_pending));
	world.sleeps++;
	assert_non_null(world.on_sleep);
	world.on_sleep();
}

static int64_t time_of(char job)
{
	if (job == 'm' || job == 'M')
		return (job == 'm' ? 60 : 100) * NS_PER_US;
	if (job == 'S')
		return MAX_WAIT_NS;
	if (job == 'L')
		return MAX_WAIT_NS - 1;
	return job <= '9' ? SLOW_NS : QUICK_NS;
}

static void push(unsigned service, const char *jobs);

static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	char job = *(const char *)request->data;

	(void)state;
	assert_true(size > 0);
	world.epochs[world.runs] = atomic_load(&world.shared.demand.work.epoch);
	world.ran[world.runs++] = job;
	world.last_worker = request->worker;
	world.call_ns = world.workers[request->worker != 0]->running_call.since_ns;
	if (job == PUSHES) {
		push(0, "a");
		worker_wake(&world.shared, world.now_ns);
		worker_wake(&world.shared, world.now_ns);
	} else if (job == CLOSES)
		atomic_store(&world.shared.demand.closed, true);
	else if (job == HURRIES)
		atomic_store(&world.shared.aborting, true);
	else if (job == NESTS) {
		world.nested = worker_step(world.workers[1]);
		world.kept_ns = worker_kept_ns(&world.shared);
	} else if (job == UNWATCHES)
		atomic_store(&world.shared.track_calls, false);
	else if (job == UNWANTS)
		atomic_store(&world.shared.demand.wanted, 0);
	world.now_ns += time_of(job);
	*(char *)reply = job;
	return 1;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle };

static struct handler_values no_values;

static void add_service(unsigned max_workers, bool assisted)
{
	const struct queue_limits limits = {
		.capacity = 2 * QUEUE_BATCH_MAX,
		.workers_max = 2,
		.demand = &world.shared.demand,
		.service = world.shared.services_count,
		.rules = { .discipline = BACKLOG_FIFO },
		.assisted = assisted,
	};
	const struct queue_settings settings = {
		.overload_interval_ns = NS_PER_S,
		.fair_window_ns = NS_PER_S,
		.max_workers = max_workers,
		.receivers_assist = assisted,
	};
	struct service *service = &world.services[world.shared.services_count++];

	service->name = (char *)(uintptr_t) "service";
	service->handler.calls = &handler;
	service->handler.values = &no_values;
	service->reply_bytes = 64;
	assert_int_equal(queue_new(&limits, &settings, &service->queue), 0);
}

/* Services of which so many workers may run jobs at once; `assisted`: the second worker is the first
 * one's receiver's. */
static void begin_helped(unsigned services, unsigned max_workers, bool assisted)
{
	const struct log_settings settings = {
		.format = "logfmt", .color = "never", .target = "none"
	};

	memset(&world, 0, sizeof(world));
	world.now_ns = NS_PER_S;
	world.shared.services = world.services;
	world.shared.sockets = &world.socket;
	assert_int_equal(log_new(&settings, 0, &world.log), 0);
	atomic_store(&world.shared.demand.wanted, 2);
	assert_int_equal(slab_new(SLOTS, 64, &world.shared.slab), 0);
	for (unsigned i = 0; i < services; i++)
		add_service(max_workers, assisted);
	for (unsigned i = 0; i < 2; i++) {
		struct worker_identity identity = { .number = i };

		if (assisted && i == 1) {
			assert_int_equal(reply_batch_new(64, 64, &world.replies), 0);
			world.replies->sockets = &world.socket;
			identity = (struct worker_identity){ .number = WORKER_OF_RECEIVER(0),
				.only = world.services,
				.replies = world.replies };
		}
		assert_int_equal(log_add_ring(world.log, LOG_WORKER, i, &identity.log), 0);
		assert_int_equal(worker_new(&world.shared, &identity, &world.workers[i]), 0);
		assert_int_equal(worker_start(world.workers[i]), 0);
	}
}

static inline void begin(unsigned services, unsigned max_workers)
{
	begin_helped(services, max_workers, false);
}

/* Nothing may wait, and slab_free() finds slots that were not given back. */
static void end(void)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(atomic_load(&world.workers[i]->counters->busy_since_ns), 0);
		assert_int_equal(world.workers[i]->running_call.since_ns, 0);
		worker_stop(world.workers[i]);
		worker_free(world.workers[i]);
	}
	reply_batch_free(world.replies);
	assert_int_equal(atomic_load(&world.shared.demand.work.waiters), 0);
	for (unsigned i = 0; i < world.shared.services_count; i++)
		queue_free(world.services[i].queue);
	slab_free(world.shared.slab);
	log_free(world.log);
}

/* The jobs arrive now, at once. */
static void push(unsigned service, const char *jobs)
{
	struct ledger admission = { .received = strlen(jobs) };
	struct datagram_list batch = { 0 }, dropped = { 0 };

	for (; *jobs != '\0'; jobs++) {
		struct datagram *datagram;

		slab_take(world.shared.slab, 1, &datagram);
		assert_int_equal(addr_parse("127.0.0.1", 2000, &datagram->client), 0);
		datagram->local = datagram->client;
		datagram->addr_bytes = sizeof(datagram->client.in);
		datagram->arrived_ns = world.now_ns;
		datagram->expires_ns = world.now_ns + MAX_WAIT_NS;
		datagram->timestamp = (struct timespec){ .tv_sec = 1 };
		datagram->socket = 0;
		datagram->truncated = false;
		datagram->length = 1;
		datagram->data[0] = (unsigned char)*jobs;
		datagram_list_push(&batch, datagram);
	}
	queue_push(world.services[service].queue, &batch, &admission, world.now_ns, &dropped);
	assert_int_equal(dropped.count, 0);
}

static enum worker_result step(void)
{
	return worker_step(world.workers[0]);
}

/* From here on a worker takes all that waits, for the handler was quick. */
static inline void measure(unsigned services)
{
	for (unsigned i = 0; i < services; i++) {
		push(i, "q");
		assert_int_equal(step(), WORKER_WORKED);
	}
	assert_int_equal(world.sent, services);
	memset(world.ran, 0, sizeof(world.ran));
	memset(world.sends, 0, sizeof(world.sends));
	world.runs = world.sent = 0;
}

/* These ran, and were answered; of the first service, and since the start, so many were dropped. */
static void must_have_run(const char *jobs, unsigned expired, unsigned shutdown)
{
	struct queue_report report;
	uint64_t dropped;

	queue_snapshot(world.services[0].queue, &report);
	dropped = ledger_dropped(&report.ledger);
	assert_string_equal(world.ran, jobs);
	assert_int_equal(world.sent, strlen(jobs));
	assert_int_equal(report.ledger.dropped[DROP_EXPIRED], expired);
	assert_int_equal(report.ledger.dropped[DROP_SHUTDOWN], shutdown);
	assert_int_equal(dropped, expired + shutdown);
	assert_int_equal(report.ledger.running, 0);
	assert_true(ledger_balances(&report.ledger));
}

#endif
