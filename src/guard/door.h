/* What may leave: the one place where a reply, or what a handler sends besides, is held back. */
#ifndef GUARD_DOOR_H
#define GUARD_DOOR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/datagram.h"
#include "core/ledger.h"
#include "guard/limiter.h"

/* The verdict on a datagram that may leave; the others are why it is held back, as the books have it. */
#define DOOR_PASS DROP_COUNT

/* What is about to leave. */
struct departure {
	const struct datagram *request; /* which made us send it */
	const union addr *to;		/* the request's client, or another one */
	const void *data;
	size_t length;
};

/* Of a service. */
struct door {
	bool looks_closer; /* at each departure */
	struct limiter *limiter;
};

/* For door_check() alone: the first reason that holds, or DOOR_PASS. */
enum ledger_drop door_look_closer(struct door *door, const struct departure *departure);

/* The verdict; asked once for each datagram, which leaves at once where it may. Thread: any. */
static inline enum ledger_drop door_check(struct door *door, const struct departure *departure)
{
	return door->looks_closer || departure->request->metered ? door_look_closer(door, departure)
								 : DOOR_PASS;
}

#endif
