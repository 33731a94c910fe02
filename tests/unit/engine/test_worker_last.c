/* The last free worker of the pool, which has two: for whom it is kept, and for how long. */
/* link: -Wl,--wrap=sys_monotonic_ns,--wrap=sys_send,--wrap=sys_futex_wait,--wrap=sys_yield,--wrap=queue_pop */
#include "worker_support.h"

#define KEPT_NS NS_PER_S

/* Both services have been served, the second one `ago_ns` ago. */
static void begin_both(int64_t ago_ns)
{
	begin(SERVICES, 2);
	world.now_ns += KEPT_NS; /* a start is no work */
	push(0, "0");
	push(1, "5"); /* slow ones, which are taken one by one */
	while (step() == WORKER_WORKED)
		;
	must_have_run("05", 0, 0);
	world.now_ns += ago_ns;
}

/* While the first worker runs a job of the first service, the second one looks. What did run, when it had
 * looked, and when all is done? */
static void must_run(const char *looked, const char *all)
{
	assert_int_equal(step(), WORKER_WORKED);
	assert_string_equal(world.ran, looked);
	while (step() == WORKER_WORKED)
		;
	assert_string_equal(world.ran, all);
	assert_int_equal(atomic_load(&world.shared.busy), 0);
	end();
}

static void it_is_kept_for_what_had_work(void **state)
{
	(void)state;
	begin_both(KEPT_NS - 1);
	push(0, "N2");
	must_run("05N", "05N2");
	assert_int_equal(world.nested, WORKER_IDLE);
	assert_int_equal(world.idle_ns, 1);
}

static void it_is_kept_for_a_second(void **state)
{
	(void)state;
	begin_both(KEPT_NS);
	push(0, "N2");
	must_run("05N2", "05N2");
	assert_int_equal(world.nested, WORKER_WORKED);
	assert_int_equal(world.idle_ns, -1);
}

static void it_serves_those_it_is_kept_for(void **state)
{
	(void)state;
	begin_both(0);
	push(0, "N2");
	push(1, "7");
	must_run("05N7", "05N72");
	begin_both(KEPT_NS); /* what waits is reason enough */
	push(0, "N2");
	push(1, "7");
	must_run("05N7", "05N72");
}

static void a_worker_alone_serves_all(void **state)
{
	(void)state;
	begin_both(0);
	atomic_store(&world.shared.demand.wanted, 1);
	push(0, "12");
	must_run("051", "0512");
}

/* At a stop others have nothing to come. */
static void it_is_not_kept_at_the_end(void **state)
{
	(void)state;
	begin_both(0);
	push(0, "N2");
	worker_close(&world.shared);
	must_run("05N2", "05N2");
}

/* One that is kept is not called for nothing. */
static void who_may_not_take_is_not_called(void **state)
{
	unsigned before;

	(void)state;
	begin_both(0);
	before = atomic_load(&world.shared.demand.work.epoch);
	push(0, "12");
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.epochs[2], before); /* 1 is held, and 2 waits */
	world.now_ns += KEPT_NS;
	push(0, "34");
	assert_int_equal(step(), WORKER_WORKED);
	assert_int_equal(world.epochs[3], before + 1);
	while (step() == WORKER_WORKED)
		;
	end();
}

static void oversleep_nothing(void)
{
	assert_int_equal(world.timeout_ns, KEPT_NS);
	world.now_ns += world.timeout_ns;
	push(0, "1C");
}

/* Nobody tells one that is kept that the second is over. */
static void it_sleeps_until_then(void **state)
{
	(void)state;
	begin_both(0);
	push(0, "2");			     /* it will have expired */
	atomic_store(&world.shared.busy, 1); /* another worker */
	atomic_store(&world.services[0].holders, 1);
	world.on_sleep = oversleep_nothing;
	assert_true(worker_run(world.workers[1]));
	must_have_run("051C", 1, 0);
	assert_int_equal(world.sleeps, 1);
	end();
}

static void nobody_is_held_for_nothing(void **state)
{
	(void)state;
	begin_both(0);
	atomic_fetch_or(&world.shared.demand.needed, 1); /* it was, until another worker came */
	assert_int_equal(step(), WORKER_IDLE);
	assert_int_equal(atomic_load(&world.shared.busy), 0);
	assert_int_equal(atomic_load(&world.services[0].holders), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_kept_for_what_had_work),
		cmocka_unit_test(it_is_kept_for_a_second),
		cmocka_unit_test(it_serves_those_it_is_kept_for),
		cmocka_unit_test(a_worker_alone_serves_all),
		cmocka_unit_test(it_is_not_kept_at_the_end),
		cmocka_unit_test(who_may_not_take_is_not_called),
		cmocka_unit_test(it_sleeps_until_then),
		cmocka_unit_test(nobody_is_held_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
