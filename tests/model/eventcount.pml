/* No wake-up is lost: when all is still, no thread sleeps while there is work.
 *
 * Two producers and two consumers, who use the eventcount as receivers and workers do; the queue is
 * a number up to 2. A handler may never return, so that a wake-up that is short by one is not made
 * good by the other consumer.
 *
 * src/engine/receiver.c: receiver_step
 * src/engine/worker_run.c: worker_run, step_or_wait
 * src/engine/worker.c: worker_step */

#define WORKERS 2
#define SPURIOUS 1
#define CAPACITY 2
#define JOBS 2 /* of each producer */

#include "eventcount.inc"

byte work;

inline push()
{
	atomic {
		was_empty = work == 0;
		if
		:: work < CAPACITY -> work++
		:: else /* the oldest makes room */
		fi
	}
}

active [2] proctype producer()
{
	byte left = JOBS, to_wake;
	bool was_empty;

	do
	:: left > 0 ->
		left--;
#if defined(MUTANT_NOTIFY_BEFORE_PUSH)
		eventcount_notify(1);
		push()
#elif defined(MUTANT_NOTIFY_ONLY_WHEN_EMPTY)
		push();
		if
		:: was_empty -> eventcount_notify(1)
		:: else
		fi
#else
		push();
		eventcount_notify(1)
#endif
	:: left == 0 -> break
	od
}

inline worker_step()
{
	atomic {
		worked = work > 0;
		work = work - worked
	};
	if
	:: worked
	:: worked -> false /* a handler that never returns */
	:: !worked
	fi
}

active [2] proctype consumer()
{
	byte me = _pid - 2, key;
	bool worked;

	do
	:: worker_step();
		if
		:: worked
		:: !worked ->
#ifdef MUTANT_CHECK_BEFORE_KEY
			worker_step();
			eventcount_key(key);
#else
			eventcount_key(key);
			worker_step();
#endif
			if
			:: worked
			:: !worked -> eventcount_wait(me, key)
			fi;
			key = 0
		fi
	od
}

active proctype observer()
{
	timeout -> assert(work == 0 || !asleep[0] && !asleep[1]);
	assert(waiters <= WORKERS)
}
