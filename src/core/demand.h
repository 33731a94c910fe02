/* What the services demand of the pool's workers, and the wake-ups that follow from it: the one word of state
 * that queues and workers share.
 *
 * DESIGN: a queue sets its service's bit, under its lock, while something waits that a worker may take. Who
 * changed a queue and then does something else than look for work calls worker_wake(). Only one wake-up is
 * pending at a time: the worker that it is for clears wakeup_pending before it reads the bits, so a bit
 * that was set by then is seen by it; and when more is left than it takes, it wakes the next one before it
 * runs its own.
 *
 *	state of a worker	wakeup_pending	until		then
 *	working			as it was	batch done	looks
 *	looking			cleared first	found nothing	yields
 *	yielding		set		scheduled again	reads the key of `work`, and looks: most
 *								sleeps end here
 *	looking again		cleared first	found nothing	sleeps, unless somebody was woken since
 *	sleeping		as it was	notified	looks
 *
 * A yielding worker sets wakeup_pending because it will look by itself: nobody pays for a wake-up. */
#ifndef CORE_DEMAND_H
#define CORE_DEMAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/eventcount.h"

/* Bits in a word. */
#define DEMAND_SERVICES_MAX 64u

#define DEMAND_BIT(service) (UINT64_C(1) << (service))

struct demand {
	_Atomic uint64_t needed; /* the services that need a worker; a bit under its queue's lock */
	atomic_bool wakeup_pending; /* a worker is about to look */
	atomic_bool closed;	    /* nothing more will be pushed */
	_Atomic unsigned wanted;    /* workers from this number on are to end */
	struct eventcount work; /* notified when there may be something to take, or to end for */
};

#endif
