#include "guard/door.h"

enum ledger_drop door_look_closer(struct door *door, const struct departure *departure)
{
	struct loops *loops = atomic_load_explicit(&door->loops, memory_order_relaxed);

	if (loops != NULL)
		loops_note(loops, departure->request, departure->to, departure->data,
			departure->length);
	return DOOR_PASS;
}
