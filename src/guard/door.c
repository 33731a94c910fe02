#include "guard/door.h"

#include "base/sys.h"

enum ledger_drop door_look_closer(struct door *door, const struct departure *departure)
{
	const struct datagram *request = departure->request;

	if (request->metered)
		limiter_charge_replies(
			door->limiter, request, departure->length, sys_monotonic_ns());
	return DOOR_PASS;
}
