/* What may come in: the one place where a datagram is refused, before it costs more than its reception. */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/datagram.h"
#include "core/ledger.h"

/* The verdict on a datagram that may come in; the others are why it is dropped, as the books have it. */
#define GUARD_ADMIT DROP_COUNT

/* The ports that a server listens on, as a filter: a bit for each remainder by 64. Thread: any. */
struct guard_ports {
	_Atomic uint64_t bits;
};

/* A server listens on this port, from now on. */
void guard_ports_add(struct guard_ports *ports, unsigned port);

/* Of one receiver. */
struct guard {
	bool closed;	  /* nothing is let in any more */
	bool cut_short;	  /* what had arrived before was not all let in */
	bool serves_many; /* what was sent to a broadcast or multicast address is let in, too */
	const _Atomic unsigned *min_source_port; /* at least 1, because nobody has port 0 */
	const struct guard_ports *ports;
	/* Is it one of our own sockets, whose port it may have? An answer would come back to us. */
	bool (*is_own)(const void *context, const union addr *client);
	bool (*verify)(const void *context, const struct datagram *datagram); /* NULL: let all in */
	const void *context;
};

/* Thread: the receiver's. */
enum ledger_drop guard_check(const struct guard *guard, const struct datagram *datagram);

#endif
