#include "queue/flow_order.h"

void flow_order_init(struct flow_order *order)
{
	for (unsigned i = 0; i < FLOW_LISTS; i++)
		link_init(&order->lists[i]);
}

static void unmark(struct flow_order *order, unsigned list)
{
	order->filled[list / 64] &= ~((uint64_t)1 << list % 64);
	if (order->filled[list / 64] == 0)
		order->filled_words &= ~((uint64_t)1 << list / 64);
}

/* One that ran empty stays marked until it is met here, once for each time that it was marked: to
 * look whenever one loses a flow costs more. */
struct link *flow_order_first(struct flow_order *order)
{
	while (order->filled_words != 0) {
		unsigned word = (unsigned)__builtin_ctzll(order->filled_words);
		unsigned list = word * 64 + (unsigned)__builtin_ctzll(order->filled[word]);

		if (!link_is_empty(&order->lists[list]))
			return &order->lists[list];
		unmark(order, list);
	}
	return NULL;
}

void flow_order_flatten(struct flow_order *order)
{
	struct link *list;

	unmark(order, 0);
	while ((list = flow_order_first(order)) != NULL)
		link_prepend_all(&order->lists[0], list);
	flow_order_mark(order, 0);
}
