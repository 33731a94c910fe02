/* The pool's last free worker: it is kept for a service that no worker holds and that has work, or had some
 * lately, and no job waits while a worker sleeps that may take it.
 *
 * A service that is held never takes the last one that is kept.
 *
 * Two receivers, each with a queue of its own, and two workers, who may never come back. Time passes when it
 * likes: that a service had work lately may be over at any moment. Workers look once, the key read first: that
 * they yield before they look again has wakeup.pml. What runs under a lock is one step, and so
 * is to look at all that decides for whom a worker is kept, where it is done again if anything changed
 * (the count in `busy`).
 *
 * src/queue/queue.c: queue_push, queue_pop, queue_finish, needs_worker, update_demand
 * src/engine/receiver.c: push_batch
 * src/engine/worker_run.c: worker_run, step_or_wait, wait_for_work
 * src/engine/worker.c: worker_step, pop_any, hold, let_go, is_kept, kept_until_ns, may_take_any, worker_wake,
 *	worker_kept_ns */

#define WORKERS 2
#define EVENTCOUNT_IS_PROVED
#define JOBS_OF(pid) (2 - (pid))

#include "eventcount.inc"

bool wakeup_pending, watched;
byte waiting[2], holders[2], busy;
byte needed; /* a bit for each queue */
bool recent[2];

#define BIT(q) (1 << (q))
#define KEPT_FOR(q) (holders[q] == 0 && (recent[q] || (needed & BIT(q))))
#define KEPT (KEPT_FOR(0) || KEPT_FOR(1))
#define IS_LAST (busy + 1 >= WORKERS)
#define MAY_TAKE(q) ((needed & BIT(q)) && (holders[q] == 0 || !IS_LAST || !KEPT))

inline update_demand(q)
{
	needed = (waiting[q] > 0 -> needed | BIT(q) : needed & ~BIT(q))
}

inline worker_wake()
{
	if
#ifdef MUTANT_KEPT_FROM_ALL
	:: needed == 0 || watched && IS_LAST && KEPT
	:: needed != 0 && !(watched && IS_LAST && KEPT) ->
#else
#ifdef MUTANT_NOBODY_WATCHES
	:: !MAY_TAKE(0) && !MAY_TAKE(1)
	:: MAY_TAKE(0) || MAY_TAKE(1) ->
#else
	:: (watched || needed == 0) && !MAY_TAKE(0) && !MAY_TAKE(1)
	:: !watched && needed != 0 || MAY_TAKE(0) || MAY_TAKE(1) ->
#endif
#endif
		if
		:: atomic { !wakeup_pending -> wakeup_pending = true }; eventcount_notify(1)
		:: wakeup_pending
		fi
	fi
}

active [2] proctype receiver()
{
	byte pushes = JOBS_OF(_pid), to_wake;

	do
	:: pushes > 0 ->
		pushes--;
		atomic { waiting[_pid]++; update_demand(_pid) };
		worker_wake()
	:: pushes == 0 -> break
	od
}

/* After it has counted as a holder. */
inline hold(q)
{
#ifdef MUTANT_HELD_AFTER_COUNTED
	holders[q]--;
	atomic {
		if
		:: holders[q] == 0 || !IS_LAST || !KEPT -> busy++; taken = q + 1
		:: else
		fi
	};
	if
	:: atomic { taken > 0 -> holders[q]++; assert(holders[q] == 1 || busy < WORKERS || !KEPT) }
	:: taken == 0
	fi
#else
	if
	:: atomic {
		holders[q] == 1 || !IS_LAST || !KEPT -> busy++;
		taken = q + 1;
		assert(holders[q] == 1 || busy < WORKERS || !KEPT)
	}
	:: holders[q] > 1 && IS_LAST && KEPT -> holders[q]--
	fi
#endif
}

inline let_go(q)
{
	atomic { recent[q] = true; holders[q]-- };
	busy--
}

/* Whose turn it is, is left to chance. */
inline pop_any()
{
	wakeup_pending = false;
	bits = needed;
	do
	:: taken == 0 && bits != 0 ->
		if
		:: atomic { (bits & BIT(0)) -> bits = bits & ~BIT(0); holders[0]++ }; hold(0)
		:: atomic { (bits & BIT(1)) -> bits = bits & ~BIT(1); holders[1]++ }; hold(1)
		fi;
		if
		:: taken > 0 ->
			atomic {
				got = waiting[taken - 1] > 0;
				waiting[taken - 1] = waiting[taken - 1] - got;
				update_demand((taken - 1))
			};
			if
			:: !got ->
				let_go((taken - 1));
				taken = 0;
#ifndef MUTANT_LETS_GO_AND_SLEEPS
				bits = needed
#endif
			:: got -> got = false
			fi
		:: taken == 0
		fi
	:: else -> break
	od;
	atomic { bits = 0; worked = taken > 0 }
}

inline worker_step()
{
	pop_any();
	if
	:: worked ->
		worker_wake();
		if
		:: true
		:: true -> false /* a handler that never returns */
		fi;
		let_go((taken - 1));
		taken = 0
	:: !worked
	fi
}

/* With a timeout where something waits that it may not take. */
inline wait_for_work()
{
	atomic { timed = needed != 0; watched = watched || timed };
	atomic { asleep[me] = same[me]; same[me] = false };
	if
	:: !asleep[me]
#ifndef MUTANT_SLEEPS_ON
	:: atomic { asleep[me] && timed && !KEPT -> asleep[me] = false }
#endif
	fi;
	atomic { watched = watched && !timed; timed = false }
}

active [WORKERS] proctype worker()
{
	byte me = _pid - 2, to_wake, taken, bits;
	bool worked, got, timed;

	do
	:: eventcount_key(me);
		worker_step();
		if
		:: atomic { worked -> worked = false; same[me] = false }
		:: !worked -> wait_for_work()
		fi
	od
}

active proctype time()
{
	do
	:: recent[0] -> recent[0] = false
	:: recent[1] -> recent[1] = false
	od
}

active proctype observer()
{
	timeout -> assert(waiting[0] + waiting[1] == 0 || !asleep[0] && !asleep[1])
}
