/* Station 4: a worker. Pops its share of a service's queue, runs the handler on what is still
 * fresh, sends the replies and gives the slots back.
 *
 * DESIGN: a step is one batch of one service and waits for nothing but its handler; only
 * worker_run() waits, on the pool's eventcount. Workers take from the services in turn. A receiver
 * has a worker of its own where it runs handlers itself: those of its service alone.
 *
 * Wake-ups: whoever leaves work behind calls a worker, but only one call is out at a time: until a
 * worker answers it by looking at the queues, what is pushed will be seen by that one. It answers
 * before it looks, so nothing is pushed unseen; and if it finds more than it takes, it calls the
 * next. */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/eventcount.h"
#include "base/histogram.h"
#include "base/lock.h"
#include "log/log.h"
#include "core/slab.h"
#include "engine/reply.h"
#include "engine/service.h"

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
struct worker_watch {
	struct lock lock;
	/* under the lock */
	int64_t since_ns; /* 0: none */
	unsigned service;
	union addr client;
	bool told; /* the owner's: it is overdue, and that was logged */
};

/* What all workers of a server batch. */
struct worker_shared {
	struct service *services;
	unsigned services_count;
	const struct socket *sockets;
	struct slab *slab;
	struct eventcount work;	 /* notified when there may be something to pop, or to end for */
	atomic_bool called;	 /* a worker is about to look at the queues */
	_Atomic unsigned wanted; /* workers from this number on are to end */
	atomic_bool watched;	 /* keep `watch` */
	atomic_bool hurry;	 /* drop what was popped and has not run yet */
};

/* Numbers of receivers' workers begin behind those of the pool's. */
#define WORKER_OF_RECEIVER(number) (DGRAM_WORKERS_MAX + (number))

struct worker {
	unsigned number;
	struct worker_shared *shared;
	struct log_ring *log;
	struct service *only; /* a receiver's; NULL: all services that have a queue */
	struct reply_batch *replies;
	void **states; /* of the handlers, one a service */
	bool *started; /* those that are */
	unsigned turn; /* the service to look at first */
	struct worker_counters counters;
	struct worker_counters reported; /* the owner's: as of the last summary */
	struct worker_watch watch;
	struct log_limit error_limit;
};

enum worker_did {
	WORKER_WORKED,
	WORKER_IDLE,  /* there is nothing that it may do */
	WORKER_ENDED, /* and nothing will come: all queues are closed and empty */
};

/* What is told apart when a worker is made. */
struct worker_identity {
	unsigned number;
	struct service *only; /* NULL: it is one of the pool's */
	struct log_ring *log;
};

/* -ENOMEM. */
int worker_new(struct worker_shared *shared, const struct worker_identity *identity,
	size_t reply_bytes, struct worker **ret_worker);

/* NULL is fine. */
void worker_free(struct worker *worker);

/* Start the handlers' state for this worker. When one fails those before it are stopped again; its
 * error. Thread: the worker's. */
int worker_start(struct worker *worker);
void worker_stop(struct worker *worker);

/* Have a worker look at the queues. Thread: any. */
void worker_call(struct worker_shared *shared);

/* Thread: the worker's. */
enum worker_did worker_step(struct worker *worker);

/* The same for a receiver's worker, where the queue lets it help. */
enum worker_did worker_assist(struct worker *worker);

/* Run what a receiver received, in its own thread; the slots stay with the caller. */
void worker_run_inline(struct worker *worker, struct datagram_list *jobs, int64_t now_ns,
	struct ledger *ret_results);

/* worker_serve.c, for worker.c: run and answer these jobs of a service, begun at `now_ns`; returns
 * when they were done. */
int64_t worker_serve(struct worker *worker, struct service *service, struct datagram_list *jobs,
	int64_t now_ns, struct ledger *ret_results);

/* The same: answer those that were shed, and give their slots back. */
int64_t worker_tell_busy(
	struct worker *worker, struct service *service, struct datagram_list *shed);

/* Step until all has ended (true), or until the worker is not wanted any more (false). Thread: the
 * worker's. */
bool worker_run(struct worker *worker);

#endif
