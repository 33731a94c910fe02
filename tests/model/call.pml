/* Calls: no job is left while a worker sleeps, though only one call is out at a time, a worker looks
 * at one queue after the other, takes from the first that has something, and may never come back.
 *
 * Two receivers, each with a queue of its own, and two workers. Of queue 1 one worker at a time may
 * hold jobs. With -DHELPED handlers of queue 0 never block, and its receiver helps: workers are
 * called for it only when more than one job waits, when its handler was slow of late (which it is, or
 * is not any more, at any moment it was run), or when the receiver went away and left some. What runs
 * under a lock is one step; a share is one job. Two workers are too few to tell why a finish calls, and
 * why it matters what a receiver left: the simulator does.
 *
 * src/queue/queue.c: queue_push
 * src/queue/queue.c: queue_pop, queue_assist, queue_finish, take_batch
 * src/queue/queue.c: is_worker_wanted, publish_wanted, queue_wants_worker
 * src/engine/receiver.c: receiver_run, work, stand_back, push
 * src/engine/worker.c: worker_run, step_or_wait, worker_step, worker_assist, take, others_wait, finish,
 *	worker_call */

#define WORKERS 2
#define EVENTCOUNT_IS_PROVED
#ifndef JOBS
#define JOBS 2 /* of each receiver */
#endif

#include "eventcount.inc"

bool called;
byte waiting[2], active_workers[2];
bool wanting[2]; /* as of the last push, pop or finish */
bool slow, left; /* queue 0 */

#ifdef HELPED
#define HELPERS(q) (1 - (q))
#define ENOUGH(q) ((q) == 1 || slow || left || waiting[q] > 1)
#else
#define HELPERS(q) 0
#define ENOUGH(q) true
#endif
#define MAY_BE_TAKEN(q) (waiting[q] > 0 && active_workers[q] < (q == 0 -> 2 : 1))
#define WANTED(q) (MAY_BE_TAKEN(q) && ENOUGH(q))

inline worker_call()
{
#ifdef MUTANT_WAKES_WITHOUT_EPOCH
	atomic { out = called; called = true; to_wake = 0 };
	if
	:: !out -> sys_futex_wake(1)
	:: out
	fi;
	out = false
#else
	atomic { out = called; called = true };
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
		left = left && q == 1;
		wanting[q] = WANTED(q);
		call = wanting[q]
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
#ifndef MUTANT_MORE_CALLS_NOBODY
			call = wanting[q];
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
		call = WANTED(q);
#ifdef HELPED
		if
		:: q == 0 -> slow = true
		:: q == 0 -> slow = false
		:: q == 1
		fi;
#endif
		active_workers[q]--;
		wanting[q] = WANTED(q);
		call = wanting[q] && !call
	}
}

inline call_if_wanted()
{
	if
	:: atomic { call -> call = false }; worker_call()
	:: !call
	fi
}

#ifdef HELPED
inline queue_assist()
{
	atomic {
		left = false;
		if
		:: !slow -> queue_pop(0)
		:: slow
		fi;
		left = taken == 0 && waiting[0] > 0;
		wanting[0] = WANTED(0)
	}
}

/* It comes back from its handler, and goes to its socket when nothing is left that it may do. */
inline help()
{
	do
	:: queue_assist();
		call_if_wanted();
		if
		:: taken > 0 -> taken = 0; queue_finish(0); call_if_wanted()
		:: taken == 0 -> break
		fi
	od
}
#endif

active [2] proctype receiver()
{
	byte pushes = JOBS, to_wake, taken;
	bool call, out;

	do
	:: pushes > 0 ->
		pushes--;
		queue_push(_pid);
		call_if_wanted();
#ifdef HELPED
		if
		:: _pid == 0 -> help()
		:: _pid == 0 && pushes > 0 /* there is more to receive first */
		:: _pid == 1
		fi
#endif
	:: pushes == 0 -> break
	od
}

inline others_wait()
{
#ifdef MUTANT_OTHERS_CALL_NOBODY
	skip
#else
	call = call || wanting[2 - taken]
#endif
}

inline worker_step()
{
#ifndef MUTANT_ANSWERED_AFTER_LOOKING
	called = false;
#endif
	queue_pop(turn);
	if
	:: taken == 0 -> queue_pop((1 - turn))
	:: taken > 0
	fi;
#ifdef MUTANT_ANSWERED_AFTER_LOOKING
	called = false;
#endif
	worked = taken > 0;
	if
	:: worked ->
		turn = 2 - taken;
		others_wait();
		call_if_wanted();
		if
		:: true
		:: HELPERS(taken - 1) == 0 -> false /* a handler that never returns */
		fi;
		queue_finish((taken - 1));
		taken = 0;
		call_if_wanted()
	:: !worked
	fi
}

active [WORKERS] proctype worker()
{
	byte me = _pid - 2, turn, to_wake, taken;
	bool worked, call, out;

	do
	:: worker_step();
		if
		:: worked
		:: !worked ->
			called = true;
			worker_step();
			if
			:: worked
			:: !worked ->
				eventcount_prepare(me);
				worker_step();
#ifdef MUTANT_CALLED_AFTER_LOOKING
				called = true;
#endif
				if
				:: worked -> eventcount_cancel(me)
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
