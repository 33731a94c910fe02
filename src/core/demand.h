/* What the services demand of the pool's workers, and the wake-ups that follow from it.
 *
 * DESIGN: the queue of a service sets its bit in `needed`, under its lock, while something waits that a
 * worker may take. Who changed a queue and then does something else than look for work calls
 * demand_wake(). Only one wake-up is pending at a time: the worker that it is for clears
 * wakeup_pending before it reads the bits, so a bit that was set by then is seen by it; and when it
 * finds more than it takes, it wakes the next one before it runs its own.
 *
 *	state of a worker	wakeup_pending	until		then
 *	working			as it was	batch done	looks
 *	looking			cleared first	found nothing	yields
 *	yielding		set		scheduled again	reads the key of `work`, and looks: most sleeps
 *								end here
 *	looking once more	cleared first	found nothing	sleeps, unless somebody was woken since the key
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

struct demand {
	_Atomic uint64_t needed;    /* a bit for each service; its queue's lock */
	atomic_bool wakeup_pending; /* a worker is about to look */
	atomic_bool closed;	    /* nothing more will be pushed */
	_Atomic unsigned wanted;    /* workers from this number on are to end */
	struct eventcount work; /* notified when there may be something to take, or to end for */
};

/* Does the service need a worker? Thread: the holder of its queue's lock. */
static inline void demand_set(struct demand *demand, unsigned service, bool needs)
{
	uint64_t bit = UINT64_C(1) << service;
	bool needed = (atomic_load_explicit(&demand->needed, memory_order_relaxed) & bit) != 0;

	if (needs && !needed)
		atomic_fetch_or(&demand->needed, bit);
	else if (!needs && needed)
		atomic_fetch_and(&demand->needed, ~bit);
}

/* Have a worker look, if any service needs one. Thread: any. */
void demand_wake(struct demand *demand);

/* Have all workers look: what they are to end for may have changed. Thread: any. */
void demand_wake_all(struct demand *demand);

/* The services that need a worker. Thread: a worker's that is about to look at them. */
uint64_t demand_look(struct demand *demand);

/* Nothing more will be pushed. Thread: any. */
void demand_close(struct demand *demand);

#endif
