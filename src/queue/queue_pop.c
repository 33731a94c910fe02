/* What workers take of a queue, and what they bring back. */
#include <string.h>

#include "queue/queue_internal.h"

/* At most a batch, so that the slots outside of the queue stay bounded too. */
static void expire(struct queue *queue, int64_t now_ns, struct datagram_list *expired)
{
	struct datagram *oldest;

	while (expired->count < QUEUE_BATCH_MAX &&
		(oldest = backlog_oldest(&queue->backlog)) != NULL && oldest->expires_ns <= now_ns)
		queue_drop(queue, oldest, DROP_EXPIRED, expired);
}

/* What waits, divided among the workers that it keeps busy: few quick ones are best done by one. */
static unsigned share_of(const struct queue *queue)
{
	return minimum(queue_jobs_in_time(queue),
		divide_up(queue->backlog.count,
			queue_is_helped(queue) ? 1 : queue_workers_busy(queue)));
}

static void take_one_by_one(
	struct queue *queue, int64_t now_ns, unsigned share, struct datagram_list *jobs)
{
	while (share-- > 0) {
		struct backlog_moment moment = queue_moment(queue, now_ns);
		struct datagram *job = backlog_take(&queue->backlog, &moment, queue->mean_ns);

		if (job == NULL)
			break;
		datagram_list_push(jobs, job);
	}
}

/* A slow handler is charged for when it begins, so that who keeps it busy does not go first. */
static bool is_quick(const struct queue *queue)
{
	return queue_jobs_in_time(queue) > 1;
}

static void take_share(struct queue *queue, int64_t now_ns, struct datagram_list *jobs)
{
	unsigned share = share_of(queue);

	if (share < queue->backlog.count || !is_quick(queue) ||
		!backlog_take_all(&queue->backlog, jobs))
		take_one_by_one(queue, now_ns, share, jobs);
	queue->ledger.queued -= jobs->count;
	queue->ledger.running += jobs->count;
	queue->holders += jobs->count > 0;
}

/* With the lock. */
static enum queue_answer pop(struct queue *queue, int64_t now_ns, struct queue_share *ret_share)
{
	enum queue_answer answer = QUEUE_EMPTY;

	queue_roll_window(queue, now_ns);
	expire(queue, now_ns, &ret_share->expired);
	datagram_list_append(&ret_share->shed, &queue->shed);
	if (ret_share->expired.count == QUEUE_BATCH_MAX) {
		answer = QUEUE_STALE;
	} else if (queue->backlog.count == 0) {
		answer = queue->closed && ret_share->shed.count == 0 ? QUEUE_ENDED : QUEUE_EMPTY;
	} else if (queue->holders < queue->settings.max_workers) {
		take_share(queue, now_ns, &ret_share->jobs);
		answer = ret_share->jobs.count > 0 ? QUEUE_JOBS : QUEUE_EMPTY;
	}
	if (answer == QUEUE_EMPTY && ret_share->shed.count > 0)
		answer = QUEUE_STALE;
	ret_share->more = queue_tell_wanting(queue) && ret_share->jobs.count > 0;
	return answer;
}

enum queue_answer queue_pop(struct queue *queue, int64_t now_ns, struct queue_share *ret_share)
{
	enum queue_answer answer;

	*ret_share = (struct queue_share){ 0 };
	lock_take(&queue->lock);
	answer = pop(queue, now_ns, ret_share);
	lock_release(&queue->lock);
	return answer;
}

enum queue_answer queue_help(struct queue *queue, int64_t now_ns, struct queue_share *ret_share)
{
	enum queue_answer answer = QUEUE_EMPTY;

	*ret_share = (struct queue_share){ 0 };
	lock_take(&queue->lock);
	queue->passed_ns = 0;
	queue->left = false;
	if (queue_is_helped(queue))
		answer = pop(queue, now_ns, ret_share);
	queue->left = answer == QUEUE_EMPTY && queue->backlog.count > 0;
	if (queue->left)
		(void)queue_tell_wanting(queue);
	lock_release(&queue->lock);
	return answer;
}

static bool same_source(const struct datagram *a, const struct datagram *b)
{
	return memcmp(&a->source, &b->source, sizeof(a->source)) == 0;
}

void queue_put_behind(const struct queue *queue, struct datagram *slow, struct datagram_list *jobs)
{
	struct datagram_list others = { 0 }, same = { 0 };

	if (queue->shape.rules.discipline == BACKLOG_FIFO || slow->flow != NULL)
		return;
	for (struct datagram *job = slow->next, *next; job != NULL; job = next) {
		next = job->next;
		datagram_list_push(same_source(job, slow) ? &same : &others, job);
	}
	datagram_list_append(&others, &same);
	slow->next = others.first;
	if (others.last != NULL)
		jobs->last = others.last;
}

bool queue_finish(struct queue *queue, const struct datagram_list *jobs,
	const struct ledger *results, int64_t spent_ns)
{
	bool wanted, freed;

	lock_take(&queue->lock);
	assert(queue->holders > 0 && queue->ledger.running >= jobs->count);
	freed = backlog_finish(&queue->backlog, jobs);
	ledger_add(&queue->ledger, results);
	queue->ledger.running -= jobs->count;
	assert(ledger_balances(&queue->ledger));
	wanted = queue_worker_is_wanted(queue);
	queue_measure(queue, jobs, spent_ns);
	queue->holders--;
	freed |= queue_tell_wanting(queue) && !wanted;
	lock_release(&queue->lock);
	return freed;
}
