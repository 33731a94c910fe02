/* Flows by how many of their datagrams wait: lists, one each for 2 to 64 and one for more, and a bitmap that
 * finds the longest. Longer flows count as equal, because a pointer to the longest one that walks while flows
 * shrink would make one long flow linear. */
#ifndef QUEUE_LENGTHS_H
#define QUEUE_LENGTHS_H

#include <stdint.h>

#include "base/link.h"

#define LENGTHS_MAX 64u

struct flow;

struct lengths {
	uint64_t filled; /* a bit a list that is not empty */
	struct link lists[LENGTHS_MAX];
};

void lengths_init(struct lengths *lengths);

/* `waiting` datagrams of this flow wait now. */
void lengths_requeue(struct lengths *lengths, struct flow *flow, uint32_t waiting);

/* See flow_longest(). */
struct flow *lengths_longest(const struct lengths *lengths);

#endif
