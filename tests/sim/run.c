/* The life of a simulated server, as server/serve.c and pool.c have it. */
#include "run.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

#define STEPS_MAX 3000000u
#define HOUR_NS (3600 * NS_PER_S)
#define YEAR_NS (365LL * 24 * HOUR_NS)

/* --- the threads */

static void receiver_task(void *argument)
{
	struct receiver *receiver = argument;

	if (receiver->worker != NULL)
		must(worker_start(receiver->worker) == 0, "worker_start");
	receiver_run(receiver);
	if (receiver->worker != NULL)
		worker_stop(receiver->worker);
}

static void worker_task(void *argument)
{
	struct worker *worker = argument;

	must(worker_start(worker) == 0, "worker_start");
	(void)worker_run(worker);
	worker_wake_all(&the_run->shared);
	worker_stop(worker);
}

/* As pool_resize() has it: those that are too many leave, those that are missing come again. */
static void want_workers(struct run *run, unsigned workers)
{
	atomic_store(&run->shared.demand.wanted, workers);
	worker_wake_all(&run->shared);
	for (unsigned i = 0; i < workers; i++)
		if (run->worker_tasks[i] == NULL || run->worker_tasks[i]->state == TASK_ENDED)
			run->worker_tasks[i] = task_start(&run->world, run->worker_tasks[i],
				"worker", worker_task, run->workers[i]);
}

/* Which ones hold for a batch that was received and not yet pushed, or run, could not be said. */
static void change_for_receivers(struct run *run, unsigned service)
{
	int64_t max_wait_ns = run->scenario.services[service].max_wait_ns;

	for (unsigned i = 0; i < run->scenario.sockets_count; i++)
		if (run->network.sockets[i].received_count > 0)
			return;
	atomic_store(&run->services[service].max_wait_ns, max_wait_ns);
	run_note_wait(run, service, max_wait_ns);
	atomic_store(&run->services[service].min_source_port,
		(unsigned)random_between(&run->world.random, 1, (int64_t)2 * SCENARIO_LOW_PORT));
}

static void change_service(struct run *run, unsigned service)
{
	struct queue_settings settings = run_settings(run, service);

	change_for_receivers(run, service);
	if (run->services[service].queue != NULL)
		queue_configure(run->services[service].queue, &settings);
	run_children_limit(run, service);
}

static void change_settings(struct run *run)
{
	struct random *random = &run->world.random;

	run->scenario.workers = 1 + random_below(random, SCENARIO_WORKERS_MAX);
	want_workers(run, run->scenario.workers);
	for (unsigned i = 0; i < run->scenario.services_count; i++) {
		scenario_draw_settings(random, SCENARIO_WORKERS_MAX, &run->scenario.services[i]);
		change_service(run, i);
	}
	worker_wake(&run->shared, run->world.now_ns);
	world_trace(&run->world, "configure", run->scenario.workers, 0, 0);
}

/* Ten years or an hour, either way; never back to where the clock was. */
static void step_clock(void *context, uint64_t number)
{
	struct run *run = context;
	struct random *random = &run->world.random;
	int64_t step_ns = random_below(random, 2) == 0 ? 10 * YEAR_NS : HOUR_NS;

	(void)number;
	step_ns += random_between(random, 0, 600 * NS_PER_S);
	run->world.wall_ns += random_below(random, 2) == 0 ? step_ns : -step_ns;
	run->network.clock_steps++;
	world_trace(&run->world, "step clock", step_ns, 0, 0);
}

/* Wait until a time, or until all these tasks have ended. */
static bool have_ended(struct run *run, struct task *const tasks[], unsigned count, int64_t ns)
{
	for (unsigned i = 0; i < count; i++) {
		while (tasks[i] != NULL && tasks[i]->state != TASK_ENDED) {
			if (run->world.now_ns >= ns)
				return false;
			run->world.running->polling = true;
			owner_wait(run, ns);
		}
	}
	return true;
}

static void wait_until(struct run *run, int64_t ns)
{
	while (run->world.now_ns < ns)
		owner_wait(run, ns);
}

static void abort_run(struct run *run)
{
	struct datagram_list dropped = { 0 };

	atomic_store(&run->shared.aborting, true);
	if (run->abort_ns == 0)
		run->abort_ns = run->world.now_ns;
	for (unsigned i = 0; i < run->scenario.services_count; i++)
		if (run->services[i].queue != NULL)
			queue_discard(run->services[i].queue, &dropped);
	slab_give(run->slab, &dropped);
	worker_wake_all(&run->shared);
	run_children_abort(run);
}

/* The handlers here do end. */
static void await_end(
	struct run *run, struct task *const tasks[], unsigned count, int64_t deadline_ns)
{
	if (have_ended(run, tasks, count, deadline_ns))
		return;
	abort_run(run);
	(void)have_ended(run, tasks, count, INT64_MAX);
}

static void stop(struct run *run)
{
	int64_t deadline_ns = run->world.now_ns + run->scenario.drain_ns;

	run->network.stopping = true;
	atomic_store(&run->shutdowns, 1);
	world_trace(&run->world, "stop", run->scenario.drain_ns, 0, 0);
	world_poke(&run->world);
	await_end(run, run->receiver_tasks, run->scenario.sockets_count, deadline_ns);
	worker_close(&run->shared);
	await_end(run, run->worker_tasks, SCENARIO_WORKERS_MAX, deadline_ns);
	run_children_stop(run);
}

/* The owner's thread. */
static void main_task(void *argument)
{
	struct run *run = argument;
	struct scenario *scenario = &run->scenario;
	int64_t begin_ns = run->world.now_ns;

	for (unsigned i = 0; i < scenario->services_count; i++)
		run_children_limit(run, i);
	for (unsigned i = 1; i <= scenario->changes; i++) {
		wait_until(
			run, begin_ns + scenario->stop_ns * i / ((int64_t)scenario->changes + 1));
		change_settings(run);
	}
	wait_until(run, begin_ns + scenario->stop_ns);
	stop(run);
	run->refusing = true;
	for (unsigned i = 0; i < scenario->sockets_count; i++)
		receiver_finish(&run->receivers[i], true);
}

static void simulate(struct run *run)
{
	while (world_step(&run->world)) {
		if (run->checked)
			run_check_step(run);
		must(run->world.steps < STEPS_MAX, "it does not end");
	}
	for (unsigned i = 0; i < run->world.tasks_count; i++)
		must(run->world.tasks[i].state == TASK_ENDED, "%s %u does not end",
			run->world.tasks[i].name, run->world.tasks[i].number);
}

void run_scenario(struct run *run)
{
	struct world *world = &run->world;

	run_assemble(run);
	for (unsigned i = 0; i < run->scenario.clock_steps; i++)
		world_at(world,
			world->now_ns + random_between(&world->random, 0, run->scenario.length_ns),
			step_clock, run, 0);
	want_workers(run, run->scenario.workers);
	for (unsigned i = 0; i < run->scenario.sockets_count; i++)
		run->receiver_tasks[i] =
			task_start(world, NULL, "receiver", receiver_task, &run->receivers[i]);
	(void)task_start(world, NULL, "main", main_task, run);
	clients_start(run);
	simulate(run);
	if (run->checked)
		run_check_end(run);
}
