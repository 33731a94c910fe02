#include "queue/lengths.h"

#include <stddef.h>

#include "queue/flow.h"

void lengths_init(struct lengths *lengths)
{
	lengths->filled = 0;
	for (unsigned i = 0; i < LENGTHS_MAX; i++)
		link_init(&lengths->lists[i]);
}

static unsigned list_for(unsigned waiting) /* at least 2 */
{
	return waiting <= LENGTHS_MAX ? waiting - 2 : LENGTHS_MAX - 1;
}

static void remove_flow(struct lengths *lengths, struct flow *flow)
{
	link_remove(&flow->in_lengths);
	if (link_was_last(&flow->in_lengths))
		lengths->filled &= ~((uint64_t)1 << list_for(flow->waiting));
}

static void insert_flow(struct lengths *lengths, struct flow *flow)
{
	unsigned list = list_for(flow->waiting);

	link_append(&lengths->lists[list], &flow->in_lengths);
	lengths->filled |= (uint64_t)1 << list;
}

void lengths_requeue(struct lengths *lengths, struct flow *flow, uint32_t waiting)
{
	bool both_long = flow->waiting > LENGTHS_MAX && waiting > LENGTHS_MAX;

	if (flow->waiting > 1 && !both_long)
		remove_flow(lengths, flow);
	flow->waiting = waiting;
	if (waiting > 1 && !both_long)
		insert_flow(lengths, flow);
}

struct flow *lengths_longest(const struct lengths *lengths)
{
	const struct link *longest;

	if (lengths->filled == 0)
		return NULL;
	longest = &lengths->lists[63u - (unsigned)__builtin_clzll(lengths->filled)];
	return LINK_OWNER(longest->next, struct flow, in_lengths);
}
