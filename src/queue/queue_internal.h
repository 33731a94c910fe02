/* What the files named queue share. All with the lock. */
#ifndef QUEUE_QUEUE_INTERNAL_H
#define QUEUE_QUEUE_INTERNAL_H

#include <stdatomic.h>

#include "base/lock.h"
#include "queue/queue.h"

struct queue {
	struct lock lock;
	atomic_bool wanting; /* written under the lock */
	/* all below under the lock */
	struct queue_shape shape;
	struct queue_settings settings;
	bool closed;
	bool helped;	   /* receivers help, until the end of all */
	bool left;	   /* to the workers, by receivers that do not come to help */
	int64_t passed_ns; /* since when they pushed and did not come; 0: they came */
	unsigned holders;  /* workers between a pop and its finish */
	int64_t mean_ns;   /* of the handler's time, moving */
	int64_t slow_ns;   /* its slowest of late; 0 until measured */
	int64_t cost_ns;   /* a job, with all around it; moving */
	int64_t empty_ns;  /* when it was last empty */
	int64_t window_ns; /* when the window began */
	struct backlog backlog;
	struct datagram_list shed; /* in the books as dropped */
	struct ledger ledger;
	uint64_t queued_max;
};

/* Helpers are left alone with a backlog that takes them so long, and for as long. */
#define HELP_BACKLOG_NS 1000000

static inline unsigned minimum(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static inline unsigned divide_up(unsigned a, unsigned b)
{
	return (a + b - 1) / b;
}

/* What waited for more than a quarter of the interval is stale: the simulator's curves settled it.
 * A queue that is never empty, but holds nothing stale, is busy and not overloaded. */
static inline struct backlog_moment queue_moment(const struct queue *queue, int64_t now_ns)
{
	const struct datagram *oldest = backlog_oldest(&queue->backlog);
	int64_t interval_ns = queue->settings.overload_interval_ns;
	int64_t stale_ns = now_ns - interval_ns / 4;

	return (struct backlog_moment){
		.overloaded = now_ns - queue->empty_ns >= interval_ns && oldest != NULL &&
			      oldest->arrived_ns < stale_ns,
		.stale_ns = stale_ns,
	};
}

/* queue.c: take it out of the queue, for this reason; a new window when it is time. */
void queue_drop(struct queue *queue, struct datagram *datagram, enum ledger_drop reason,
	struct datagram_list *to);
void queue_roll_window(struct queue *queue, int64_t now_ns);

/* queue_wanted.c: how many jobs a worker finishes in a batch's time; how many workers are kept busy
 * by what waits, of those that may hold some; do receivers help; is a worker wanted for what waits,
 * and the same, told to those who look without the lock; note how long these jobs took, and all
 * around them. */
unsigned queue_jobs_in_time(const struct queue *queue);
unsigned queue_workers_busy(const struct queue *queue);
bool queue_is_helped(const struct queue *queue);
bool queue_worker_is_wanted(const struct queue *queue);
bool queue_tell_wanting(struct queue *queue);
void queue_measure(struct queue *queue, const struct datagram_list *jobs, int64_t spent_ns);

#endif
