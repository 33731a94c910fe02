/* Limits: how many requests a source may send to a service, and how many bytes of replies it gets.
 *
 * A source is an IPv4 address or an IPv6 /64, and a link-local address by itself. The prefixes around it may have more,
 * but not as much as all sources in them together: see limiter.c. A request is let in while none of them is over its
 * limit, and then all are charged. What is over passes one time in `leak`, and is charged to nobody: else who forges an
 * address would silence the one that has it. */
#ifndef GUARD_LIMITER_H
#define GUARD_LIMITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/dice.h"
#include "core/datagram.h"
#include "guard/meters.h"
#include "guard/offenders.h"

struct limiter_settings {
	struct limiter_numbers {
		unsigned requests_per_s;    /* 0: no limit */
		unsigned reply_bytes_per_s; /* the same */
		unsigned burst_s; /* what may be used at once: so many seconds of the above */
		unsigned leak;	  /* 0: none passes that is over */
		unsigned dry_run; /* not 0: all do */
	} numbers;
	const char *const *exempt; /* sources without limits: prefixes that can be parsed */
	size_t exempt_count;
};

/* Settings as requests need them. They do not change once they are in force. */
struct limiter_rules;

/* Of one service. */
struct limiter {
	_Atomic(const struct limiter_rules *) rules; /* NULL: none were set */
	atomic_bool limits;			     /* they limit something */
	_Atomic uint64_t would_drop;		     /* with dry_run */
	struct offenders offenders;
	struct limiter_rules *kept; /* these and all before, because threads may still read them */
};

void limiter_init(struct limiter *limiter);
void limiter_destroy(struct limiter *limiter);

/* Services that count in the same table differ by `service`. `meters` may be NULL where nothing is limited. -ENOMEM. */
int limiter_rules_new(const struct limiter_settings *settings, struct meters *meters,
	unsigned service, struct limiter_rules **ret_rules);
void limiter_rules_free(struct limiter_rules *rules);

/* Put them in force; those that say what is in force already are freed. Thread: owner. */
void limiter_set(struct limiter *limiter, struct limiter_rules *rules);

static inline bool limiter_is_on(const struct limiter *limiter)
{
	return atomic_load_explicit(&limiter->limits, memory_order_relaxed);
}

/* Is this source exempt? Thread: any. */
bool limiter_exempts(const struct limiter *limiter, const union addr *client);

/* May it come in? Of that which may, notes whether its replies are charged. Thread: any. */
bool limiter_admits(struct limiter *limiter, struct dice *dice, struct datagram *datagram);

/* Replies of so many bytes leave for the source of this request. Thread: any. */
void limiter_charge_replies(
	struct limiter *limiter, const struct datagram *request, size_t bytes, int64_t now_ns);

#endif
