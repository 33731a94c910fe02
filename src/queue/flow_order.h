/* An order of flows: lists by the time that they were served, finely where that is little and coarsely
 * (one part in 32) where it is much. A bitmap of two levels finds the first list. Everything is O(1),
 * but to make one list of all, which moves each once. Thread: whoever holds the queue's lock. */
#ifndef QUEUE_FLOW_ORDER_H
#define QUEUE_FLOW_ORDER_H

#include <stdint.h>

#include "base/link.h"

/* 32 to a power of two, from 0 up to 2^43 ns (two hours). */
#define FLOW_LISTS ((43 - 5 + 1) * 32)

struct flow_order {
	uint64_t filled[(FLOW_LISTS + 63) / 64]; /* a bit a list that may not be empty */
	uint64_t filled_words;			 /* a bit a word of those that is not 0 */
	struct link lists[FLOW_LISTS];
};

/* Zeroed before. */
void flow_order_init(struct flow_order *order);

/* The list for this time. */
static inline uint32_t flow_order_list(int64_t served_ns)
{
	uint64_t value = served_ns > 0 ? (uint64_t)served_ns : 0;
	uint32_t exponent, list;

	if (value < 32)
		return (uint32_t)value;
	exponent = (63u ^ (uint32_t)__builtin_clzll(value)) - 5; /* of its leading bit, less 5 */
	list = exponent * 32 + (uint32_t)(value >> exponent);
	return list < FLOW_LISTS ? list : FLOW_LISTS - 1;
}

static inline void flow_order_mark(struct flow_order *order, uint32_t list)
{
	order->filled[list / 64] |= (uint64_t)1 << list % 64;
	order->filled_words |= (uint64_t)1 << list / 64;
}

/* Hang a flow into a list, behind all others. It leaves by link_remove(). */
static inline void flow_order_hang(struct flow_order *order, uint32_t list, struct link *flow)
{
	flow_order_mark(order, list);
	link_append(&order->lists[list], flow);
}

/* The first list that is not empty; NULL: all are. */
struct link *flow_order_first(struct flow_order *order);

/* All lists become that of 0, in which those who were served least come last: while overloaded they
 * are next. */
void flow_order_flatten(struct flow_order *order);

#endif
