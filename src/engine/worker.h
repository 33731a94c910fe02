/* Station 4: a worker. Pops its batch of a service's queue, runs the handler on what is still fresh,
 * sends the replies and gives the slots back. Workers take from the services in turn.
 *
 * A receiver has a worker of its own where it runs handlers itself: those of its service alone. */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "core/attention.h"
#include "core/demand.h"
#include "core/slab.h"
#include "engine/answer.h"
#include "engine/recorder.h"
#include "engine/reply.h"
#include "engine/running_call.h"
#include "engine/service.h"
#include "log/log.h"

/* Slots that a worker may hold at once. */
#define WORKER_SLOTS QUEUE_BATCH_MAX

/* Of one service, what summaries and statistics are made of. The worker writes, any thread reads. */
struct worker_counters {
	_Atomic uint64_t requests;     /* that the handler ran on */
	_Atomic uint64_t errors;       /* of them, those that the handler failed */
	_Atomic int64_t busy_ns;       /* in steps that are over */
	_Atomic int64_t busy_since_ns; /* CLOCK_MONOTONIC; 0 when idle */
	struct histogram wait_ns;      /* from the arrival to the handler */
	struct histogram service_ns;
};

/* What all workers of a server share. */
struct worker_shared {
	struct service *services;
	unsigned services_count;
	const struct socket *sockets;
	struct slab *slab;
	struct demand demand;
	struct attention attention; /* of the owner, who looks for losses */
	_Atomic uint64_t busy;	    /* the pool's workers that hold a service (WORKERS_BUSY()) */
	atomic_bool track_calls;    /* keep `running_call` */
	atomic_bool log_requests;   /* a line each */
	atomic_bool aborting;	    /* drop what was popped and has not run yet */
};

/* Their number; above it is counted how often that has changed. */
#define WORKERS_BUSY(busy) ((uint32_t)(busy))

/* Numbers of receivers' workers begin behind those of the pool's. */
#define WORKER_OF_RECEIVER(number) (DGRAM_WORKERS_MAX + (number))

struct worker {
	unsigned number;
	struct worker_shared *shared;
	struct log_ring *log;
	struct service *only;		  /* a receiver's; NULL: all services that have a queue */
	struct reply_batch *replies;	  /* its own; the receiver's, if it is a receiver's */
	void **states;			  /* of the handlers, one a service */
	bool *started;			  /* those that are */
	const struct handler *refused;	  /* the one that let worker_start() fail, or NULL */
	unsigned turn;			  /* the service to look at first */
	struct worker_counters *counters; /* one a service, by number */
	struct worker_counters *reported; /* the owner's: as of the last summary */
	struct running_call running_call;
	struct recorder recorder;
};

enum worker_result {
	WORKER_WORKED,
	WORKER_IDLE,  /* there is nothing that it may do */
	WORKER_ENDED, /* and nothing will come: all queues are closed and empty */
};

/* What differs from worker to worker. */
struct worker_identity {
	unsigned number;
	struct service *only; /* NULL: it is one of the pool's */
	struct log_ring *log;
	struct reply_batch *replies; /* a receiver's; NULL: its own */
};

/* Its services must have been made. -ENOMEM. */
int worker_new(struct worker_shared *shared, const struct worker_identity *identity,
	struct worker **ret_worker);

/* NULL is fine. */
void worker_free(struct worker *worker);

/* Does it run requests of this service? */
bool worker_serves(const struct worker *worker, const struct service *service);

/* Some by now, with the step that it is in. Thread: any. */
void worker_counters_read(
	struct worker_counters *counters, int64_t now_ns, struct worker_counters *ret_counters);

/* Start the handlers' state for this worker. When one fails, those before it are stopped again, and
 * its error is returned. Thread: the worker's. */
int worker_start(struct worker *worker);
void worker_stop(struct worker *worker);

/* Have a worker look, if any service needs one that it may have now. Thread: any. */
void worker_wake(struct worker_shared *shared, int64_t now_ns);

/* Have all look: what they are to end for may have changed; and so has it, nothing more will be pushed.
 * Thread: any. */
void worker_wake_all(struct worker_shared *shared);
void worker_close(struct worker_shared *shared);

/* One batch of one service. Waits for nothing but its handler. Thread: the worker's. */
enum worker_result worker_step(struct worker *worker);

/* The same for a receiver's worker, where the queue lets it assist. */
enum worker_result worker_assist(struct worker *worker);

/* Run what a receiver received, in its own thread; the slots stay with the caller. */
void worker_run_inline(struct worker *worker, struct datagram_list *jobs, int64_t now_ns,
	struct ledger *ret_results);

/* Record a request of its batch that the handler ran on; `result` as struct recorded has it. Thread: the worker's. */
void worker_record(
	struct worker *worker, const struct datagram *job, int64_t begin_ns, ssize_t result);

/* For worker.c alone: log a request that was run. Thread: the worker's. */
void worker_log_request(struct worker *worker, const struct service *service,
	const struct datagram *job, int64_t wait_ns, ssize_t reply_bytes);

/* How long the last free worker is still kept for others, at most. Thread: any. */
int64_t worker_kept_ns(const struct worker_shared *shared);

/* For worker.c alone: nothing waits, and nothing will come. Thread: the worker's. */
bool worker_have_all_ended(const struct worker_shared *shared);

/* Step until all has ended (true), or until the worker is not wanted any more (false). Thread: the
 * worker's. */
bool worker_run(struct worker *worker);

#endif
