/* The owner's side of simulated children: what process/life.c and an epoll do for real ones. */
#include <errno.h>
#include <string.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "process/life.h"
#include "run.h"

#define STEP_NS (100 * NS_PER_MS)

/* NOLINTBEGIN(bugprone-reserved-identifier) */
int __wrap_life_begin(struct child *child);
void __wrap_life_end(struct child *child);
void __wrap_life_kill(const struct child *child);
unsigned __real_events_step(struct events *events);
unsigned __wrap_events_step(struct events *events);
int __real_eventfd_write(int fd, eventfd_t value);
int __wrap_eventfd_write(int fd, eventfd_t value);

/* --- a life */

static void bury(struct child *child)
{
	process_of(child)->child = NULL;
	child->fd = -1;
	events_cancel(&child->timer);
	children_bury(child);
}

static void press(struct child *child)
{
	child->forced = child->asked_to_end;
	child->asked_to_end = true;
	if (child->forced || random_below(&the_run->world.random, 8) > 0)
		process_kill(process_of(child), NS_PER_MS);
	events_set(&the_run->events, &child->timer, the_run->world.now_ns + STEP_NS);
}

void __wrap_life_end(struct child *child)
{
	if (child->reaped)
		bury(child);
	else if (child->fault == CHILD_ENDED)
		events_set(&the_run->events, &child->timer, the_run->world.now_ns + STEP_NS);
	else
		press(child);
}

static void on_time(void *context)
{
	struct child *child = context;

	if (child->state == CHILD_ENDING) {
		press(child);
		return;
	}
	children_blame(child, CHILD_LATE, "did not begin");
	(void)children_withdraw(child);
	__wrap_life_end(child);
}

void __wrap_life_kill(const struct child *child)
{
	if (child->state != CHILD_NONE && !child->reaped)
		process_kill(process_of(child), 0);
}

int __wrap_life_begin(struct child *child)
{
	struct children *children = child->children;
	unsigned service = 0;
	int error;

	while (the_run->children[service] != children)
		service++;
	error = process_start(child, &the_run->scenario.services[service].children,
		the_run->scenario.services[service].service_ns);
	if (error < 0)
		return error;
	frame_reader_init(&child->reader, FRAME_BINARY, SCENARIO_DATA_BYTES, child->said,
		frame_reader_room(FRAME_BINARY, SCENARIO_DATA_BYTES));
	child->timer.call = on_time;
	child->timer.context = child;
	events_set(&the_run->events, &child->timer,
		the_run->world.now_ns + children->limits.start_timeout_ms * NS_PER_MS);
	return 0;
}

/* --- what falls due */

static void on_hello(struct child *child)
{
	static const char hello[] = "dgram 1 binary\n";
	struct frame frame;
	size_t room;

	if (child->state != CHILD_STARTING)
		return;
	memcpy(frame_reader_space(&child->reader, &room), hello, strlen(hello));
	frame_reader_add(&child->reader, strlen(hello));
	must(frame_reader_next(&child->reader, &frame) == FRAME_WHOLE, "a hello is refused");
	events_cancel(&child->timer);
	children_welcome(child);
}

static void on_death(struct child *child)
{
	child->end = (siginfo_t){ .si_code = CLD_KILLED, .si_status = SIGKILL };
	lock_take(&child->children->lock);
	child->reaped = true;
	lock_release(&child->children->lock);
	if (children_withdraw(child))
		bury(child);
}

/* One that has something to tell. */
static bool hear_process(struct run *run)
{
	for (unsigned i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &run->processes[i];

		if (process->child == NULL || !(process->hello_due || process->death_due))
			continue;
		if (process->hello_due) {
			process->hello_due = false;
			on_hello(process->child);
		} else {
			process->death_due = false;
			on_death(process->child);
		}
		return true;
	}
	return false;
}

static int64_t first_due_ns(const struct events *events)
{
	if (link_is_empty(&events->timers))
		return INT64_MAX;
	return LINK_OWNER(events->timers.next, struct events_timer, link)->due_ns;
}

/* What was given may have been taken with what was given before. */
static bool is_ready(const struct events *events)
{
	struct pollfd polled = { events->fd, POLLIN, 0 };

	return poll(&polled, 1, 0) > 0;
}

/* Only when the real step need not wait. */
void owner_wait(struct run *run, int64_t until_ns)
{
	int64_t due_ns;

	if (run->processes != NULL) {
		if (hear_process(run))
			return;
		due_ns = first_due_ns(&run->events);
		if (run->given || due_ns <= run->world.now_ns) {
			run->given = false;
			if (due_ns <= run->world.now_ns || is_ready(&run->events))
				(void)__real_events_step(&run->events);
			return;
		}
		until_ns = due_ns < until_ns ? due_ns : until_ns;
		run->world.running->polling = true;
	}
	task_wait(&run->world, until_ns);
}

unsigned __wrap_events_step(struct events *events)
{
	must(events == &the_run->events, "whose events?");
	owner_wait(the_run, INT64_MAX);
	return 1;
}

int __wrap_eventfd_write(int fd, eventfd_t value)
{
	int result = __real_eventfd_write(fd, value);

	the_run->given = true;
	world_poke(&the_run->world);
	return result;
}
/* NOLINTEND(bugprone-reserved-identifier) */
