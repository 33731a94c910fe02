/* Station 2: the receiver. Takes what has arrived at one socket, drops what must not be answered,
 * and pushes the rest onto the service's queue.
 *
 * DESIGN: a step is one bounded piece of work and never waits; only receiver_run() does, in
 * poll(2). The receiver owns the slots it receives into, from the slab and back to it. */
#ifndef PIPELINE_RECEIVER_H
#define PIPELINE_RECEIVER_H

#include "base/eventcount.h"
#include "base/log.h"
#include "core/ledger.h"
#include "core/slab.h"
#include "pipeline/service.h"
#include "pipeline/socket.h"

struct receiver {
	/* Set by the owner before the first step. */
	struct service *service;
	const struct socket *sockets; /* all that the server listens on, against loops */
	unsigned sockets_count;
	unsigned number; /* of the socket it receives from */
	struct slab *slab;
	struct eventcount *work; /* wakes workers */
	int stop_fd;		 /* readable when it is time to stop */
	struct log_ring *log;

	/* Its own. */
	bool refuse; /* drop everything: the queue is closed */
	struct socket_batch batch;
	struct datagram *slots[SOCKET_BATCH];
	int64_t last_arrived_ns;
	struct log_limit drop_limits[DROP_COUNT];
	uint64_t made_room; /* dropped from the full queue since the last line about it */
	struct log_limit error_limit;
};

/* Take the slots it receives into from the slab, and give them back. */
void receiver_prepare(struct receiver *receiver, unsigned data_bytes);
void receiver_release(struct receiver *receiver);

/* Receive and push one batch. Returns the number of datagrams received, 0 when none had arrived, or
 * -errno, which is logged. Thread: the receiver's. */
int receiver_step(struct receiver *receiver);

/* Step until stop_fd is readable, then take what has arrived by that moment and return. */
void receiver_run(struct receiver *receiver);

/* Take what has arrived by now, and stop there even if more keeps coming; with `refuse`, drop
 * it. */
void receiver_finish(struct receiver *receiver, bool refuse);

#endif
