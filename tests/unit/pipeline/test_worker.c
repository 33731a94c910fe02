/* Workers over queues of the test, in one thread and in virtual time: only the handler makes time
 * pass, what is sent is counted, and who would sleep is told what happens meanwhile.
 */
/* link: -Wl,--wrap=sys_monotonic_ns,--wrap=sys_send,--wrap=sys_futex_wait */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/sys.h"
#include "pipeline/worker.h"

#define SLOTS 256u
#define SERVICES 2u
#define MAX_WAIT_NS (10 * NS_PER_MS)
#define QUICK_NS NS_PER_US
#define SLOW_NS (200 * NS_PER_US) /* no other job is in its batch */

/* A job is a character. A digit is slow; "S" takes as long as a job may wait; "L" 1 ns less; all
 * others are quick. Some do something: */
#define CLOSES 'C'    /* all queues */
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
	struct worker *workers[2];
	char ran[SLOTS];	/* the jobs, in their order */
	uint32_t epochs[SLOTS]; /* how often was notified when each began */
	unsigned runs, sent, sleeps;
	enum worker_did nested;
	int64_t call_ns; /* since when a handler runs, as the last one saw it */
	void (*on_sleep)(void);
	void (*on_look)(void); /* is called when a worker looks at its queues a second time */
	unsigned looks;
} world;

int64_t __wrap_sys_monotonic_ns(void);
int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count);
void __wrap_sys_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);

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
	world.sent += count;
	return (int)count;
}

void __wrap_sys_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
	assert_ptr_equal(word, &world.shared.work.epoch);
	assert_int_equal(atomic_load(word), expected);
	assert_int_equal(timeout_ns, -1);
	world.sleeps++;
	assert_non_null(world.on_sleep);
	world.on_sleep();
}

static int64_t time_of(char job)
{
	if (job == 'S')
		return MAX_WAIT_NS;
	if (job == 'L')
		return MAX_WAIT_NS - 1;
	return job <= '9' ? SLOW_NS : QUICK_NS;
}

static void close_all(void)
{
	for (unsigned i = 0; i < world.shared.services_count; i++)
		queue_close(world.services[i].queue);
}

static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	char job = *(const char *)request->data;

	(void)state;
	assert_true(size > 0);
	world.epochs[world.runs] = atomic_load(&world.shared.work.epoch);
	world.ran[world.runs++] = job;
	world.call_ns = world.workers[request->worker]->call.since_ns;
	if (job == CLOSES)
		close_all();
	else if (job == HURRIES)
		atomic_store(&world.shared.hurry, true);
	else if (job == NESTS)
		world.nested = worker_step(world.workers[1]);
	else if (job == UNWATCHES)
		atomic_store(&world.shared.watched, false);
	else if (job == UNWANTS)
		atomic_store(&world.shared.wanted, 0);
	world.now_ns += time_of(job);
	*(char *)reply = job;
	return 1;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle };

static void add_service(unsigned max_workers)
{
	const struct queue_shape shape = {
		.capacity = 2 * QUEUE_BATCH_MAX,
		.most_workers = 2,
		.rules = { .discipline = BACKLOG_FIFO },
	};
	const struct queue_settings settings = {
		.max_wait_ns = MAX_WAIT_NS,
		.overload_interval_ns = NS_PER_S,
		.fair_window_ns = NS_PER_S,
		.max_workers = max_workers,
	};
	struct service *service = &world.services[world.shared.services_count++];

	service->name = (char *)(uintptr_t) "service";
	service->handler.calls = &handler;
	assert_int_equal(queue_new(&shape, &settings, &service->queue), 0);
}

/* Services of which so many workers may run jobs at once. */
static void begin(unsigned services, unsigned max_workers)
{
	const struct log_settings settings = {
		.format = "logfmt", .color = "never", .target = "none"
	};

	memset(&world, 0, sizeof(world));
	world.now_ns = NS_PER_S;
	world.shared.services = world.services;
	world.shared.sockets = &world.socket;
	atomic_store(&world.shared.wanted, 2);
	assert_int_equal(log_new(&settings, &world.log), 0);
	assert_int_equal(slab_new(SLOTS, 64, &world.shared.slab), 0);
	for (unsigned i = 0; i < services; i++)
		add_service(max_workers);
	for (unsigned i = 0; i < 2; i++) {
		struct worker_identity identity = { .number = i };

		assert_int_equal(log_ring_new(world.log, LOG_WORKER, i, &identity.log), 0);
		assert_int_equal(worker_new(&world.shared, &identity, 64, &world.workers[i]), 0);
		assert_int_equal(worker_start(world.workers[i]), 0);
	}
}

/* Nothing may wait, and slab_free() finds slots that were not given back. */
static void end(void)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(atomic_load(&world.workers[i]->counters.busy_since_ns), 0);
		assert_int_equal(world.workers[i]->call.since_ns, 0);
		worker_stop(world.workers[i]);
		worker_free(world.workers[i]);
	}
	assert_int_equal(atomic_load(&world.shared.work.waiters), 0);
	for (unsigned i = 0; i < world.shared.services_count; i++)
		queue_free(world.services[i].queue);
	slab_free(world.shared.slab);
	log_free(world.log);
}

/* The jobs arrive now, at once. */
static void push(unsigned service, const char *jobs)
{
	struct ledger admission = { .received = strlen(jobs) };
	struct datagram_list slots = { 0 }, batch = { 0 }, dropped = { 0 };

	slab_take(world.shared.slab, (unsigned)strlen(jobs), &slots);
	for (; *jobs != '\0'; jobs++) {
		struct datagram *datagram = datagram_list_pop(&slots);

		assert_int_equal(addr_parse("127.0.0.1", 2000, &datagram->client), 0);
		datagram->local = datagram->client;
		datagram->arrived_ns = datagram->timestamp_ns = world.now_ns;
		datagram->socket = 0;
		datagram->truncated = false;
		datagram->length = 1;
		datagram->data[0] = (unsigned char)*jobs;
		datagram_list_push(&batch, datagram);
	}
	(void)queue_push(world.services[service].queue, &batch, &admission, world.now_ns, &dropped);
	assert_int_equal(dropped.count, 0);
}

static enum worker_did step(void)
{
	return worker_step(world.workers[0]);
}

/* From here on a worker takes all that waits, for the handler was quick. */
static void measure(unsigned services)
{
	for (unsigned i = 0; i < services; i++) {
		push(i, "q");
		assert_int_equal(step(), WORKER_WORKED);
	}
	assert_int_equal(world.sent, services);
	memset(world.ran, 0, sizeof(world.ran));
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

static void one_batch(const char *jobs, const char *ran, unsigned expired, unsigned shutdown)
{
	begin(1, 1);
	measure(1);
	push(0, jobs);
	assert_int_equal(step(), WORKER_WORKED);
	must_have_run(ran, expired, shutdown);
	assert_int_equal(step(), WORKER_IDLE);
	end();
}

static void quick_jobs_are_one_batch(void **state)
{
	(void)state;
	one_batch("abcd", "abcd", 0, 0);
}

static void jobs_expire_within_a_batch(void **state)
{
	(void)state;
	one_batch("Sbcd", "S", 3, 0);
	one_batch("aSbcd", "aS", 3, 0);
	one_batch("Lbcd", "Lb", 2, 0); /* b begins in its last nanosecond */
}

static void hurry_drops_the_rest_of_a_batch(void **state)
{
	(void)state;
	one_batch("Hbcd", "H", 0, 3);
	one_batch("abHd", "abH", 0, 1);
}

static void answers(void **state)
{
	(void)state;
	begin(SERVICES, 2);
	assert_int_equal(step(), WORKER_IDLE);
	push(1, "a");
	assert_int_equal(step(), WORKER_WORKED);
	queue_close(world.services[0].queue);
	assert_int_equal(step(), WORKER_IDLE);
	push(1, "b");
	queue_close(world.services[1].queue);
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(step(), WORKER_ENDED);
	assert_string_equal(world.ran, "ab");
	end();
}

/* More than a step may drop: it is no end, and another worker may find jobs behind them. */
static void only_expired_ones(void **state)
{
	char jobs[QUEUE_BATCH_MAX + 4] = { 0 };

	(void)state;
	memset(jobs, 'a', QUEUE_BATCH_MAX + 3);
	begin(1, 1);
	push(0, jobs);
	world.now_ns += MAX_WAIT_NS;
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(atomic_load(&world.shared.work.epoch), 1);
	must_have_run("", QUEUE_BATCH_MAX, 0);
	assert_int_equal(step(), WORKER_IDLE);
	must_have_run("", QUEUE_BATCH_MAX + 3, 0);
	end();
}

/* Slow jobs: each is a batch. */
static void services_in_turn(void **state)
{
	(void)state;
	begin(SERVICES, 2);
	push(0, "123");
	push(1, "789");
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(step(), WORKER_WORKED);
	assert_string_equal(world.ran, "172839");
	push(1, "7"); /* the other one is next, and has nothing */
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(step(), WORKER_IDLE);
	end();
}

static void two_workers(unsigned max_workers, enum worker_did nested)
{
	begin(1, max_workers);
	push(0, "N2");
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.nested, nested);
	assert_int_equal(world.runs, nested == WORKER_WORKED ? 2 : 1);
	assert_int_equal(step(), nested == WORKER_WORKED ? WORKER_IDLE : WORKER_WORKED);
	must_have_run("N2", 0, 0);
	end();
}

static void no_more_than_max_workers(void **state)
{
	(void)state;
	two_workers(1, WORKER_IDLE);
	two_workers(2, WORKER_WORKED);
}

/* One step over these jobs: others are notified so often before the first runs, and in all. */
static void must_notify(unsigned max_workers, const char *jobs, unsigned before, unsigned all)
{
	begin(1, max_workers);
	push(0, jobs);
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.epochs[0], before);
	assert_int_equal(atomic_load(&world.shared.work.epoch), all);
	while (step() == WORKER_WORKED)
		;
	must_have_run(jobs, 0, 0);
	end();
}

static void wakes_another(void **state)
{
	(void)state;
	must_notify(1, "1", 0, 0);
	must_notify(2, "1", 0, 0);
	must_notify(2, "12", 1, 1); /* before its own, for what it left */
	must_notify(1, "12", 0, 1); /* after it, for none was allowed to take more */
}

static void the_watch(void **state)
{
	(void)state;
	begin(1, 1);
	push(0, "a");
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.call_ns, 0);
	atomic_store(&world.shared.watched, true);
	push(0, "b");
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.call_ns, world.now_ns - QUICK_NS);
	assert_int_equal(world.workers[0]->call.since_ns, 0);
	push(0, "Ucd"); /* switched off while it runs */
	assert_int_equal(step(), WORKER_WORKED);
	must_have_run("abUcd", 0, 0);
	assert_int_equal(world.call_ns, 0);
	end(); /* nothing runs, it says */
}

static void push_one_then_the_last(void)
{
	push(0, world.sleeps == 1 ? "b" : "C");
	eventcount_notify(&world.shared.work, 1);
}

static void runs_until_all_has_ended(void **state)
{
	(void)state;
	begin(SERVICES, 1);
	push(0, "a");
	world.on_sleep = push_one_then_the_last;
	assert_true(worker_run(world.workers[0]));
	assert_int_equal(world.sleeps, 2);
	must_have_run("abC", 0, 0);
	end();
}

static void push_the_last(void)
{
	push(0, "C");
}

/* What came after it found nothing, and before it sleeps. */
static void looks_again_before_it_sleeps(void **state)
{
	(void)state;
	begin(1, 1);
	world.on_look = push_the_last;
	assert_true(worker_run(world.workers[0]));
	assert_int_equal(world.sleeps, 0);
	must_have_run("C", 0, 0);
	end();
}

static void want_none(void)
{
	atomic_store(&world.shared.wanted, 0);
	eventcount_notify(&world.shared.work, 1);
}

static void runs_while_it_is_wanted(void **state)
{
	(void)state;
	begin(1, 1);
	push(0, "1X3");				    /* X was taken alone, for 1 was slow */
	assert_false(worker_run(world.workers[0])); /* after its batch */
	assert_string_equal(world.ran, "1X");
	assert_false(worker_run(world.workers[0]));
	assert_string_equal(world.ran, "1X");
	atomic_store(&world.shared.wanted, 1);
	assert_false(worker_run(world.workers[1]));
	world.on_sleep = want_none;
	assert_false(worker_run(world.workers[0]));
	must_have_run("1X3", 0, 0);
	assert_int_equal(world.sleeps, 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quick_jobs_are_one_batch),
		cmocka_unit_test(jobs_expire_within_a_batch),
		cmocka_unit_test(hurry_drops_the_rest_of_a_batch),
		cmocka_unit_test(answers),
		cmocka_unit_test(only_expired_ones),
		cmocka_unit_test(services_in_turn),
		cmocka_unit_test(no_more_than_max_workers),
		cmocka_unit_test(wakes_another),
		cmocka_unit_test(the_watch),
		cmocka_unit_test(runs_until_all_has_ended),
		cmocka_unit_test(looks_again_before_it_sleeps),
		cmocka_unit_test(runs_while_it_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
