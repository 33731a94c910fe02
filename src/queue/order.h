/* An order by the time served in this window: lists, fine where that is little and coarse (one part in 32) where it
 * is much, and a bitmap of two levels that finds the first. At the end of a window all lists become the first one.
 *
 * Everything is O(1), except the end of a window. */
#ifndef QUEUE_ORDER_H
#define QUEUE_ORDER_H

#include <stdint.h>

#include "base/link.h"

/* 32 lists to a power of two, from 0 up to 2^43 ns (two hours). */
#define ORDER_LISTS ((43 - 5 + 1) * 32)

struct order {
	uint64_t filled[(ORDER_LISTS + 63) / 64]; /* a bit a list that may not be empty */
	uint64_t filled_words;			  /* a bit a word of those that is not 0 */
	struct link lists[ORDER_LISTS];
};

void order_init(struct order *order);

/* The list for this time, which is never negative. */
static inline uint32_t order_list(int64_t served_ns)
{
	uint64_t value = (uint64_t)served_ns;
	uint32_t exponent, list;

	if (value < 32)
		return (uint32_t)value;
	exponent = (63u ^ (uint32_t)__builtin_clzll(value)) - 5; /* of its leading bit, less 5 */
	list = exponent * 32 + (uint32_t)(value >> exponent);
	return list < ORDER_LISTS ? list : ORDER_LISTS - 1;
}

/* The first time that is too long for it. */
static inline int64_t order_list_end_ns(uint32_t list)
{
	uint32_t exponent = list < 64 ? 0 : list / 32 - 1;

	return list == ORDER_LISTS - 1 ? INT64_MAX
				       : (int64_t)(list - exponent * 32 + 1) << exponent;
}

/* What a time becomes with this more, or less. */
static inline int64_t order_charged(int64_t served_ns, int64_t ns)
{
	return served_ns + ns > 0 ? served_ns + ns : 0;
}

static inline void order_mark(struct order *order, uint32_t list)
{
	order->filled[list / 64] |= (uint64_t)1 << list % 64;
	order->filled_words |= (uint64_t)1 << list / 64;
}

/* Behind all others of the list. It leaves that by link_remove(). */
static inline void order_insert(struct order *order, uint32_t list, struct link *link)
{
	order_mark(order, list);
	link_append(&order->lists[list], link);
}

/* The first list that is not empty, or NULL. */
struct link *order_first(struct order *order);

/* A new window: all lists become the first, in which those who were served least come last: while overloaded they
 * are next. */
void order_flatten(struct order *order);

#endif
