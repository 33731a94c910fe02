/* Limits: how many requests a source may send to a service, and how many bytes of replies it gets.
 *
 * A source is an IPv4 address or an IPv6 /64, and a link-local address by itself. The prefixes around it may have more,
 * but not as much as all sources in them together: see limiter.c. A request is let in while none of them is over its
 * limit, and then all are charged. The one that uses up a limit, and what comes over it, are marked: in the queue they
 * go last. What is over passes one time in `leak`, and is charged to nobody: else who forges an
 * address would silence the one that has it. */
#ifndef GUARD_LIMITER_H
#define GUARD_LIMITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/dice.h"
#include "core/datagram.h"
#include "core/loss.h"
#include "guard/meters.h"

struct limiter_numbers {
	unsigned requests_per_s;    /* 0: no limit */
	unsigned reply_bytes_per_s; /* the same */
	unsigned burst_s;	    /* what may be used at once: so many seconds of the above */
	unsigned leak;		    /* 0: none passes that is over */
	bool dry_run;		    /* all do */
};

/* What is limited. */
enum limiter_good { LIMITER_REQUESTS, LIMITER_REPLY_BYTES, LIMITER_GOODS };

/* Of one service; beside the numbers it is zeroed at first. */
struct limiter {
	struct meters *meters;
	unsigned service; /* its number: services that count in the same table differ by it */
	_Atomic int64_t costs[LIMITER_GOODS]; /* limiter.c; 0: no limit */
	_Atomic int64_t burst;
	_Atomic unsigned leak;
	atomic_bool dry_run;
	atomic_bool on;		     /* something is limited */
	_Atomic uint64_t would_drop; /* with dry_run */
	struct loss *loss;	     /* for an example of these */
};

/* From now on these hold. Thread: owner. */
void limiter_set(struct limiter *limiter, const struct limiter_numbers *numbers);

/* May it come in? Notes whether its replies are charged, and whether it goes last. Thread: any. */
bool limiter_admits(struct limiter *limiter, struct dice *dice, struct datagram *datagram);

/* Replies of so many bytes leave for the source of this request. Thread: any. */
void limiter_charge_replies(const struct limiter *limiter, const struct datagram *request,
	size_t bytes, int64_t now_ns);

#endif
