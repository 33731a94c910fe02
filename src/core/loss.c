#include "core/loss.h"

static void keep_longest(struct loss *loss, int64_t waited_ns)
{
	int64_t longest_ns = atomic_load_explicit(&loss->longest_wait_ns, memory_order_relaxed);

	while (waited_ns > longest_ns &&
		!atomic_compare_exchange_weak(&loss->longest_wait_ns, &longest_ns, waited_ns))
		;
}

void loss_note(struct loss *loss, const struct datagram *datagram, int64_t waited_ns, int error)
{
	int wanted = LOSS_WANTED;

	keep_longest(loss, waited_ns);
	if (atomic_load_explicit(&loss->state, memory_order_relaxed) != LOSS_WANTED ||
		!atomic_compare_exchange_strong(&loss->state, &wanted, LOSS_WRITING))
		return;
	loss->example = (struct loss_example){ datagram->client, datagram->length, error };
	atomic_store(&loss->state, LOSS_THERE);
}

bool loss_take(struct loss *loss, struct loss_example *ret_example, int64_t *ret_longest_wait_ns)
{
	*ret_longest_wait_ns = atomic_exchange(&loss->longest_wait_ns, 0);
	if (atomic_load(&loss->state) != LOSS_THERE)
		return false;
	*ret_example = loss->example;
	atomic_store(&loss->state, LOSS_WANTED);
	return true;
}
