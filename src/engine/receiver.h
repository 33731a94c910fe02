/* Station 2: the receiver. Takes what has arrived at one socket, drops what must not be answered,
 * and pushes the rest onto the service's queue; or, inline, runs the handler itself.
 *
 * A step is one bounded piece of work. It waits for nothing but a handler that it runs, and for room to
 * send; only receiver_run() waits, in poll(2). The receiver owns the slots that it receives into.
 *
 *	concurrency, handler	its worker	after a reception
 *	pool, may block		none		pushes the batch
 *	pool, never blocks	its own		pushes; assists when there is nothing to receive, which saves
 *						the hand-over: the pool's workers are woken for a backlog only
 *	inline			its own		runs the batch in the slots it was received into; the books
 *						are the receiver's, because there is no queue */
#ifndef ENGINE_RECEIVER_H
#define ENGINE_RECEIVER_H

#include "base/eventcount.h"
#include "base/histogram.h"
#include "log/log.h"
#include "core/ledger.h"
#include "core/slab.h"
#include "guard/guard.h"
#include "engine/service.h"
#include "engine/socket.h"
#include "engine/worker.h"

struct receiver {
	/* Set by the owner before the first step. */
	struct service *service;
	struct socket *sockets; /* all that the server listens on, against loops; one is its own */
	unsigned sockets_count;
	unsigned number;		 /* of the socket it receives from */
	bool is_first;			 /* of those at its address */
	const struct guard_ports *ports; /* of all sockets */
	struct slab *slab;
	struct worker_shared *workers;	   /* the pool's, to wake one */
	struct worker *worker;		   /* its own, with its replies; NULL: it only receives */
	int stop_fd;			   /* readable when it is time to stop; then */
	const _Atomic unsigned *shutdowns; /* this is not 0 */
	struct log_ring *log;

	/* Its own. */
	struct dice dice;
	struct guard guard;	     /* closed once the queue is: it drops everything */
	struct reply_batch *replies; /* of what it answers itself */
	struct socket_batch batch;
	struct datagram *slots[SOCKET_BATCH];
	struct log_limit error_limit;
	struct histogram
		socket_wait_ns; /* from the arrival to the reception; any thread may read it */

	/* Its own while `offered`, else the owner's: a socket that is to take the place of the one it has. */
	struct socket next;
	atomic_bool offered;

	/* Inline: the books of what it received. */
	struct lock lock;
	struct ledger ledger; /* under the lock */
};

/* Take the slots that it receives into from the slab, and make room for its replies; give them back. -ENOMEM. */
int receiver_prepare(struct receiver *receiver, unsigned data_bytes, bool gro);
void receiver_release(struct receiver *receiver);

/* Does it run handlers, and so need a worker? */
bool receiver_serves(const struct receiver *receiver);

/* Receive one batch, and push it, or run it inline. Returns the number of datagrams received, 0 when
 * none had arrived, or -errno, which is logged. Thread: the receiver's. */
int receiver_step(struct receiver *receiver);

/* Give it a socket, to be bound where it listens, in place of the one that it has, which hears nothing any more
 * or is idle. Only when the last one was taken over. Thread: owner. */
void receiver_offer(struct receiver *receiver, const struct socket *next);

/* Take what has arrived at the old one, then the socket that was offered, if there is one. Thread: the
 * receiver's. */
void receiver_take_over(struct receiver *receiver);

/* Add the books of what it ran inline, exact at one moment. Thread: any. */
void receiver_books(struct receiver *receiver, struct ledger *to);

/* Step until stop_fd is readable, then take what has arrived by that moment and return. */
void receiver_run(struct receiver *receiver);

/* Take what has arrived by now, and stop there even if more keeps coming; with `refuse`, drop
 * it. */
void receiver_finish(struct receiver *receiver, bool refuse);

#endif
