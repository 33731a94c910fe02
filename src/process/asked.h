/* What a child is asked at once, and what becomes of that when the child ends. Thread: the worker's.
 *
 *	what a child's end cost				becomes of it
 *	requests that it cannot have begun		they run in the next child
 *	the one that certainly was its last		failed_child, and held against its source (quarantine.h)
 *	others, any of which may be guilty		they run again, each alone; without `rerun`, failed_child */
#ifndef PROCESS_ASKED_H
#define PROCESS_ASKED_H

#include "process/children.h"

struct asked {
	struct child *child;
	struct outside_batch *batch;
	struct outside_request *requests[CHILDREN_WINDOW_MAX];
	unsigned count;
	int64_t until_ns; /* when the child is late */
};

/* Those of the batch that are still to be run, at most `window`. */
void asked_choose(struct asked *asked, unsigned window);

/* It has child.timeout_ms from now on. */
void asked_begin_time(struct asked *asked, int64_t now_ns);

/* How many have not ended. */
unsigned asked_left(const struct asked *asked);

/* The child is given up: it may have begun the first `begun` of them. `certain`: one of these that has no answer is
 * guilty. `last`: none of these is run again. Returns whether any is. */
bool asked_settle(struct asked *asked, unsigned begun, bool certain, bool last);

/* Have children answer the batch. use() asks one and gives it back; it returns whether requests are run again: then
 * `last` is true the next time. */
void asked_run(struct children *children, struct outside_batch *batch,
	bool (*use)(struct child *child, struct outside_batch *batch, bool last));

#endif
