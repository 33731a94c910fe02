#include "queue/order.h"

#include <stddef.h>

void order_init(struct order *order)
{
	for (unsigned i = 0; i < ORDER_LISTS; i++)
		link_init(&order->lists[i]);
}

static void unmark(struct order *order, unsigned list)
{
	order->filled[list / 64] &= ~((uint64_t)1 << list % 64);
	if (order->filled[list / 64] == 0)
		order->filled_words &= ~((uint64_t)1 << list / 64);
}

/* A list that became empty stays marked until it is met here, once for each time that it was marked: to look
 * whenever a list loses one costs more. */
struct link *order_first(struct order *order)
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

void order_flatten(struct order *order)
{
	struct link *list;

	unmark(order, 0);
	while ((list = order_first(order)) != NULL)
		link_prepend_all(&order->lists[0], list);
	order_mark(order, 0);
}
