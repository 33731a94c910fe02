#include "core/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/lock.h"

/* An answer that is ready waits for at most so much of its batch. */
#define BATCH_NS 100000

struct queue {
	struct lock lock;
	/* all below under the lock */
	struct queue_settings settings;
	unsigned capacity;
	bool closed;
	unsigned holders; /* workers between a pop and its finish */
	int64_t job_ns;	  /* how long the handler takes: a moving mean; 0 until measured */
	struct datagram_list waiting;
	struct ledger ledger;
	uint64_t queued_max;
};

int queue_new(unsigned capacity, const struct queue_settings *settings, struct queue **ret_queue)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL)
		return -ENOMEM;
	assert(capacity > 0 && settings->max_workers > 0);
	lock_init(&queue->lock);
	queue->capacity = capacity;
	queue->settings = *settings;
	*ret_queue = queue;
	return 0;
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	assert(queue->waiting.count == 0);
	lock_destroy(&queue->lock);
	free(queue);
}

void queue_configure(struct queue *queue, const struct queue_settings *settings)
{
	assert(settings->max_workers > 0);
	lock_take(&queue->lock);
	queue->settings = *settings;
	lock_release(&queue->lock);
}

/* Move the oldest out of the queue, for this reason. */
static void drop_oldest(struct queue *queue, enum ledger_drop reason, struct datagram_list *to)
{
	datagram_list_push(to, datagram_list_pop(&queue->waiting));
	queue->ledger.queued--;
	queue->ledger.dropped[reason]++;
}

static void add(struct queue *queue, struct datagram *datagram)
{
	int64_t max_wait_ns = queue->settings.max_wait_ns;

	datagram->expires_ns = max_wait_ns > 0 ? datagram->arrived_ns + max_wait_ns : INT64_MAX;
	datagram_list_push(&queue->waiting, datagram);
	queue->ledger.queued++;
}

/* How many jobs a worker finishes in BATCH_NS. */
static unsigned jobs_in_time(const struct queue *queue)
{
	if (queue->job_ns == 0 || queue->job_ns > BATCH_NS)
		return 1;
	if (queue->job_ns * QUEUE_BATCH_MAX <= BATCH_NS)
		return QUEUE_BATCH_MAX;
	return (unsigned)(BATCH_NS / queue->job_ns);
}

static unsigned minimum(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned divide_up(unsigned a, unsigned b)
{
	return (a + b - 1) / b;
}

/* As many as will be kept busy by what waits, of those that may hold some. */
static unsigned workers_wanted(const struct queue *queue)
{
	if (queue->holders >= queue->settings.max_workers)
		return 0;
	return minimum(divide_up(queue->waiting.count, jobs_in_time(queue)),
		queue->settings.max_workers - queue->holders);
}

unsigned queue_push(struct queue *queue, struct datagram_list *batch,
	const struct ledger *admission, int64_t now_ns, struct datagram_list *ret_dropped)
{
	unsigned wanted;

	lock_take(&queue->lock);
	assert(!queue->closed || batch->count == 0);
	ledger_add(&queue->ledger, admission);
	while (batch->count > 0) {
		if (queue->waiting.count == queue->capacity) {
			bool expired = queue->waiting.first->expires_ns <= now_ns;

			drop_oldest(queue, expired ? DROP_EXPIRED : DROP_QUEUE_FULL, ret_dropped);
		}
		add(queue, datagram_list_pop(batch));
	}
	if (queue->waiting.count > queue->queued_max)
		queue->queued_max = queue->waiting.count;
	wanted = workers_wanted(queue);
	lock_release(&queue->lock);
	return wanted;
}

/* At most a batch, so that the slots outside of the queue stay bounded too. */
static void expire(struct queue *queue, int64_t now_ns, struct datagram_list *expired)
{
	while (expired->count < QUEUE_BATCH_MAX && queue->waiting.count > 0 &&
		queue->waiting.first->expires_ns <= now_ns)
		drop_oldest(queue, DROP_EXPIRED, expired);
}

/* What waits, divided among the workers that it keeps busy: a few quick jobs are best done by one.
 */
static void take_share(struct queue *queue, struct datagram_list *jobs)
{
	unsigned share = minimum(
		jobs_in_time(queue), divide_up(queue->waiting.count, workers_wanted(queue)));

	while (share-- > 0) {
		struct datagram *job = datagram_list_pop(&queue->waiting);

		job->service_ns = 0;
		datagram_list_push(jobs, job);
	}
	queue->ledger.queued -= jobs->count;
	queue->ledger.running += jobs->count;
	queue->holders++;
}

enum queue_answer queue_pop(struct queue *queue, int64_t now_ns, struct queue_share *ret_share)
{
	enum queue_answer answer = QUEUE_EMPTY;

	*ret_share = (struct queue_share){ 0 };
	lock_take(&queue->lock);
	expire(queue, now_ns, &ret_share->expired);
	if (ret_share->expired.count == QUEUE_BATCH_MAX) {
		answer = QUEUE_STALE;
	} else if (queue->waiting.count == 0) {
		answer = queue->closed ? QUEUE_ENDED : QUEUE_EMPTY;
	} else if (queue->holders < queue->settings.max_workers) {
		take_share(queue, &ret_share->jobs);
		ret_share->more = workers_wanted(queue) > 0;
		answer = QUEUE_JOBS;
	}
	lock_release(&queue->lock);
	return answer;
}

/* The moving mean of the last few batches; jobs that were not run took no time and do not count. */
static void measure(struct queue *queue, const struct datagram_list *jobs)
{
	int64_t sum_ns = 0, run = 0, mean_ns;

	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		sum_ns += job->service_ns;
		run += job->service_ns > 0;
	}
	if (run == 0)
		return;
	mean_ns = sum_ns / run;
	if (queue->job_ns > 0)
		mean_ns = (7 * queue->job_ns + mean_ns) / 8;
	queue->job_ns = mean_ns > 0 ? mean_ns : 1;
}

bool queue_finish(
	struct queue *queue, const struct datagram_list *jobs, const struct ledger *results)
{
	bool freed;

	lock_take(&queue->lock);
	assert(queue->holders > 0 && queue->ledger.running >= jobs->count);
	ledger_add(&queue->ledger, results);
	queue->ledger.running -= jobs->count;
	assert(ledger_balances(&queue->ledger));
	measure(queue, jobs);
	freed = queue->holders >= queue->settings.max_workers && queue->waiting.count > 0;
	queue->holders--;
	lock_release(&queue->lock);
	return freed;
}

void queue_close(struct queue *queue)
{
	lock_take(&queue->lock);
	queue->closed = true;
	lock_release(&queue->lock);
}

void queue_discard(struct queue *queue, struct datagram_list *ret_dropped)
{
	lock_take(&queue->lock);
	while (queue->waiting.count > 0)
		drop_oldest(queue, DROP_SHUTDOWN, ret_dropped);
	lock_release(&queue->lock);
}

void queue_snapshot(struct queue *queue, struct ledger *ret_ledger, uint64_t *ret_queued_max)
{
	lock_take(&queue->lock);
	*ret_ledger = queue->ledger;
	*ret_queued_max = queue->queued_max;
	lock_release(&queue->lock);
}
