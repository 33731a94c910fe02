#include "guard/door.h"

enum ledger_drop door_look_closer(struct door *door, const struct departure *departure)
{
	(void)door;
	(void)departure;
	return DOOR_PASS;
}
