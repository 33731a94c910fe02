/* The bounded queue of a service: the datagrams that wait, and the books of the service.
 *
 * Everything that changes the books happens under the queue's lock, so a snapshot of them is exact.
 * Which datagram is next, and which one is evicted when there is no room, is the backlog's decision
 * (backlog.h); a datagram whose deadline is over is never handed out. Slots that fall out on the way are handed to the caller, who gives them back to the slab after the lock was released.
 *
 * At most max_workers hold datagrams of this queue at once: a worker holds some from a pop that gave
 * it jobs until its finish.
 *
 * What a call changes may need a worker: the demand says so then, and the caller wakes one unless it
 * pops next (core/demand.h).
 *
 * Thread: any. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "core/datagram.h"
#include "core/demand.h"
#include "core/ledger.h"
#include "core/loss.h"
#include "queue/backlog.h"

/* The most that a worker takes at once: jobs and expired datagrams together. It sizes the memory of a worker, 0.6 MiB
 * with datagrams of 8 KiB. */
#define QUEUE_BATCH_MAX 64u

/* The work that it takes at once, at most: an answer that is ready waits for the rest of its batch. */
#define QUEUE_BATCH_NS 100000

/* The same where answers do not wait, but a batch is a message to another process and back. */
#define QUEUE_BATCH_OUTSIDE_NS 1000000

struct queue;

/* What stays as it was made. */
struct queue_limits {
	unsigned capacity;     /* datagrams that may wait; at least 1 */
	unsigned workers_max;  /* the most that max_workers can ever be */
	struct demand *demand; /* where it says whether a worker is needed, */
	unsigned service;      /* as this service */
	struct backlog_rules rules;
	struct loss *losses; /* examples for the log, by enum ledger_drop; NULL: none */
	bool assisted; /* the handler never blocks: each thread that pushes also calls queue_assist() */
	bool outside; /* the handler is in another process (engine/outside.h) */
};

/* What can change at any time. */
struct queue_settings {
	int64_t overload_interval_ns; /* see backlog.h */
	int64_t fair_window_ns;	      /* after it, all flows count as served nothing */
	unsigned max_workers;
	bool receivers_assist; /* if the queue is assisted */
};

/* What a pop gives. */
struct queue_batch {
	struct datagram_list jobs;    /* to be run, then finished */
	struct datagram_list expired; /* already in the books; slots to give back */
};

/* -ENOMEM. */
int queue_new(const struct queue_limits *limits, const struct queue_settings *settings,
	struct queue **ret_queue);

/* NULL is fine. Must be empty. */
void queue_free(struct queue *queue);

/* Bytes of address space that a queue with these limits takes. */
size_t queue_bytes(const struct queue_limits *limits);

void queue_configure(struct queue *queue, const struct queue_settings *settings);

/* Add all of `batch` (empty is fine), each with its deadline and without a flow, to the queue, and to the books `admission`: what became of the
 * datagrams that were received with it, where `admission->received` counts both. What is evicted to
 * make room is moved to `ret_dropped`. */
void queue_push(struct queue *queue, struct datagram_list *batch, const struct ledger *admission,
	int64_t now_ns, struct datagram_list *ret_dropped);

/* Take a worker's batch of what waits: at most QUEUE_BATCH_NS of work, and one job until the handler
 * was measured. Returns whether there was any; there may be more. */
bool queue_pop(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch);

/* The same for a receiver of an assisted queue that has nothing to receive: false while it is not to
 * assist, or the handler was slow recently. */
bool queue_assist(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch);

/* Receivers assist no more. */
void queue_end_assist(struct queue *queue);

/* Drop what has expired, though no worker comes: QUEUE_BATCH_MAX at most; if as many, there may be more. */
void queue_expire(struct queue *queue, int64_t now_ns, struct datagram_list *ret_expired);

/* One job of a batch took long: backlog_put_behind(). Without the lock. */
void queue_put_behind(const struct queue *queue, struct datagram *slow, struct datagram_list *jobs);

/* What became of all the jobs of a batch, `spent_ns` after the pop. Their slots stay with the caller. */
void queue_finish(struct queue *queue, const struct datagram_list *jobs,
	const struct ledger *results, int64_t spent_ns);

/* Drop all that waits, as DROP_SHUTDOWN. */
void queue_discard(struct queue *queue, struct datagram_list *ret_dropped);

/* A queue's figures, at one moment. */
struct queue_report {
	struct ledger ledger;
	uint64_t queued_max;	 /* the most that ever waited */
	int64_t service_ewma_ns; /* how long the handler takes; 0: not measured yet */
};

void queue_snapshot(struct queue *queue, struct queue_report *ret_report);

/* The sources that asked most of it in the last window that is over, in which something came. `talkers` are empty at
 * first; to be called until it returns false, because nobody is to wait long for the lock. */
bool queue_rank(struct queue *queue, int64_t now_ns, struct talkers *talkers);

/* The most that waited since the last call. */
unsigned queue_take_peak(struct queue *queue);

#endif
