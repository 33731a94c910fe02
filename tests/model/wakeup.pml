/* Wake-ups: no job waits while a worker sleeps, although only one wake-up is pending at a time, and a worker
 * looks at one queue after the other, takes from the first that has something, and may never come back.
 *
 * Two receivers, each with a queue of its own, and two workers. One worker at a time may hold jobs of
 * queue 1. With -DASSISTED, handlers of queue 0 never block, and its receiver assists: a worker is woken for
 * it only when more than one job waits, when its handler was slow recently (at any moment that it ran it
 * may become slow, or quick again), or when the receiver went away and left jobs. What runs under a lock is
 * one step; a batch is one job. Two workers are too few to tell why a finish wakes another, and why it
 * matters what a receiver left: the simulator does.
 *
 * src/queue/queue.c: queue_push, queue_pop, queue_assist, queue_finish, take_batch
 * src/queue/queue.c: is_worker_wanted, publish_wanted, queue_wants_worker
 * src/engine/receiver.c: receiver_run, receive_or_stand_back, stand_back, push_batch
 * src/engine/worker.c: worker_run, step_or_wait, worker_step, worker_assist, pop_any, others_wait,
 *	finish_batch, worker_wake */

#define WORKERS 2
#define EVENTCOUNT_IS_PROVED
#ifndef JOBS
#define JOBS 2 /* of each receiver */
#endif

#include "eventcount.inc"

bool wakeup_pending;
byte waiting[2], active_workers[2];
bool wanting[2]; /* as of the last push, pop or finish */
bool slow, helpers_late; /* queue 0 */

#ifdef ASSISTED
#define HELPERS(q) (1 - (q))
#define ENOUGH(q) ((q) == 1 || slow || helpers_late || waiting[q] > 1)
#else
#define HELPERS(q) 0
#define ENOUGH(q) true
#endif
#define MAY_BE_TAKEN(q) (waiting[q] > 0 && active_workers[q] < (q == 0 -> 2 : 1))
#define WANTED(q) (MAY_BE_TAKEN(q) && ENOUGH(q))

inline worker_wake()
{
#ifdef MUTANT_WAKES_WITHOUT_EPOCH
	atomic { out = wakeup_pending; wakeup_pending = true; to_wake = 0 };
	if
	:: !out -> sys_futex_wake(1)
	:: out
	fi;
	out = false
#else
	atomic { out = wakeup_pending; wakeup_pending = true };
	if
	:: !out -> eventcount_notify(1)
	:: out
	fi;
	out = false
#endif
}

inline queue_push(q)
{
	atomic {
		waiting[q]++;
		helpers_late = helpers_late && q == 1;
		wanting[q] = WANTED(q);
		wake = wanting[q]
	}
}

/* The first look is at the service whose turn it is. */
inline queue_pop(q)
{
	atomic {
		if
		:: MAY_BE_TAKEN(q) ->
			waiting[q]--;
			active_workers[q]++;
			wanting[q] = WANTED(q);
#ifndef MUTANT_MORE_WAKES_NOBODY
			wake = wanting[q];
#endif
			taken = q + 1
		:: else
		fi
	}
}

/* How long handlers take is known when one has returned. */
inline queue_finish(q)
{
	atomic {
		wake = WANTED(q);
#ifdef ASSISTED
		if
		:: q == 0 -> slow = true
		:: q == 0 -> slow = false
		:: q == 1
		fi;
#endif
		active_workers[q]--;
		wanting[q] = WANTED(q);
		wake = wanting[q] && !wake
	}
}

inline wake_if_wanted()
{
	if
	:: atomic { wake -> wake = false }; worker_wake()
	:: !wake
	fi
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
		wanting[0] = WANTED(0)
	}
}

/* It comes back from its handler, and goes to its socket when nothing is helpers_late that it may do. */
inline assist()
{
	do
	:: queue_assist();
		wake_if_wanted();
		if
		:: taken > 0 -> taken = 0; queue_finish(0); wake_if_wanted()
		:: taken == 0 -> break
		fi
	od
}
#endif

active [2] proctype receiver()
{
	byte pushes = JOBS, to_wake, taken;
	bool wake, out;

	do
	:: pushes > 0 ->
		pushes--;
		queue_push(_pid);
		wake_if_wanted();
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

inline others_wait()
{
#ifdef MUTANT_OTHERS_WAKE_NOBODY
	skip
#else
	wake = wake || wanting[2 - taken]
#endif
}

inline worker_step()
{
#ifndef MUTANT_CLEARED_AFTER_LOOKING
	wakeup_pending = false;
#endif
	queue_pop(turn);
	if
	:: taken == 0 -> queue_pop((1 - turn))
	:: taken > 0
	fi;
#ifdef MUTANT_CLEARED_AFTER_LOOKING
	wakeup_pending = false;
#endif
	worked = taken > 0;
	if
	:: worked ->
		turn = 2 - taken;
		others_wait();
		wake_if_wanted();
		if
		:: true
		:: HELPERS(taken - 1) == 0 -> false /* a handler that never returns */
		fi;
		queue_finish((taken - 1));
		taken = 0;
		wake_if_wanted()
	:: !worked
	fi
}

active [WORKERS] proctype worker()
{
	byte me = _pid - 2, turn, to_wake, taken;
	bool worked, wake, out;

	do
	:: worker_step();
		if
		:: worked
		:: !worked ->
			wakeup_pending = true;
			worker_step();
			if
			:: worked
			:: !worked ->
				eventcount_key(me);
				worker_step();
#ifdef MUTANT_WOKEN_AFTER_LOOKING
				wakeup_pending = true;
#endif
				if
				:: worked -> eventcount_forget(me)
				:: !worked -> eventcount_wait(me)
				fi
			fi
		fi
	od
}

active proctype observer()
{
	timeout -> assert(!MAY_BE_TAKEN(0) && !MAY_BE_TAKEN(1) || !asleep[0] && !asleep[1])
}
