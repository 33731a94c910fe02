/* The bounded queue of a service: its waiting datagrams, and its books.
 *
 * DESIGN: batches go in and out under one mutex, a leaf. Everything that changes the books happens
 * under that mutex, so a snapshot of them is exact. Datagrams leave in the order they came; a
 * datagram that waited longer than max_wait is never handed out; when the queue is full the oldest
 * goes to make room, for its client is the likeliest to have given up. Slots that fall out on the
 * way are handed to the caller, who gives them back to the slab after the lock was released.
 *
 * At most max_workers hold datagrams of this queue at once: a worker holds from a pop that gave it
 * some until its finish. Thread: any. */
#ifndef CORE_QUEUE_H
#define CORE_QUEUE_H

#include "core/datagram.h"
#include "core/ledger.h"

/* What a worker may take at once: so many jobs, and so many expired ones. */
#define QUEUE_BATCH_MAX 32u

struct queue;

struct queue_settings {
	int64_t max_wait_ns;  /* 0: a datagram may wait for ever */
	unsigned max_workers; /* at least 1 */
};

enum queue_answer {
	QUEUE_JOBS,  /* there were some */
	QUEUE_STALE, /* a batch of expired ones, and the next may be expired too: pop again */
	QUEUE_EMPTY, /* nothing waits, or as many workers hold some as may */
	QUEUE_ENDED, /* nothing waits, and nothing will come: it was closed */
};

/* What a pop gives. */
struct queue_share {
	struct datagram_list jobs;    /* to be run, then finished */
	struct datagram_list expired; /* already in the books; slots to give back */
	bool more;		      /* others wait that another worker may take */
};

/* -ENOMEM. `capacity` is at least 1. */
int queue_new(unsigned capacity, const struct queue_settings *settings, struct queue **ret_queue);

/* NULL is fine. Must be empty. */
void queue_free(struct queue *queue);

void queue_configure(struct queue *queue, const struct queue_settings *settings);

/* Add all of `batch` (empty is fine) to the queue and `admission`, what became of the datagrams
 * received with it, to the books, where `admission->received` counts both. What had to go to make
 * room is moved to `ret_dropped`. Returns the number of workers that are worth waking. */
unsigned queue_push(struct queue *queue, struct datagram_list *batch,
	const struct ledger *admission, int64_t now_ns, struct datagram_list *ret_dropped);

/* Take a worker's fair share of what waits: at most what will take it about 100 us by the measured
 * time, and one until that is known. */
enum queue_answer queue_pop(struct queue *queue, int64_t now_ns, struct queue_share *ret_share);

/* What became of all the jobs of a share. Their slots stay with the caller. Returns true when
 * others wait that no worker was allowed to take before this. */
bool queue_finish(
	struct queue *queue, const struct datagram_list *jobs, const struct ledger *results);

/* Nothing more will be pushed. */
void queue_close(struct queue *queue);

/* Drop all that waits, as DROP_SHUTDOWN. */
void queue_discard(struct queue *queue, struct datagram_list *ret_dropped);

/* The books at this moment, and the most that ever waited. */
void queue_snapshot(struct queue *queue, struct ledger *ret_ledger, uint64_t *ret_queued_max);

#endif
