/* How many children there are, and when the next one starts. Thread: owner. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/sys.h"
#include "process/life.h"

#define REPLACED_PER_S 10
#define BACK_OFF_MIN_NS (100 * NS_PER_MS)
#define BACK_OFF_MAX_NS (10 * NS_PER_S)
#define BACK_OFF_STEPS_MAX 8

/* So many early deaths within this time, and the service is failing. */
#define FAILING_DEATHS CHILDREN_EARLY_MAX
#define FAILING_NS (60 * NS_PER_S)

/* One that a worker has comes to its end when that gives it back. */
void children_end(struct child *child, enum child_fault fault)
{
	bool ending;

	lock_take(&child->children->lock);
	child->retired = true;
	ending = child->state == CHILD_ENDING || child->state == CHILD_NONE;
	lock_release(&child->children->lock);
	if (ending || !children_withdraw(child))
		return;
	children_blame(child, fault, NULL);
	life_end(child);
}

struct census {
	unsigned starting, up, spent;
	struct child *leaver; /* of those that are up: a spent one, if there is any */
	struct child *none;   /* a place for another one */
	bool full;	      /* there is none until one is buried */
};

static struct census count_children(struct children *children)
{
	struct census census = { 0 };

	lock_take(&children->lock);
	for (unsigned i = 0; i <= DGRAM_WORKERS_MAX && children->all[i] != NULL; i++) {
		struct child *child = children->all[i];
		bool up = child->state == CHILD_FREE || child->state == CHILD_TAKEN;

		if (child->state == CHILD_NONE)
			census.none = child;
		census.starting += child->state == CHILD_STARTING && !child->retired;
		if (!up || child->retired)
			continue;
		census.up++;
		census.spent += child->spent;
		if (census.leaver == NULL || child->spent)
			census.leaver = child;
	}
	lock_release(&children->lock);
	census.full = census.none == NULL && children->all[DGRAM_WORKERS_MAX] != NULL;
	return census;
}

static void *allocate(size_t bytes, int *error)
{
	void *memory = bytes > 0 ? malloc(bytes) : NULL;

	*error = bytes > 0 && memory == NULL ? -ENOMEM : *error;
	return memory;
}

static size_t said_bytes(const struct children *children)
{
	return frame_reader_room(children->form, children->program.reply_bytes);
}

static size_t asked_bytes(const struct children *children)
{
	return children->form == FRAME_TEXT ? FRAME_TEXT_MAX(children->program.request_bytes) : 0;
}

static void free_child(struct child *child)
{
	free(child->said);
	free(child->asked);
	free(child);
}

void children_forget(struct children *children)
{
	for (unsigned i = 0; i <= DGRAM_WORKERS_MAX && children->all[i] != NULL; i++)
		free_child(children->all[i]);
}

/* One more place. NULL: there is no memory. */
static struct child *add_child(struct children *children)
{
	struct child *child = calloc(1, sizeof(*child));
	unsigned number = 0;
	int error = 0;

	if (child == NULL)
		return NULL;
	while (children->all[number] != NULL)
		number++;
	child->children = children;
	child->said = allocate(said_bytes(children), &error);
	child->asked = allocate(asked_bytes(children), &error);
	if (error < 0) {
		free_child(child);
		return NULL;
	}
	children->all[number] = child;
	return child;
}

/* Children are replaced at different times. */
static unsigned less_a_tenth(unsigned most)
{
	uint32_t chance;

	if (most == 0)
		return UINT_MAX;
	sys_random(&chance, sizeof(chance));
	return most - (unsigned)((uint64_t)chance * (most / 10 + 1) >> 32);
}

static void renew(struct child *child)
{
	const struct children_limits *limits = &child->children->limits;

	child->fd = child->errors = -1;
	child->spent = child->retired = child->reaped = child->served = false;
	child->next_id = child->requests = child->answers = 0;
	child->asked_to_end = child->forced = false;
	child->fault = CHILD_ENDED;
	child->reason = NULL;
	child->victim = (struct child_victim){ 0 };
	child->last_length = 0;
	child->requests_max = less_a_tenth(limits->max_requests);
	child->rss_max = less_a_tenth(limits->max_rss_bytes);
	child->state = CHILD_STARTING;
}

static void note_early(struct children *children, int64_t now_ns)
{
	int64_t *oldest;
	unsigned steps;

	if (atomic_exchange(&children->answered, false))
		children->early = 0;
	oldest = &children->early_ns[children->early % FAILING_DEATHS];
	steps = children->early < BACK_OFF_STEPS_MAX ? children->early : BACK_OFF_STEPS_MAX;
	children->due_ns = BACK_OFF_MIN_NS << steps;
	if (children->due_ns > BACK_OFF_MAX_NS)
		children->due_ns = BACK_OFF_MAX_NS;
	children->due_ns += now_ns;
	*oldest = now_ns;
	children->early++;
	oldest = &children->early_ns[children->early % FAILING_DEATHS];
	if (children->early >= FAILING_DEATHS && now_ns - *oldest <= FAILING_NS &&
		!atomic_exchange(&children->failing, true))
		children_log_failing(children, true);
}

/* When another child may start: now, or later. */
static int64_t next_start_ns(struct children *children, int64_t now_ns)
{
	if (children->due_ns > now_ns)
		return children->due_ns;
	if (children->unpaced > 0)
		return now_ns;
	if (now_ns - children->second_ns >= NS_PER_S) {
		children->second_ns = now_ns;
		children->in_second = 0;
	}
	return children->in_second < REPLACED_PER_S ? now_ns : children->second_ns + NS_PER_S;
}

static bool start_child(struct children *children, struct child *child, int64_t now_ns)
{
	int error = -ENOMEM;

	if (child == NULL)
		child = add_child(children);
	if (children->unpaced > 0)
		children->unpaced--;
	else
		children->in_second++;
	if (child != NULL) {
		renew(child);
		error = life_begin(child);
	}
	if (error == 0)
		return true;
	if (child != NULL)
		child->state = CHILD_NONE;
	atomic_fetch_add(&children->counts.start_failed, 1);
	children_log_no_start(children, error);
	note_early(children, now_ns);
	return false;
}

/* Of streams that were handed in there are only so many. */
static bool has_another(const struct children *children)
{
	size_t count = children->program.command.descriptors_count;

	return count == 0 || children->adopted < count;
}

static void note_over(struct children *children)
{
	struct census census = count_children(children);

	if (!children->stopping && !has_another(children) && census.up + census.starting == 0)
		children->host.over(children->host.context);
}

void children_plan(struct children *children)
{
	unsigned wanted = children->stopping ? 0 : children->limits.wanted;
	struct census census = count_children(children);
	int64_t now_ns = sys_monotonic_ns(), start_ns = INT64_MAX;

	while (census.up > wanted) {
		children_end(census.leaver, CHILD_REPLACED);
		census = count_children(children);
	}
	while (has_another(children) && !census.full &&
		census.starting + census.up < wanted + (wanted > 0 && census.spent > 0)) {
		start_ns = next_start_ns(children, now_ns);
		if (start_ns > now_ns)
			break;
		start_ns = INT64_MAX;
		(void)start_child(children, census.none, now_ns);
		census = count_children(children);
	}
	events_set(children->host.events, &children->plan_timer, start_ns);
}

static void count_end(const struct child *child)
{
	struct children_counts *counts = &child->children->counts;
	const bool crashed = child->fault == CHILD_ENDED;

	if (child->fault == CHILD_REPLACED) {
		atomic_fetch_add(&counts->recycled, 1);
		children_note_end(child, "recycled");
	} else if (child->fault == CHILD_STOPPED || child->children->stopping) {
		return;
	} else if (!child->served) {
		atomic_fetch_add(&counts->start_failed, 1);
		children_note_end(child, "start_failed");
	} else {
		atomic_fetch_add(crashed ? &counts->crashed : &counts->killed, 1);
		children_note_end(child, crashed ? "crashed" : "killed");
	}
}

void children_bury(struct child *child)
{
	struct children *children = child->children;

	child->state = CHILD_NONE;
	count_end(child);
	children_log_end(child);
	if (child->fault < CHILD_REPLACED && !children->stopping &&
		(!child->served || (child->answers == 0 && child->victim.unanswered > 0)))
		note_early(children, sys_monotonic_ns());
	if (!children->stopping)
		children_plan(children);
	note_over(children);
}

size_t children_bytes(const struct children *children)
{
	size_t each = sizeof(struct child) + said_bytes(children) + asked_bytes(children);

	if (children->program.command.shares_memory)
		each += shared_bytes(
			children->program.request_bytes, children->program.reply_bytes);
	return sizeof(*children) + (children->limits.wanted + 1) * each;
}
