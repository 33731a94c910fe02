/* Serving, changing and draining: no job is forgotten, and no worker sleeps for ever while a job
 * waits that it may run, whatever is resized, reconfigured, closed or hurried at whatever moment,
 * and even if handlers never return. When they do, the server comes to its end.
 *
 * Two receivers, two workers, queues of capacity 2: one that both receivers fill, or one for each
 * (-DSERVICES=2); or with -DCHANGES=2 one receiver, while workers and limits change twice. A
 * receiver's datagrams are one flow. What runs under a lock is one step; all lists are numbers.
 * Left to chance at every moment, and so more than the code does: which flow is next or makes room,
 * when the owner acts; with ALL_CHANCES also whether jobs have expired, how many a worker finishes
 * in time, and whether clients are kept in order. No step is taken for ever (the search for cycles
 * proves it), so what holds when all is still is what every run comes to. Left out: slots
 * (slots.pml).
 *
 * Two workers are too few to tell why a worker that took some wakes another, and why abort_queued() and
 * the end of a worker wake all: whoever would need that is awake already. No mutant leaves those out. How
 * workers are woken, step by step, and receivers that assist: wakeup.pml.
 *
 * src/queue/queue.c: queue_push, queue_configure, queue_discard
 * src/queue/queue.c: queue_pop, expire, take_batch, queue_finish
 * src/queue/queue.c: batch_size, needs_worker, update_demand, measure_jobs
 * src/queue/backlog.c: is_ready, backlog_take, backlog_finish, backlog_victim
 * src/engine/receiver.c: receiver_run, receiver_finish, receiver_step
 * src/engine/worker_run.c: worker_run, step_or_wait, is_wanted, worker_have_all_ended,
 *	worker_wake_all, worker_close
 * src/engine/worker.c: worker_step, pop_any, finish_batch, worker_wake
 * src/engine/pool.c: member_main, leaves, note_end, park_missing, pool_release, set_wanted, pool_resize
 * src/server/stop.c: drain, abort_queued
 * src/server/start.c: server_start_join
 * src/server/reconfigure.c: dgram_server_reconfigure, apply_services
 * src/server/options.c: server_options_queue */

#ifndef SERVICES
#define SERVICES 1
#endif
#define WORKERS 2
#define EVENTCOUNT_IS_PROVED
#define CAPACITY 2
#define BATCH_MAX 2
#ifndef CHANGES
#define CHANGES 2 /* of the configuration */
#endif

#define JOBS_OF(pid) ((pid) == WORKERS -> 2 : (CHANGES > 0 -> 0 : 1))
#define ALL_CHANCES (CHANGES == 0 && SERVICES == 1)

#include "eventcount.inc"

mtype = { ENDED, IDLE, WORKED };

/* Of a flow, which is a receiver. */
byte waiting[2], running[2];

/* Of a queue. */
byte active_workers[SERVICES], max_workers[SERVICES], in_time[SERVICES];
bool blocked[SERVICES];
bool per_client;

/* Of the pool. */
byte wanted, threads;
byte needed; /* a bit for each queue */
bool wakeup_pending, closed;
bool go[WORKERS], leaving[WORKERS], ended[WORKERS];
bool aborting, stopping, stopped, done;
byte receivers = 2;
byte stuck; /* workers in handlers that never return */

#if SERVICES == 1
#define QUEUE_OF(flow) 0
#define COUNT(q) (waiting[0] + waiting[1])
#else
#define QUEUE_OF(flow) (flow)
#define COUNT(q) waiting[q]
#endif
#define IN(q, flow) (QUEUE_OF(flow) == (q))
#define IS_READY(q, flow) \
	(IN(q, flow) && waiting[flow] > 0 && !(per_client && running[flow] > 0))
#define DIVIDE_UP(a, b) (((a) + (b) - 1) / (b))
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define holding (jobs[0] + jobs[1])
#define WORKERS_BUSY(q) \
	(active_workers[q] >= max_workers[q] \
		-> 0 : MIN(DIVIDE_UP(COUNT(q), in_time[q]), max_workers[q] - active_workers[q]))
#define NEEDS_WORKER(q) (COUNT(q) > 0 && !blocked[q] && active_workers[q] < max_workers[q])
#define MAY_RUN(q) (active_workers[q] < max_workers[q] && (IS_READY(q, 0) || IS_READY(q, 1)))

inline worker_wake()
{
	if
	:: needed != 0 && !wakeup_pending -> wakeup_pending = true; eventcount_notify(1)
	:: else
	fi
}

/* Under the queue's lock. */
inline update_demand(q)
{
	needed = (NEEDS_WORKER(q) -> needed | (1 << q) : needed & ~(1 << q))
}

inline queue_push(q, flow, batch)
{
	atomic {
		assert(!closed);
		do
		:: batch > 0 && COUNT(q) == CAPACITY ->
			if
			:: IN(q, 0) && waiting[0] > 0 -> waiting[0]--
			:: IN(q, 1) && waiting[1] > 0 -> waiting[1]--
			fi
		:: batch > 0 && COUNT(q) < CAPACITY ->
			waiting[flow]++;
			batch--
		:: batch == 0 -> break
		od;
		blocked[q] = false;
		update_demand(q)
	}
}

inline take_batch(q)
{
	left = MIN(in_time[q], DIVIDE_UP(COUNT(q), WORKERS_BUSY(q)));
	do
	:: left > 0 && IS_READY(q, 0) -> waiting[0]--; running[0]++; jobs[0]++; left--
	:: left > 0 && IS_READY(q, 1) -> waiting[1]--; running[1]++; jobs[1]++; left--
	:: left == 0 || !IS_READY(q, 0) && !IS_READY(q, 1) -> break
	od;
	left = 0;
	active_workers[q] = active_workers[q] + (holding > 0);
	blocked[q] = holding == 0
}

inline queue_pop(q)
{
	atomic {
		if
		:: true
#if ALL_CHANCES
		:: COUNT(q) > 0 -> /* all of it has expired */
			stale = COUNT(q) == BATCH_MAX;
			found = true;
			if
			:: IN(q, 0) -> waiting[0] = 0
			:: else
			fi;
			if
			:: IN(q, 1) -> waiting[1] = 0
			:: else
			fi
#endif
		fi;
		if
		:: !stale && COUNT(q) > 0 && active_workers[q] < max_workers[q] ->
			take_batch(q);
			found = holding > 0
		:: else
		fi;
		stale = false;
		update_demand(q)
	}
}

inline queue_finish(q)
{
	atomic {
		assert(active_workers[q] > 0);
		running[0] = running[0] - jobs[0];
		running[1] = running[1] - jobs[1];
		active_workers[q]--;
		blocked[q] = false;
		update_demand(q);
		jobs[0] = 0;
#if ALL_CHANCES
		if
		:: in_time[q] = 1
		:: in_time[q] = 2
		fi;
#endif
		jobs[1] = 0;
		q = 0
	}
}

inline serve(q)
{
	if
	:: queue_finish(q) /* when the handlers have returned, or were not run any more */
	:: atomic { !aborting -> stuck++ }; false
	fi
}

/* One queue's turn. */
inline look(index)
{
	if
	:: !found && (bits & (1 << index)) ->
		q = index;
		queue_pop(q);
		turn = (found -> (q + 1) % SERVICES : turn)
	:: else
	fi
}

inline have_all_ended()
{
	did = (closed && waiting[0] + waiting[1] == 0 -> ENDED : IDLE)
}

inline worker_step()
{
	wakeup_pending = false;
	bits = needed;
#if SERVICES == 1
	atomic { look(0); bits = 0 };
#else
	atomic { first = turn; look(first) };
	atomic { look((1 - first)); first = 0; bits = 0 };
#endif
	if
	:: atomic { found -> found = false; did = WORKED; worker_wake() };
		if
		:: holding > 0 -> serve(q)
		:: else -> q = 0
		fi
	:: atomic { !found -> have_all_ended() }
	fi
}

#define WANTED(me) ((me) < wanted)

/* Without its first look, after others went first, which wakeup.pml has. */
inline step_or_wait(me)
{
	eventcount_key(me);
	worker_step();
	if
	:: did == IDLE && WANTED(me) -> eventcount_wait(me)
	:: else -> eventcount_forget(me)
	fi
}

inline worker_run(me)
{
	do
	:: did != ENDED && WANTED(me) ->
		worker_step();
		if
		:: did == IDLE -> step_or_wait(me)
		:: else
		fi
	:: else -> break
	od
}

/* To leave is decided under the pool's lock. */
active [WORKERS] proctype member()
{
	byte me = _pid, to_wake, q, turn, first, bits, left, jobs[2];
	bool found, stale;
	mtype did = WORKED;

	do
	:: atomic { go[me] -> go[me] = false };
		do
		:: worker_run(me);
			if
			:: atomic { did == ENDED || !WANTED(me) -> leaving[me] = true }; break
			:: did != ENDED && WANTED(me)
			fi
		od;
		atomic { eventcount_notify(ALL) };
		atomic {
			threads--;
			done = done || threads == 0;
			did = WORKED;
			turn = 0;
			ended[me] = true
		}
	od
}

active [2] proctype receiver()
{
	byte me = _pid - WORKERS, to_send = JOBS_OF(_pid), batch, to_wake;

	do
	:: to_send > 0 ->
		atomic {
			if
			:: batch = 1
			:: to_send > 1 -> batch = 2
			fi;
			to_send = to_send - batch;
			queue_push(QUEUE_OF(me), me, batch)
		};
		atomic { worker_wake() }
	:: stopping || to_send == 0 -> break
	od;
	receivers--
}

/* The server's owner. */

inline queue_configure(q)
{
	if
	:: max_workers[q] = 1
	:: wanted == 2 -> max_workers[q] = 2
	fi;
	update_demand(q)
}

inline apply_services()
{
	atomic { queue_configure(0) };
#if SERVICES == 2
	atomic { queue_configure(1) };
#endif
}

/* Those whose threads had left by now are taken back. */
inline want(workers)
{
	wanted = workers;
	atomic { eventcount_notify(ALL) };
	if
	:: workers == 2 && started[1] && leaving[1] -> ended[1] -> started[1] = false
	:: else
	fi
}

inline park_and_release(i)
{
	if
	:: !started[i] ->
		atomic {
			started[i] = true;
			leaving[i] = false;
			ended[i] = false;
			threads++;
			go[i] = true
		}
	:: else
	fi
}

inline reconfigure(workers)
{
	want(workers);
	park_and_release(0);
	if
	:: workers == 2 -> park_and_release(1)
	:: else
	fi;
	apply_services();
#ifndef MUTANT_CONFIGURE_WAKES_NOBODY
	atomic { worker_wake() }
#endif
}

inline worker_close()
{
	closed = true;
#ifndef MUTANT_CLOSE_WITHOUT_NOTIFY
	atomic { eventcount_notify(ALL) }
#endif
}

inline abort_queued()
{
	aborting = true;
	d_step { waiting[0] = 0; waiting[SERVICES - 1] = 0; waiting[1] = 0; needed = 0 };
	atomic { eventcount_notify(ALL) }
}

active proctype owner()
{
	byte changes = CHANGES, to_wake;
	bool started[WORKERS];

	atomic {
		in_time[0] = 1;
		in_time[SERVICES - 1] = 1;
#if ALL_CHANCES
		if
		:: per_client = true
		:: per_client = false
		fi;
#endif
		if
		:: wanted = 1
		:: wanted = 2
		fi;
		apply_services()
	};
	park_and_release(0);
	if
	:: wanted == 2 -> park_and_release(1)
	:: else
	fi;
	do
	:: changes > 0 -> changes--; reconfigure(1)
	:: changes > 0 -> changes--; reconfigure(2)
	:: break
	od;
	changes = 0;
	if
	:: true /* it goes on serving */
	:: stopping = true;
#ifndef MUTANT_CLOSE_BEFORE_RECEIVERS_END
		receivers == 0;
#endif
		worker_close();
#if CHANGES == 0
		if
		:: true
		:: abort_queued()
		fi;
#endif
		done
	fi;
	stopped = true
}

active proctype observer()
{
	timeout;
	assert(!(MAY_RUN(0) && (asleep[0] || asleep[1])));
	assert(!(MAY_RUN(SERVICES - 1) && (asleep[0] || asleep[1])));
	assert(!(asleep[1] && wanted == 1));
	assert(receivers == 0);
	assert(stopped || stopping && stuck > 0);
	assert(stuck > 0 || waiting[0] + waiting[1] + running[0] + running[1] == 0);
	assert(!done || waiting[0] + waiting[1] + running[0] + running[1] == 0)
}
