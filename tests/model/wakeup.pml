/* Wake-ups: no job waits while a worker sleeps, although only one wake-up is pending at a time, and a worker
 * looks at one queue after the other, takes from the first that has something, and may never come back.
 *
 * Two receivers, each with a queue of its own, and two workers. One worker at a time may hold jobs of
 * queue 1. With -DASSISTED, handlers of queue 0 never block, and its receiver assists: a worker is needed for
 * it only when more than one job waits, when its handler was slow recently (at any moment that it ran it
 * may become slow, or quick again), or when the receiver went away and left jobs. What runs under a lock is
 * one step, and so is each access of the demand; a batch is one job. Two workers are too few to tell why it
 * matters what a receiver left: the simulator does.
 *
 * src/queue/queue.c: queue_push, queue_pop, queue_assist, queue_finish, take_batch
 * src/queue/queue.c: needs_worker, update_demand
 * src/engine/receiver.c: receiver_run, receive_or_stand_back, stand_back, push_batch
 * src/engine/worker_run.c: worker_run, step_or_wait
 * src/engine/worker.c: worker_step, worker_assist, pop_any, finish_batch,
 *	worker_wake */

#define WORKERS 2
#define EVENTCOUNT_IS_PROVED
#ifndef JOBS
#define JOBS 2 /* of each receiver */
#endif

#include "eventcount.inc"

bool wakeup_pending;
byte waiting[2], active_workers[2];
byte needed; /* a bit for each queue */
bool slow, helpers_late; /* queue 0 */

#ifdef ASSISTED
#define HELPERS(q) (1 - (q))
#define ENOUGH(q) ((q) == 1 || slow || helpers_late || waiting[q] > 1)
#else
#define HELPERS(q) 0
#define ENOUGH(q) true
#endif
#define BIT(q) (1 << (q))
#define MAY_BE_TAKEN(q) (waiting[q] > 0 && active_workers[q] < (q == 0 -> 2 : 1))
#define NEEDS_WORKER(q) (MAY_BE_TAKEN(q) && ENOUGH(q))

/* Under the queue's lock. */
inline update_demand(q)
{
	needed = (NEEDS_WORKER(q) -> needed | BIT(q) : needed & ~BIT(q))
}

inline worker_wake()
{
	if
	:: needed == 0
	:: needed != 0 ->
		atomic { out = wakeup_pending; wakeup_pending = true };
		if
#ifdef MUTANT_WAKES_WITHOUT_EPOCH
		:: atomic { !out -> sys_futex_wake(1) }
#else
		:: !out -> eventcount_notify(1)
#endif
		:: out
		fi;
		out = false
	fi
}

inline queue_push(q)
{
	atomic {
		waiting[q]++;
		helpers_late = helpers_late && q == 1;
		update_demand(q)
	}
}

inline queue_pop(q)
{
	atomic {
		if
		:: MAY_BE_TAKEN(q) ->
			waiting[q]--;
			active_workers[q]++;
			taken = q + 1
		:: else
		fi;
		update_demand(q)
	}
}

/* How long handlers take is known when one has returned. */
inline queue_finish(q)
{
	atomic {
#ifdef ASSISTED
		if
		:: q == 0 -> slow = true
		:: q == 0 -> slow = false
		:: q == 1
		fi;
#endif
		active_workers[q]--;
		update_demand(q)
	}
}

#ifdef ASSISTED
inline queue_assist()
{
	atomic {
		helpers_late = false;
		if
		:: !slow -> queue_pop(0)
		:: slow
		fi;
		helpers_late = taken == 0 && waiting[0] > 0;
		update_demand(0)
	}
}

/* It comes back from its handler, and goes to its socket when nothing is left that it may do. */
inline assist()
{
	do
	:: queue_assist();
		worker_wake();
		if
		:: taken > 0 -> taken = 0; queue_finish(0); worker_wake()
		:: taken == 0 -> break
		fi
	od
}
#endif

active [2] proctype receiver()
{
	byte pushes = JOBS, to_wake, taken;
	bool out;

	do
	:: pushes > 0 ->
		pushes--;
		queue_push(_pid);
		worker_wake();
#ifdef ASSISTED
		if
		:: _pid == 0 -> assist()
		:: _pid == 0 && pushes > 0 /* there is more to receive first */
		:: _pid == 1
		fi
#endif
	:: pushes == 0 -> break
	od
}

/* Whose turn it is, is left to chance. */
inline pop_any()
{
#ifndef MUTANT_CLEARED_AFTER_LOOKING
	wakeup_pending = false;
#endif
	bits = needed;
	do
	:: atomic { taken == 0 && (bits & BIT(0)) -> bits = bits & ~BIT(0); queue_pop(0) }
	:: atomic { taken == 0 && (bits & BIT(1)) -> bits = bits & ~BIT(1); queue_pop(1) }
	:: atomic { taken > 0 || bits == 0 -> bits = 0; break }
	od
#ifdef MUTANT_CLEARED_AFTER_LOOKING
	;
	wakeup_pending = false
#endif
}

inline worker_step()
{
	pop_any();
	worked = taken > 0;
	if
	:: worked ->
#ifndef MUTANT_LEAVES_AND_WAKES_NOBODY
		worker_wake();
#endif
		if
		:: true
		:: HELPERS(taken - 1) == 0 -> false /* a handler that never returns */
		fi;
		queue_finish((taken - 1));
		taken = 0
	:: !worked
	fi
}

active [WORKERS] proctype worker()
{
	byte me = _pid - 2, to_wake, taken, bits;
	bool worked, out;

	do
	:: worker_step();
		if
		:: worked
		:: !worked ->
			wakeup_pending = true;
#ifndef MUTANT_KEY_AFTER_LOOKING
			eventcount_key(me);
#endif
			worker_step();
#ifdef MUTANT_WOKEN_AFTER_LOOKING
			wakeup_pending = true;
#endif
#ifdef MUTANT_KEY_AFTER_LOOKING
			eventcount_key(me);
#endif
			if
			:: worked -> eventcount_forget(me)
			:: !worked -> eventcount_wait(me)
			fi
		fi
	od
}

active proctype observer()
{
	timeout -> assert(!MAY_BE_TAKEN(0) && !MAY_BE_TAKEN(1) || !asleep[0] && !asleep[1])
}
