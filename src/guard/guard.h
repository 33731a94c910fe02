/* What may come in: the one place where a datagram is refused, before it costs more than its reception. */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "core/datagram.h"
#include "core/ledger.h"
#include "guard/access.h"
#include "guard/limiter.h"
#include "guard/loops.h"
#include "guard/refused_ports.h"

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
	bool closed;	       /* nothing is let in any more */
	int64_t owed_until_ns; /* closed before all was let in that had arrived by then; INT64_MIN: it was */
	bool serves_many; /* what was sent to a broadcast or multicast address is let in, too */
	const _Atomic unsigned *min_source_port; /* at least 1, because nobody has port 0 */
	const struct refused_ports *refused;
	_Atomic(struct loops *) *loops; /* NULL there: no guard against them */
	const struct guard_ports *ports;
	/* Is it one of our own sockets, whose port it may have? An answer would come back to us. */
	bool (*is_own)(const void *context, const union addr *client);
	struct limiter *limiter;
	struct dice *dice;
	bool (*verify)(const void *context, const struct datagram *datagram); /* NULL: let all in */
	const void *context;
	const access_place *access; /* the service's tables */
	struct lock lock;	    /* held while one of them is looked into */
};

/* What holds for all datagrams of one reception. */
struct guard_pass {
	uint64_t ports; /* that may be ours, or refused: the filters' bits */
	unsigned min_source_port;
	bool looks_closer; /* at each datagram */
};

/* For guard_begin() alone: note what the tables say of the clients of these. */
void guard_look_up(struct guard *guard, struct datagram *const *received, unsigned count);

/* Who has replaced a table comes here then: after it nobody looks into the old one. Thread: owner. */
void guard_settle(struct guard *guard);

/* These were received now. */
static inline struct guard_pass guard_begin(
	struct guard *guard, struct datagram *const *received, unsigned count, int64_t now_ns)
{
	struct loops *loops = atomic_load_explicit(guard->loops, memory_order_relaxed);
	bool listed = atomic_load_explicit(&guard->access[ACCESS_ADMITS], memory_order_relaxed) ||
		      atomic_load_explicit(&guard->access[ACCESS_EXEMPTS], memory_order_relaxed);
	bool repeats = loops != NULL && loops_look(loops, received, count, now_ns);

	if (listed)
		guard_look_up(guard, received, count);
	return (struct guard_pass){
		.ports = atomic_load_explicit(&guard->ports->bits, memory_order_relaxed) |
			 atomic_load_explicit(&guard->refused->filter, memory_order_relaxed),
		.min_source_port =
			atomic_load_explicit(guard->min_source_port, memory_order_relaxed),
		.looks_closer = guard->closed || guard->verify != NULL || listed ||
				atomic_load_explicit(&guard->limiter->on, memory_order_relaxed) ||
				repeats,
	};
}

/* For guard_check() alone: the first reason that holds, or GUARD_ADMIT. */
enum ledger_drop guard_look_closer(const struct guard *guard, struct datagram *datagram);

/* The verdict. For nearly all datagrams nothing speaks against them, and no call is needed to see that. Thread: the
 * receiver's. */
static inline enum ledger_drop guard_check(
	const struct guard *guard, const struct guard_pass *pass, struct datagram *datagram)
{
	unsigned port = addr_port(&datagram->client);
	bool unusual = pass->looks_closer | datagram->truncated |
		       (datagram->cast != DATAGRAM_UNICAST);

	if (unusual || port < pass->min_source_port || (pass->ports >> port % 64 & 1) != 0)
		return guard_look_closer(guard, datagram);
	return GUARD_ADMIT;
}

#endif
