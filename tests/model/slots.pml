/* Each slot has one owner at each moment, none is lost or given back twice, none is given back while
 * somebody still reads it, and the slab never runs out with the size that make_slab gives it.
 *
 * Two receivers, two workers (the second may be added later), one queue of capacity 2; batches of 1. What
 * it drops may get a busy reply. Datagrams come for ever, and the owner stops at any moment. Slots are
 * alike, so one, whichever, is marked and followed from owner to owner, and the others are counted. Left
 * to chance: which datagrams are refused, expire, or go when there is no room; how many a worker takes. What runs under a lock is
 * one step. A receiver that helps is one more worker to the slab; one that is inline never gives its
 * slots away. Left out: what is in the slots, and sleeping (drain.pml).
 *
 * src/core/slab.c: slab_new, slab_grow, slab_take, slab_give, slab_free
 * src/queue/queue.c: queue_push, evict_one, drop_one, queue_discard
 * src/queue/queue.c: queue_pop, expire, take_batch, queue_finish
 * src/engine/receiver.c: receiver_prepare, receiver_step, admit_batch, push_batch, reply_busy,
 *	receiver_finish, receiver_release
 * src/engine/worker.c: pop_any, finish_batch, worker_step
 * src/engine/worker.c: run_batch
 * src/engine/reply.c: reply_send
 * src/server/server.c: make_slab, dgram_server_free
 * src/server/reconfigure.c: make_room
 * src/server/stop.c: drain, abort_queued, refuse_rest */

#define RECEIVERS 2
#define CAPACITY 2
#define SOCKET_BATCH 1
#define QUEUE_BATCH_MAX 1
#define WORKER_SLOTS QUEUE_BATCH_MAX

typedef list {
	byte count;
	bool marked
}

list slab, backlog;
byte slots;
bool made, grown, stopping, closed, refusing;
byte running; /* in the queue's books */
byte threads = 1, receivers = RECEIVERS, released;

/* Move one, which may be the marked one, and must be if there is no other. */
inline move(from, to)
{
	assert(from.count > 0);
	if
	:: from.marked ->
		assert(!to.marked);
		from.marked = false;
		to.marked = true
	:: !from.marked || from.count > 1
	fi;
	from.count--;
	to.count++
}

inline append(to, from)
{
	assert(!to.marked || !from.marked);
	to.marked = to.marked || from.marked;
	to.count = to.count + from.count;
	from.marked = false;
	from.count = 0
}

inline slab_take(to)
{
	atomic { assert(slab.count > 0); move(slab, to) }
}

inline slab_give(from)
{
	atomic { append(slab, from); assert(slab.count <= slots) }
}

inline queue_push()
{
	atomic {
		assert(!closed || admitted.count == 0);
		do
		:: admitted.count > 0 ->
			if
			:: backlog.count == CAPACITY -> move(backlog, dropped)
			:: backlog.count < CAPACITY
			fi;
			move(admitted, backlog)
		:: admitted.count == 0 -> break
		od
	}
}

inline queue_pop()
{
	atomic {
		do
		:: backlog.count > 0 && expired.count < QUEUE_BATCH_MAX -> move(backlog, expired)
		:: break
		od;
		ending = closed && backlog.count == 0;
		do
#ifdef MUTANT_ROOM_FOR_JOBS_ALONE
		:: backlog.count > 0 && jobs.count < QUEUE_BATCH_MAX ->
#else
		:: backlog.count > 0 && jobs.count + expired.count < QUEUE_BATCH_MAX ->
#endif
			move(backlog, jobs); running++; unfinished = true
		:: break
		od
	}
}

inline queue_finish()
{
	atomic {
		assert(jobs.count > 0 && running >= jobs.count);
		running = running - jobs.count;
		unfinished = false
	}
}

inline queue_discard(to)
{
	atomic {
		do
		:: backlog.count > 0 -> move(backlog, to)
		:: backlog.count == 0 -> break
		od
	}
}

/* slab_give of what may still be read. */
inline give_read(from)
{
	assert(!replying && !unfinished);
	slab_give(from)
}

/* Busy replies point into what was dropped until they are sent. */
inline reply_busy()
{
	replying = true;
#ifdef MUTANT_GIVEN_BACK_BEFORE_TOLD
	give_read(dropped);
#endif
	replying = false
}

inline receiver_step(refuse)
{
	if
	:: refuse /* every datagram: the slots stay */
	:: !(refuse) ->
		atomic { move(hand, admitted) };
		queue_push();
#if defined(MUTANT_DROPPED_NOT_GIVEN_BACK)
		atomic { dropped.count = 0; dropped.marked = false };
		slab_take(hand)
#elif defined(MUTANT_REFILL_BEFORE_GIVING_BACK)
		slab_take(hand);
		slab_give(dropped)
#elif defined(MUTANT_DROPPED_GIVEN_TWICE)
		atomic { twice.count = dropped.count; twice.marked = dropped.marked };
		slab_give(dropped);
		slab_give(twice);
		slab_take(hand)
#else
		reply_busy();
		give_read(dropped);
		slab_take(hand)
#endif
	fi
}

active [RECEIVERS] proctype receiver()
{
	list hand, admitted, dropped; /* what it receives into, ... */
	bool replying, unfinished;
#ifdef MUTANT_DROPPED_GIVEN_TWICE
	list twice;
#endif

	made -> slab_take(hand); /* receiver_prepare */
	do
	:: receiver_step(false)
	:: stopping -> break
	od;
	receivers--;
	refusing -> receiver_step(true); /* refuse_rest, in the owner's thread */
	slab_give(hand); /* receiver_release */
	released++
}

/* Replies point into the requests until they are sent, and the queue reads them to its finish. */
inline serve()
{
	replying = true;
#ifdef MUTANT_GIVEN_BACK_BEFORE_SENT
	give_read(jobs);
#endif
	replying = false; /* reply_send */
#ifdef MUTANT_GIVEN_BACK_BEFORE_FINISH
	give_read(jobs);
#endif
	queue_finish();
	give_read(jobs)
}

inline worker_step()
{
	queue_pop();
	slab_give(expired);
	if
	:: jobs.count > 0 -> serve()
	:: else
	fi
}

active [2] proctype worker()
{
	list jobs, expired;
	bool replying, unfinished, ending;

	if
	:: _pid == RECEIVERS
	:: _pid > RECEIVERS && grown
	:: _pid > RECEIVERS && closed && !grown -> goto out
	fi;
	do
	:: !ending -> worker_step()
	:: ending -> break
	od;
	threads--;
out:
	skip
}

/* make_slab is for one worker; make_room, at any moment, for the other. */
active proctype owner()
{
	list dropped;

	atomic {
		slots = CAPACITY + RECEIVERS * SOCKET_BATCH + WORKER_SLOTS;
		slab.count = slots;
		slab.marked = true;
		made = true
	};
	if
	:: true ->
#ifdef MUTANT_WORKER_BEFORE_ROOM
		atomic { threads++; grown = true };
#endif
		atomic { slots = slots + WORKER_SLOTS; slab.count = slab.count + WORKER_SLOTS };
#ifndef MUTANT_WORKER_BEFORE_ROOM
		atomic { threads++; grown = true }
#endif
	:: true
	fi;
	stopping = true;
	receivers == 0;
	closed = true;
	if
	:: true
	:: queue_discard(dropped); slab_give(dropped) /* abort_queued */
	fi;
	threads == 0;
	refusing = true;
	released == RECEIVERS;
	queue_discard(dropped); /* dgram_server_free */
	slab_give(dropped);
	assert(slab.count == slots && slab.marked); /* slab_free */
	assert(backlog.count == 0 && running == 0)
}
