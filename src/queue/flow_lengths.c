#include "queue/flow_lengths.h"

void flow_lengths_init(struct flow_lengths *lengths)
{
	lengths->filled = 0;
	for (unsigned i = 0; i < FLOW_LENGTHS; i++)
		link_init(&lengths->lists[i]);
}

/* For at least two that wait. */
static unsigned list_of(unsigned waiting)
{
	return waiting <= FLOW_LENGTHS ? waiting - 2 : FLOW_LENGTHS - 1;
}

static void unhang(struct flow_lengths *lengths, struct flow *flow)
{
	link_remove(&flow->in_lengths);
	if (link_was_last(&flow->in_lengths))
		lengths->filled &= ~((uint64_t)1 << list_of(flow->waiting));
}

static void hang(struct flow_lengths *lengths, struct flow *flow)
{
	unsigned list = list_of(flow->waiting);

	link_append(&lengths->lists[list], &flow->in_lengths);
	lengths->filled |= (uint64_t)1 << list;
}

void flow_lengths_rehang(struct flow_lengths *lengths, struct flow *flow, unsigned waiting)
{
	bool both_long = flow->waiting > FLOW_LENGTHS && waiting > FLOW_LENGTHS;

	if (flow->waiting > 1 && !both_long)
		unhang(lengths, flow);
	flow->waiting = waiting;
	if (waiting > 1 && !both_long)
		hang(lengths, flow);
}

struct flow *flow_lengths_longest(const struct flow_lengths *lengths)
{
	const struct link *longest;

	if (lengths->filled == 0)
		return NULL;
	longest = &lengths->lists[63u - (unsigned)__builtin_clzll(lengths->filled)];
	return LINK_OWNER(longest->next, struct flow, in_lengths);
}
