#include "guard/door.h"

void door_set(struct door *door, struct loops *loops)
{
	atomic_store(&door->loops, loops);
	atomic_store(&door->looks_closer, loops != NULL);
}

enum ledger_drop door_look_closer(struct door *door, const struct departure *departure)
{
	struct loops *loops = atomic_load_explicit(&door->loops, memory_order_relaxed);

	if (loops != NULL)
		loops_note(loops, departure->request, departure->to, departure->data,
			departure->length);
	return DOOR_PASS;
}
