/* Station 4: a worker. Pops its share of a service's queue, runs the handler on what is still
 * fresh, sends the replies and gives the slots back.
 *
 * DESIGN: a step is one batch of one service and waits for nothing but its handler; only
 * worker_run() waits, on the pool's eventcount. Workers take from the services in turn. */
#ifndef PIPELINE_WORKER_H
#define PIPELINE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/eventcount.h"
#include "base/histogram.h"
#include "base/lock.h"
#include "base/log.h"
#include "core/slab.h"
#include "pipeline/reply.h"
#include "pipeline/service.h"

/* Slots that a worker may hold at once: a batch of jobs, one of expired ones, and those that were
 * shed. */
#define WORKER_SLOTS (2 * QUEUE_BATCH_MAX + QUEUE_SHED_MAX)

/* What the summary is made of. The worker writes, any thread reads. */
struct worker_counters {
	_Atomic uint64_t requests;     /* that the handler ran on */
	_Atomic uint64_t errors;       /* of them, those that the handler failed */
	_Atomic int64_t busy_ns;       /* in steps that are over */
	_Atomic int64_t busy_since_ns; /* CLOCK_MONOTONIC; 0 when idle */
	struct histogram service_ns;
};

/* The handler that runs now, for whoever watches. */
struct worker_call {
	struct lock lock;
	/* under the lock */
	int64_t since_ns; /* 0: none */
	unsigned service;
	union addr client;
	bool told; /* the owner's: it is overdue, and that was logged */
};

/* What all workers of a server share. */
struct worker_shared {
	struct service *services;
	unsigned services_count;
	const struct socket *sockets;
	struct slab *slab;
	struct eventcount work;	 /* notified when there may be something to pop, or to end for */
	_Atomic unsigned wanted; /* workers from this number on are to end */
	atomic_bool watched;	 /* keep `call` */
	atomic_bool hurry;	 /* drop what was popped and has not run yet */
};

struct worker {
	unsigned number;
	struct worker_shared *shared;
	struct log_ring *log;
	struct reply_batch *replies;
	void **states; /* of the handlers, one a service */
	unsigned states_started;
	unsigned turn; /* the service to look at first */
	struct worker_counters counters;
	struct worker_counters reported; /* the owner's: as of the last summary */
	struct worker_call call;
	struct log_limit error_limit;
};

enum worker_did {
	WORKER_WORKED,
	WORKER_IDLE,  /* there is nothing that it may do */
	WORKER_ENDED, /* and nothing will come: all queues are closed and empty */
};

/* -ENOMEM. */
int worker_new(struct worker_shared *shared, unsigned number, size_t reply_bytes,
	struct log_ring *log, struct worker **ret_worker);

/* NULL is fine. */
void worker_free(struct worker *worker);

/* Start the handlers' state for this worker. When one fails those before it are stopped again; its
 * error. Thread: the worker's. */
int worker_start(struct worker *worker);
void worker_stop(struct worker *worker);

/* Thread: the worker's. */
enum worker_did worker_step(struct worker *worker);

/* Step until all has ended (true), or until the worker is not wanted any more (false). Thread: the
 * worker's. */
bool worker_run(struct worker *worker);

#endif
