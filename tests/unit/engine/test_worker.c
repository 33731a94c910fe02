/* A worker's steps: what it takes, what becomes of it, and when it ends. */
/* link: -Wl,--wrap=sys_monotonic_ns,--wrap=sys_send,--wrap=sys_futex_wait,--wrap=sys_yield,--wrap=queue_pop,--wrap=worker_log_request */
#include "worker_support.h"

static char logged[SLOTS];

void __wrap_worker_log_request(struct worker *worker, const struct service *service,
	const struct datagram *job, int64_t wait_ns, ssize_t reply_bytes);

void __wrap_worker_log_request(struct worker *worker, const struct service *service,
	const struct datagram *job, int64_t wait_ns, ssize_t reply_bytes)
{
	(void)worker, (void)service;
	assert_int_equal(wait_ns, (int64_t)strlen(logged) * QUICK_NS);
	assert_int_equal(reply_bytes, 1);
	logged[strlen(logged)] = (char)job->data[0];
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

/* The recorder has the last ones of a batch, the log all. */
static void each_is_logged(void **state)
{
	static const char jobs[] = "abcdefghijklnopqrstuvwxyz";

	(void)state;
	begin(1, 1);
	measure(1);
	push(0, "a");
	assert_int_equal(step(), WORKER_WORKED);
	assert_string_equal(logged, "");
	atomic_store(&world.shared.log_requests, true);
	push(0, jobs);
	assert_int_equal(step(), WORKER_WORKED);
	assert_string_equal(logged, jobs);
	end();
}

static void answers(void **state)
{
	(void)state;
	begin(SERVICES, 2);
	assert_int_equal(step(), WORKER_IDLE);
	push(1, "a");
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(step(), WORKER_IDLE);
	push(1, "b");
	worker_close(&world.shared);
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
	assert_int_equal(atomic_load(&world.shared.demand.work.epoch), 1);
	must_have_run("", QUEUE_BATCH_MAX, 0);
	assert_int_equal(step(), WORKER_WORKED);
	must_have_run("", QUEUE_BATCH_MAX + 3, 0);
	end();
}

/* Also of a service that no worker may take from now. */
static void no_end_while_something_waits(void **state)
{
	(void)state;
	begin(SERVICES, 1);
	push(1, "N2");
	worker_close(&world.shared);
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.nested, WORKER_IDLE);
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(step(), WORKER_ENDED);
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

static void two_workers(unsigned max_workers, enum worker_result nested)
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

/* One step over these jobs: others are notified so often, all before the first runs. */
static void must_notify(unsigned max_workers, const char *jobs, unsigned times)
{
	begin(1, max_workers);
	push(0, jobs);
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.epochs[0], times);
	assert_int_equal(atomic_load(&world.shared.demand.work.epoch), times);
	while (step() == WORKER_WORKED)
		;
	must_have_run(jobs, 0, 0);
	end();
}

static void wakes_another(void **state)
{
	(void)state;
	must_notify(1, "1", 0);
	must_notify(2, "1", 0);
	must_notify(2, "12", 1); /* for what it left */
	must_notify(1, "12", 0); /* none is allowed to take more, and then it looks itself */
}

static void the_watch(void **state)
{
	(void)state;
	begin(1, 1);
	push(0, "a");
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.call_ns, 0);
	atomic_store(&world.shared.track_calls, true);
	push(0, "b");
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.call_ns, world.now_ns - QUICK_NS);
	assert_int_equal(world.workers[0]->running_call.since_ns, 0);
	push(0, "Uc"); /* switched off while it runs: for the next batch */
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.workers[0]->running_call.since_ns, 0);
	push(0, "d");
	assert_int_equal(step(), WORKER_WORKED);
	must_have_run("abUcd", 0, 0);
	assert_int_equal(world.call_ns, 0);
	end(); /* nothing runs, it says */
}

static void push_one_then_the_last(void)
{
	push(0, world.sleeps == 1 ? "b" : "C");
	eventcount_notify(&world.shared.demand.work, 1);
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
	atomic_store(&world.shared.demand.wanted, 0);
	eventcount_notify(&world.shared.demand.work, 1);
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
	atomic_store(&world.shared.demand.wanted, 1);
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
		cmocka_unit_test(each_is_logged),
		cmocka_unit_test(answers),
		cmocka_unit_test(only_expired_ones),
		cmocka_unit_test(no_end_while_something_waits),
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
