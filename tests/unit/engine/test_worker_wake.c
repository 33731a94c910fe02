/* Who calls a worker, and when; when answers leave; and a receiver's worker, which helps. */
/* link: -Wl,--wrap=sys_monotonic_ns,--wrap=sys_send,--wrap=sys_futex_wait,--wrap=sys_yield,--wrap=queue_pop */
#include "worker_support.h"

static unsigned calls(void)
{
	return atomic_load(&world.shared.demand.work.epoch);
}

static void wake(void)
{
	worker_wake(&world.shared, world.now_ns);
}

static void one_call_until_it_is_answered(void **state)
{
	(void)state;
	begin(1, 2);
	wake(); /* nothing waits */
	assert_int_equal(calls(), 0);
	push(0, "1");
	wake();
	push(0, "2");
	wake();
	assert_int_equal(calls(), 1);
	assert_int_equal(
		step(), WORKER_WORKED); /* that is the answer, and it calls for what it left */
	assert_int_equal(calls(), 2);
	assert_int_equal(step(), WORKER_WORKED);
	wake();
	assert_int_equal(calls(), 2);
	push(0, "W"); /* who runs a handler has answered, too */
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(calls(), 3);
	assert_int_equal(step(), WORKER_WORKED);
	must_have_run("12Wa", 0, 0);
	end();
}

static void push_and_call(void)
{
	assert_true(atomic_load(&world.shared.demand.wakeup_pending));
	if (world.runs < 3) {
		push(0, world.runs < 2 ? "a" : "C");
		wake();
	}
}

/* Who lets others go first is about to look. */
static void none_while_one_is_about_to_look(void **state)
{
	(void)state;
	begin(1, 2);
	push(0, "a");
	world.on_yield = push_and_call;
	assert_true(worker_run(world.workers[0]));
	must_have_run("aaC", 0, 0);
	assert_int_equal(world.sleeps, 0);
	assert_int_equal(calls(), 0);
	end();
}

static void push_one_then_call(void)
{
	push(0, world.sleeps == 1 ? "b" : "C");
	wake();
	assert_int_equal(calls(), world.sleeps);
}

static void who_sleeps_is_called(void **state)
{
	(void)state;
	begin(1, 2);
	world.on_sleep = push_one_then_call;
	assert_true(worker_run(world.workers[0]));
	must_have_run("bC", 0, 0);
	end();
}

/* A step over the first service, which is looked at first: so many are called, in all, for what
 * waits in the second one, too. */
static void must_call(const char *first, const char *second, unsigned called)
{
	begin(SERVICES, 2);
	push(0, first);
	push(1, second);
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.epochs[0], called); /* before it ran its own */
	assert_int_equal(calls(), called);
	while (step() == WORKER_WORKED)
		;
	assert_int_equal(world.runs, strlen(first) + strlen(second));
	end();
}

static void for_services_it_did_not_look_at(void **state)
{
	(void)state;
	must_call("1", "", 0);
	must_call("1", "7", 1);
	must_call("12", "", 1);
	must_call("12", "78", 1); /* one call is enough */
	must_call("", "7", 0);
}

/* Quick ones, which are one batch, are answered together, but none waits for more than 100 us. */
static void must_answer(const char *jobs, const char *sends)
{
	begin(1, 1);
	measure(1);
	push(0, jobs);
	assert_int_equal(step(), WORKER_WORKED);
	assert_string_equal(world.sends, sends);
	must_have_run(jobs, 0, 0);
	end();
}

static void answers_wait_for_100_us(void **state)
{
	(void)state;
	must_answer("a", "1");
	must_answer("abcd", "4");
	must_answer("mm", "2");
	must_answer("mmmm", "22");
	must_answer("mmmmm", "221");
	must_answer("mambm", "32");
	must_answer("M", "1");
	must_answer("Ma", "2");
	must_answer("Mab", "21");
	must_answer("1abc", "13");
	must_answer("ab1c", "31");
	must_answer("123", "111");
}

/* From here on the second worker is a receiver's, and helps. */
static enum worker_result help(void)
{
	return worker_assist(world.workers[1]);
}

static void a_receiver_helps(void **state)
{
	(void)state;
	begin_helped(SERVICES, 2, true);
	assert_int_equal(help(), WORKER_IDLE);
	push(0, "a");
	push(1, "x"); /* of another receiver */
	atomic_store(&world.shared.demand.wakeup_pending, true);
	assert_int_equal(help(), WORKER_WORKED);
	must_have_run("a", 0, 0);
	assert_int_equal(world.last_worker, WORKER_OF_RECEIVER(0));
	assert_true(atomic_load(
		&world.shared.demand.wakeup_pending)); /* that was no answer to the call */
	assert_int_equal(help(), WORKER_IDLE);
	assert_int_equal(atomic_load(&world.workers[1]->counters->requests), 1);
	assert_int_equal(atomic_load(&world.workers[1]->counters->busy_ns), QUICK_NS);
	assert_int_equal(step(), WORKER_IDLE); /* x is left to its receiver, */
	queue_end_assist(world.services[1].queue);
	assert_int_equal(step(), WORKER_WORKED); /* until that has ended */
	assert_string_equal(world.ran, "ax");
	assert_int_equal(world.last_worker, 0);
	end();
}

static void a_receiver_has_an_end(void **state)
{
	char jobs[QUEUE_BATCH_MAX + 4] = "";

	(void)state;
	memset(jobs, 'a', QUEUE_BATCH_MAX + 3);
	begin_helped(1, 2, true);
	push(0, jobs);
	world.now_ns += MAX_WAIT_NS;
	assert_int_equal(help(), WORKER_WORKED); /* it found a batch of stale ones */
	must_have_run("", QUEUE_BATCH_MAX, 0);
	assert_int_equal(help(), WORKER_WORKED);
	must_have_run("", QUEUE_BATCH_MAX + 3, 0);
	worker_close(&world.shared);
	assert_int_equal(help(), WORKER_IDLE);
	assert_int_equal(step(), WORKER_ENDED);
	end();
}

/* More than it gets to in time, or what waited behind a slow one. */
static void a_receiver_calls_workers(void **state)
{
	char jobs[QUEUE_BATCH_MAX + 3] = "";

	(void)state;
	memset(jobs, 'a', QUEUE_BATCH_MAX + 2);
	begin_helped(1, 2, true);
	push(0, jobs);
	assert_int_equal(help(), WORKER_WORKED);
	assert_int_equal(world.epochs[0], 1); /* before it ran its own */
	while (help() == WORKER_WORKED)
		;
	must_have_run(jobs, 0, 0);
	assert_int_equal(calls(), 1);
	end();

	begin_helped(1, 2, true);
	push(0, "Lb");
	assert_int_equal(help(), WORKER_WORKED);
	assert_int_equal(world.epochs[0], 0);
	assert_int_equal(calls(), 1);
	assert_int_equal(help(), WORKER_IDLE); /* it was slow, and so does not help */
	assert_int_equal(step(), WORKER_WORKED);
	must_have_run("Lb", 0, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_call_until_it_is_answered),
		cmocka_unit_test(none_while_one_is_about_to_look),
		cmocka_unit_test(who_sleeps_is_called),
		cmocka_unit_test(for_services_it_did_not_look_at),
		cmocka_unit_test(answers_wait_for_100_us),
		cmocka_unit_test(a_receiver_helps),
		cmocka_unit_test(a_receiver_has_an_end),
		cmocka_unit_test(a_receiver_calls_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
