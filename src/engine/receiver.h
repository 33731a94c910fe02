/* Station 2: the receiver. Takes what has arrived at one socket, drops what must not be answered,
 * and pushes the rest onto the service's queue; or, inline, runs the handler itself.
 *
 * DESIGN: a step is one bounded piece of work and never waits, but for what a handler that it runs
 * waits for, and for room to send; only receiver_run() does, in poll(2). The receiver owns the slots it receives into, from the slab and
 * back to it.
 *
 * It has a worker of its own in two cases. Inline, there is no queue: each batch is run as it was
 * received, in the slots that it was received into, and its books are the receiver's. And where the
 * handler never blocks, a receiver that has nothing to receive helps: it does a worker's step
 * itself, which saves the hand-over, and the pool's workers are called for a backlog only. */
#ifndef ENGINE_RECEIVER_H
#define ENGINE_RECEIVER_H

#include "base/eventcount.h"
#include "log/log.h"
#include "core/ledger.h"
#include "core/slab.h"
#include "engine/service.h"
#include "engine/socket.h"
#include "engine/worker.h"

struct receiver {
	/* Set by the owner before the first step. */
	struct service *service;
	const struct socket *sockets; /* all that the server listens on, against loops */
	unsigned sockets_count;
	unsigned number; /* of the socket it receives from */
	struct slab *slab;
	struct worker_shared *workers;	   /* the pool's, to be called */
	struct worker *worker;		   /* its own; NULL: it only receives */
	int stop_fd;			   /* readable when it is time to stop, */
	const _Atomic unsigned *shutdowns; /* and this is not 0 any more */
	struct log_ring *log;

	/* Its own. */
	bool refuse; /* drop everything: the queue is closed */
	struct socket_batch batch;
	struct datagram *slots[SOCKET_BATCH];
	int64_t last_arrived_ns;
	struct log_limit drop_limits[DROP_COUNT];
	uint64_t made_room; /* dropped from the full queue since the last line about it */
	struct log_limit error_limit;

	/* Inline: the books of what it received. */
	struct lock lock;
	struct ledger ledger; /* under the lock */
};

/* Take the slots it receives into from the slab, and give them back. -ENOMEM. */
int receiver_prepare(struct receiver *receiver, unsigned data_bytes, bool gro);
void receiver_release(struct receiver *receiver);

/* Does it run handlers, and so need a worker? */
bool receiver_serves(const struct receiver *receiver);

/* Receive one batch, and push it, or run it inline. Returns the number of datagrams received, 0 when
 * none had arrived, or -errno, which is logged. Thread: the receiver's. */
int receiver_step(struct receiver *receiver);

/* Add the books of what it ran inline, exact at one moment. Thread: any. */
void receiver_books(struct receiver *receiver, struct ledger *to);

/* Step until stop_fd is readable, then take what has arrived by that moment and return. */
void receiver_run(struct receiver *receiver);

/* Take what has arrived by now, and stop there even if more keeps coming; with `refuse`, drop
 * it. */
void receiver_finish(struct receiver *receiver, bool refuse);

#endif
