#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "run.h"

void world_init(struct world *world, uint64_t seed)
{
	*world = (struct world){ .random = { seed }, .trace = 0xcbf29ce484222325u };
	world->now_ns = random_between(&world->random, NS_PER_S, 1000000 * NS_PER_S);
	world->wall_ns = 1800000000 * NS_PER_S;
	world->wake_most_ns = 50 * NS_PER_US;
}

void world_free(struct world *world)
{
	for (unsigned i = 0; i < world->tasks_count; i++)
		coroutine_free(world->tasks[i].coroutine);
	free(world->events);
}

/* --- events */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

void world_at(struct world *world, int64_t at_ns, void (*act)(void *context, uint64_t number),
	void *context, uint64_t number)
{
	struct event event = { at_ns, random_next(&world->random), act, context, number };
	size_t i = world->events_count++;

	if (i == world->events_room) {
		world->events_room = 2 * world->events_room + 64;
		world->events = realloc(world->events, world->events_room * sizeof(*world->events));
		if (world->events == NULL)
			abort();
	}
	for (; i > 0 && is_before(&event, &world->events[(i - 1) / 2]); i = (i - 1) / 2)
		world->events[i] = world->events[(i - 1) / 2];
	world->events[i] = event;
}

static struct event take_first(struct world *world)
{
	struct event first = world->events[0], last = world->events[--world->events_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < world->events_count) {
		if (child + 1 < world->events_count &&
			is_before(&world->events[child + 1], &world->events[child]))
			child++;
		if (!is_before(&world->events[child], &last))
			break;
		world->events[i] = world->events[child];
		i = child;
	}
	world->events[i] = last;
	return first;
}

bool world_step(struct world *world)
{
	struct event event;

	if (world->events_count == 0)
		return false;
	event = take_first(world);
	world->now_ns = event.at_ns;
	world->steps++;
	event.act(event.context, event.number);
	return true;
}

/* --- tasks */

static void task_main(void *argument)
{
	struct task *task = argument;

	task->main(task->argument);
	task->state = TASK_ENDED;
}

static void resume(void *context, uint64_t number)
{
	struct task *task = &the_run->world.tasks[number >> 32];

	(void)context;
	if ((uint32_t)task->generation != (uint32_t)number)
		return;
	task->generation++;
	task->state = TASK_RUNNING;
	task->word = NULL;
	task->polling = false;
	the_run->world.running = task;
	coroutine_resume(task->coroutine);
	the_run->world.running = NULL;
	if (task->state == TASK_ENDED)
		world_poke(&the_run->world);
}

static void resume_at(struct world *world, const struct task *task, int64_t at_ns)
{
	uint64_t index = (uint64_t)(task - world->tasks);

	world_at(world, at_ns, resume, NULL, index << 32 | (uint32_t)task->generation);
}

struct task *task_start(struct world *world, struct task *task, const char *name,
	void (*main)(void *argument), void *argument)
{
	if (task == NULL) {
		must(world->tasks_count < WORLD_TASKS_MAX, "too many tasks");
		task = &world->tasks[world->tasks_count];
		task->number = world->tasks_count++;
	}
	must(task->state == TASK_NONE || task->state == TASK_ENDED, "a task is started twice");
	coroutine_free(task->coroutine);
	task->name = name;
	task->main = main;
	task->argument = argument;
	task->coroutine = coroutine_new(task_main, task);
	task->state = TASK_READY;
	resume_at(world, task, world->now_ns);
	return task;
}

static void yield(struct world *world, enum task_state state, int64_t until_ns)
{
	struct task *task = world->running;

	must(world->locks == 0, "a system call under a lock");
	task->state = state;
	if (until_ns < INT64_MAX)
		resume_at(world, task, until_ns);
	coroutine_yield(task->coroutine);
}

void task_sleep(struct world *world, int64_t until_ns)
{
	yield(world, TASK_READY, until_ns);
}

void task_wait(struct world *world, int64_t until_ns)
{
	yield(world, TASK_WAITING, until_ns);
}

void task_wake(struct world *world, struct task *task)
{
	if (task->state != TASK_WAITING)
		return;
	task->generation++;
	task->state = TASK_READY;
	task->word = NULL;
	resume_at(world, task,
		world->now_ns + random_between(&world->random, 0, world->wake_most_ns));
}

void world_poke(struct world *world)
{
	for (unsigned i = 0; i < world->tasks_count; i++)
		if (world->tasks[i].polling)
			task_wake(world, &world->tasks[i]);
}

void world_call(struct world *world)
{
	int64_t held_ns;

	must(world->locks == 0, "a system call under a lock");
	if (world->running == NULL || !random_one_in(&world->random, world->hold_one_in))
		return;
	held_ns = random_between(&world->random, 0, world->hold_most_ns);
	world->running->held_ns += held_ns;
	task_sleep(world, world->now_ns + held_ns);
}

/* --- futex */

void world_futex_wait(struct world *world, _Atomic uint32_t *word, int64_t timeout_ns)
{
	int64_t until_ns = timeout_ns < 0 ? INT64_MAX : world->now_ns + timeout_ns;

	world_trace(world, "sleep", timeout_ns, 0, 0);
	world->running->word = word;
	task_wait(world, until_ns);
}

/* Which of the waiters wake is the kernel's choice, here the seed's. */
void world_futex_wake(struct world *world, _Atomic uint32_t *word, unsigned count)
{
	unsigned first = random_below(&world->random, world->tasks_count);

	for (unsigned i = 0; i < world->tasks_count && count > 0; i++) {
		struct task *task = &world->tasks[(first + i) % world->tasks_count];

		if (task->state != TASK_WAITING || task->word != word)
			continue;
		world_trace(world, "wake", task->number, 0, 0);
		task_wake(world, task);
		count--;
	}
}

/* --- trace */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x100000001b3u;
	return hash ^ hash >> 29;
}

void world_trace(struct world *world, const char *what, int64_t a, int64_t b, int64_t c)
{
	uint64_t hash = mix(world->trace, (uint64_t)world->now_ns);

	for (const char *p = what; *p != '\0'; p++)
		hash = mix(hash, (unsigned char)*p);
	hash = mix(mix(mix(hash, (uint64_t)a), (uint64_t)b), (uint64_t)c);
	world->trace = hash;
	if (world->print)
		printf("%" PRIu64 " %" PRId64 " %s/%u %s %" PRId64 " %" PRId64 " %" PRId64 "\n",
			world->steps, world->now_ns,
			world->running != NULL ? world->running->name : "world",
			world->running != NULL ? world->running->number : 0, what, a, b, c);
}
