/* The bounded queue of a service: its waiting datagrams, and its books.
 *
 * DESIGN: batches go in and out under one mutex, a leaf. Everything that changes the books happens
 * under that mutex, so a snapshot of them is exact. Which datagram is next, and which goes when
 * there is no room, is the backlog's to say (backlog.h); one that waited longer than max_wait is
 * never handed out. Slots that fall out on the way are handed to the caller, who gives them back to
 * the slab after the lock was released.
 *
 * At most max_workers hold datagrams of this queue at once: a worker holds from a pop that gave it
 * some until its finish. Thread: any. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "queue/backlog.h"
#include "core/datagram.h"
#include "core/ledger.h"

/* What a worker may take at once: so many jobs, and so many expired ones. */
#define QUEUE_BATCH_MAX 64u

/* And work for so long: an answer that is ready waits for at most so much of its batch. */
#define QUEUE_BATCH_NS 100000

/* Of those that were shed, so many are kept at most for a busy reply. */
#define QUEUE_SHED_MAX 8u

struct queue;

/* What stays as it was made. */
struct queue_shape {
	unsigned capacity;     /* that may wait; at least 1 */
	unsigned most_workers; /* that max_workers can ever be */
	struct backlog_rules rules;
	bool keeps_shed; /* for busy replies */
	bool helped;	 /* the handler never blocks: whoever pushes also calls queue_help() */
};

/* What can change at any time. */
struct queue_settings {
	int64_t max_wait_ns;	      /* 0: a datagram may wait for ever */
	int64_t overload_interval_ns; /* overloaded: not empty for so long */
	int64_t fair_window_ns;	      /* after which all flows start anew */
	unsigned max_workers;	      /* at least 1 */
};

enum queue_answer {
	QUEUE_JOBS,  /* there were some */
	QUEUE_STALE, /* none, but some expired or shed; there may be more: pop again */
	QUEUE_EMPTY, /* nothing waits, or nothing that may be run now */
	QUEUE_ENDED, /* nothing waits, and nothing will come: it was closed */
};

/* What a pop gives. */
struct queue_share {
	struct datagram_list jobs;    /* to be run, then finished */
	struct datagram_list expired; /* already in the books; slots to give back */
	struct datagram_list shed;    /* the same, but these may get a busy reply first */
	bool more;		      /* others wait, and another worker is wanted for them */
};

/* -ENOMEM. */
int queue_new(const struct queue_shape *shape, const struct queue_settings *settings,
	struct queue **ret_queue);

/* NULL is fine. Must be empty. */
void queue_free(struct queue *queue);

/* Bytes of address space that a queue of this shape takes. */
size_t queue_bytes(const struct queue_shape *shape);

void queue_configure(struct queue *queue, const struct queue_settings *settings);

/* Add all of `batch` (empty is fine) to the queue and `admission`, what became of the datagrams
 * received with it, to the books, where `admission->received` counts both. What had to go to make
 * room is moved to `ret_dropped`. Returns whether a worker is wanted for what waits. */
bool queue_push(struct queue *queue, struct datagram_list *batch, const struct ledger *admission,
	int64_t now_ns, struct datagram_list *ret_dropped);

/* Take a worker's share of what waits: at most what will take it about 100 us by the slowest
 * of late, and one until that is known. */
enum queue_answer queue_pop(struct queue *queue, int64_t now_ns, struct queue_share *ret_share);

/* The same for a receiver of a queue that is helped, when it has nothing to receive: QUEUE_EMPTY
 * while the handler was seen to be slow of late. Workers are wanted then, and for a backlog that
 * helpers would not get to in time. */
enum queue_answer queue_help(struct queue *queue, int64_t now_ns, struct queue_share *ret_share);

/* Receivers help no more. Returns whether a worker is wanted for what they leave behind. */
bool queue_end_help(struct queue *queue);

/* One of a share took long: those behind it that are of its source go behind all others, as they
 * would have with all in their flows. Without the lock; not where a queue is first in, first out. */
void queue_put_behind(const struct queue *queue, struct datagram *slow, struct datagram_list *jobs);

/* What became of all the jobs of a share, `spent_ns` after the pop. Their slots stay with the
 * caller. Returns true when others wait for which no worker was wanted, or allowed, before this. */
bool queue_finish(struct queue *queue, const struct datagram_list *jobs,
	const struct ledger *results, int64_t spent_ns);

/* Is a worker wanted for what waits? Without the lock: as of the last push, pop or finish. */
bool queue_wants_worker(const struct queue *queue);

/* Nothing more will be pushed. */
void queue_close(struct queue *queue);

/* Drop all that waits, as DROP_SHUTDOWN. */
void queue_discard(struct queue *queue, struct datagram_list *ret_dropped);

/* What a queue has to tell of itself, at one moment. */
struct queue_report {
	struct ledger ledger;
	uint64_t queued_max; /* the most that ever waited */
	int64_t mean_ns;     /* how long the handler takes, lately; 0: not measured yet */
};

void queue_snapshot(struct queue *queue, struct queue_report *ret_report);

#endif
