#include "process/children.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "process/hand_over.h"
#include "process/life.h"
#include "process/stream.h"

#define RSS_INTERVAL_NS NS_PER_S

/* --- the free ones, between workers and owner */

static void kick(struct children *children)
{
	(void)eventfd_write(children->given.fd, 1);
}

static struct child *pop_free(struct children *children, unsigned worker)
{
	struct child *child;

	lock_take(&children->lock);
	child = children->free;
	if (child != NULL) {
		children->free = child->next;
		child->state = CHILD_TAKEN;
		child->worker = worker;
	}
	lock_release(&children->lock);
	return child;
}

struct child *children_take(struct children *children, unsigned worker, int64_t until_ns)
{
	for (;;) {
		uint32_t key = eventcount_key(&children->freed);
		struct child *child = pop_free(children, worker);
		int64_t left_ns = until_ns - sys_monotonic_ns();

		if (child != NULL || atomic_load(&children->closed) || left_ns <= 0)
			return child;
		eventcount_wait(&children->freed, key, until_ns == INT64_MAX ? -1 : left_ns);
	}
}

/* A list, the last one first. */
static void put_child(struct child **list, struct child *child, enum child_state state)
{
	child->state = state;
	child->next = *list;
	*list = child;
}

/* Returns whether the owner is to know. */
static bool note_answered(const struct child *child)
{
	struct children *children = child->children;

	if (child->answers == 0)
		return false;
	if (!atomic_load_explicit(&children->answered, memory_order_relaxed))
		atomic_store(&children->answered, true);
	return atomic_load_explicit(&children->failing, memory_order_relaxed);
}

void children_give_up(struct child *child)
{
	struct children *children = child->children;

	(void)note_answered(child);
	lock_take(&children->lock);
	put_child(&children->given_up, child, CHILD_GIVEN);
	lock_release(&children->lock);
	kick(children);
}

void children_give(struct child *child)
{
	struct children *children = child->children;
	bool told = note_answered(child), retired, reaped;

	lock_take(&children->lock);
	retired = child->retired;
	reaped = child->reaped;
	if (!child->spent && child->requests >= child->requests_max)
		child->spent = told = true;
	if (!retired && !reaped)
		put_child(&children->free, child, CHILD_FREE);
	lock_release(&children->lock);
	if (retired || reaped) {
		if (!reaped)
			children_blame(child, CHILD_REPLACED, NULL);
		children_give_up(child);
		return;
	}
	eventcount_notify(&children->freed, 1);
	if (told)
		kick(children);
}

void children_blame(struct child *child, enum child_fault fault, const char *reason)
{
	if (child->fault != CHILD_ENDED || child->reason != NULL)
		return;
	child->fault = fault;
	child->reason = reason;
}

static void unlink_free(struct children *children, struct child *child)
{
	struct child **at = &children->free;

	while (*at != child)
		at = &(*at)->next;
	*at = child->next;
}

static void note_serving(struct children *children, int change)
{
	unsigned serving = atomic_load(&children->serving) + (unsigned)change;

	atomic_store(&children->serving, serving);
	children->host.changed(children->host.context, serving);
}

bool children_withdraw(struct child *child)
{
	struct children *children = child->children;
	enum child_state before;

	lock_take(&children->lock);
	before = child->state;
	if (before == CHILD_FREE)
		unlink_free(children, child);
	if (before == CHILD_FREE || before == CHILD_STARTING)
		child->state = CHILD_ENDING;
	lock_release(&children->lock);
	if (before == CHILD_FREE)
		note_serving(children, -1);
	return before != CHILD_TAKEN && before != CHILD_GIVEN;
}

/* --- the owner looks */

void children_welcome(struct child *child)
{
	struct children *children = child->children;

	lock_take(&children->lock);
	child->served = true;
	put_child(&children->free, child, CHILD_FREE);
	lock_release(&children->lock);
	children_log_up(child);
	note_serving(children, 1);
	eventcount_notify(&children->freed, 1);
	children_plan(children);
}

static struct child *take_given(struct children *children)
{
	struct child *list;

	lock_take(&children->lock);
	list = children->given_up;
	children->given_up = NULL;
	for (struct child *child = list; child != NULL; child = child->next)
		child->state = CHILD_ENDING;
	lock_release(&children->lock);
	return list;
}

static void on_given(void *context, uint32_t ready)
{
	struct children *children = context;
	struct child *next;
	eventfd_t count;

	(void)ready;
	(void)eventfd_read(children->given.fd, &count);
	for (struct child *child = take_given(children); child != NULL; child = next) {
		next = child->next;
		note_serving(children, -1);
		life_end(child);
	}
	if (atomic_load(&children->failing) && atomic_load(&children->answered)) {
		atomic_store(&children->failing, false);
		children_log_failing(children, false);
	}
	children_plan(children);
}

static void note_spent(struct child *child)
{
	bool serves;

	lock_take(&child->children->lock);
	serves = child->state == CHILD_FREE || child->state == CHILD_TAKEN;
	lock_release(&child->children->lock);
	if (!serves || child->reaped || life_rss_bytes(child) <= child->rss_max)
		return;
	lock_take(&child->children->lock);
	child->spent = true;
	lock_release(&child->children->lock);
}

static void on_plan_time(void *context)
{
	children_plan(context);
}

static void on_rss_time(void *context)
{
	struct children *children = context;

	if (children->limits.max_rss_bytes == 0)
		return;
	for (unsigned i = 0; i <= DGRAM_WORKERS_MAX && children->all[i] != NULL; i++)
		note_spent(children->all[i]);
	children_plan(children);
	events_set(
		children->host.events, &children->rss_timer, sys_monotonic_ns() + RSS_INTERVAL_NS);
}

/* --- all of them */

static void note_limits(struct children *children, const struct children_limits *limits)
{
	if (limits->wanted > children->limits.wanted)
		children->unpaced += limits->wanted - children->limits.wanted;
	children->limits = *limits;
	atomic_store(&children->timeout_ms, limits->timeout_ms);
	atomic_store(&children->rerun, limits->rerun);
}

int children_new(const struct children_program *program, const struct children_host *host,
	struct children **ret_children)
{
	struct children *children = calloc(1, sizeof(*children));
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), error = 0;

	if (children == NULL)
		error = -ENOMEM;
	else if (fd < 0)
		error = -errno;
	else {
		children->given = (struct events_watch){ fd, EPOLLIN, on_given, children };
		error = events_add(host->events, &children->given);
	}
	if (error < 0) {
		free(children);
		if (fd >= 0)
			close(fd);
		return error;
	}
	children->outside.run = program->command.shares_memory ? hand_over_run : stream_run;
	children->program = *program;
	children->form = program->command.binary ? FRAME_BINARY : FRAME_TEXT;
	children->window = program->command.binary ? CHILDREN_WINDOW_MAX : 1;
	children->host = *host;
	children->plan_timer.call = on_plan_time;
	children->rss_timer.call = on_rss_time;
	children->plan_timer.context = children->rss_timer.context = children;
	lock_init(&children->lock);
	quarantine_init(&children->quarantine);
	*ret_children = children;
	return 0;
}

void children_free(struct children *children)
{
	if (children == NULL)
		return;
	events_cancel(&children->plan_timer);
	events_cancel(&children->rss_timer);
	events_remove(children->host.events, &children->given);
	close(children->given.fd);
	children_forget(children);
	quarantine_destroy(&children->quarantine);
	lock_destroy(&children->lock);
	free(children);
}

void children_limit(struct children *children, const struct children_limits *limits)
{
	note_limits(children, limits);
	on_rss_time(children);
	children_plan(children);
}

void children_renew(struct children *children, char *const *arguments)
{
	if (arguments == children->program.command.arguments)
		return;
	children->program.command.arguments = arguments;
	lock_take(&children->lock);
	for (unsigned i = 0; i <= DGRAM_WORKERS_MAX && children->all[i] != NULL; i++) {
		children->unpaced += children->all[i]->state != CHILD_NONE &&
				     !children->all[i]->spent;
		children->all[i]->spent = true;
	}
	lock_release(&children->lock);
}

static bool are_all_buried(struct children *children)
{
	bool all = true;

	lock_take(&children->lock);
	for (unsigned i = 0; i <= DGRAM_WORKERS_MAX && children->all[i] != NULL; i++)
		all &= children->all[i]->state == CHILD_NONE;
	lock_release(&children->lock);
	return all;
}

void children_stop(struct children *children)
{
	children->stopping = true;
	for (unsigned i = 0; i <= DGRAM_WORKERS_MAX && children->all[i] != NULL; i++)
		children_end(children->all[i], CHILD_STOPPED);
	while (!are_all_buried(children))
		(void)events_step(children->host.events);
	events_cancel(&children->plan_timer);
	events_cancel(&children->rss_timer);
}

void children_abort(struct children *children)
{
	children->stopping = true;
	atomic_store(&children->closed, true);
	lock_take(&children->lock); /* workers give up theirs at the same time */
	for (unsigned i = 0; i <= DGRAM_WORKERS_MAX && children->all[i] != NULL; i++)
		life_kill(children->all[i]);
	lock_release(&children->lock);
	eventcount_notify(&children->freed, UINT_MAX);
}
