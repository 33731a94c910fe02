/* What may leave: the one place where a reply, or what a handler sends besides, is held back. */
#ifndef GUARD_DOOR_H
#define GUARD_DOOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/datagram.h"
#include "core/ledger.h"
#include "guard/limiter.h"
#include "guard/cap.h"
#include "guard/loops.h"

/* The verdict on a datagram that may leave; the others are why it is held back, as the books have it. */
#define DOOR_PASS DROP_COUNT

/* What is about to leave. */
struct departure {
	const struct datagram *request; /* which made us send it */
	const union addr *to;		/* the request's client, or another one */
	const void *data;
	size_t length;
	bool counted; /* what came with the request is, by an earlier check of a departure to its client */
};

/* Of a service. */
struct door {
	struct limiter *limiter;
	unsigned service; /* its number */
	struct cap *cap;
	_Atomic unsigned reply_factor; /* in parts of FACTOR_PARTS; 0: without a limit */
	_Atomic(struct loops *) loops; /* that departures are told to; NULL: none */
	atomic_bool looks_closer;      /* at each departure; else nobody has to ask */
	_Atomic uint64_t withheld;     /* of what is not part of the books' equation */
};

/* Set what a reload may change. Thread: owner. */
void door_set(struct door *door, double reply_factor, struct loops *loops);

/* For door_check() alone: the first reason that holds, or DOOR_PASS. */
enum ledger_drop door_look_closer(struct door *door, const struct departure *departure);

/* The verdict; asked once for each datagram, which leaves at once where it may. Thread: any. */
static inline enum ledger_drop door_check(struct door *door, const struct departure *departure)
{
	return departure->request->metered ||
			       atomic_load_explicit(&door->looks_closer, memory_order_relaxed)
		       ? door_look_closer(door, departure)
		       : DOOR_PASS;
}

/* The service knows that this client's address is its own. Thread: any. */
void door_prove(struct door *door, const union addr *client);

/* Nothing was asked about for the client of this request, which is done: what came with it counts for later. Thread:
 * any. */
void door_count(struct door *door, const struct datagram *request);

#endif
