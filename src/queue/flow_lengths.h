/* Flows by how many of their datagrams wait, to find the longest. A list each for 2 to 64, and one
 * beyond: longer ones are equally long. Those with one need none: when no flow has more, the oldest
 * of all is the oldest of the longest. Everything is O(1). Thread: whoever holds the queue's lock. */
#ifndef QUEUE_FLOW_LENGTHS_H
#define QUEUE_FLOW_LENGTHS_H

#include "queue/flow.h"

#define FLOW_LENGTHS 64u

struct flow_lengths {
	uint64_t filled; /* a bit a list that is not empty */
	struct link lists[FLOW_LENGTHS];
};

void flow_lengths_init(struct flow_lengths *lengths);

/* For flow_lengths_change() alone. */
void flow_lengths_rehang(struct flow_lengths *lengths, struct flow *flow, unsigned waiting);

/* So many of the flow wait from now on. */
static inline void flow_lengths_change(
	struct flow_lengths *lengths, struct flow *flow, unsigned waiting)
{
	if (flow->waiting + waiting <= 1) /* from none to one, or back: it needs no list */
		flow->waiting = waiting;
	else
		flow_lengths_rehang(lengths, flow, waiting);
}

/* Of the longest the first that became so long; NULL when no flow has more than one. */
struct flow *flow_lengths_longest(const struct flow_lengths *lengths);

#endif
