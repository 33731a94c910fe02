/* How long the handler takes, and so how much a worker takes at once, and who is wanted. */
#include "queue/queue_internal.h"

/* A receiver does not help while the slowest call of late took longer: it must get back to its
 * socket. */
#define HELP_SLOW_NS 200000

bool queue_is_helped(const struct queue *queue)
{
	return queue->helped && queue->slow_ns <= HELP_SLOW_NS;
}

/* By the slowest of late, for those behind one that blocks wait for it; where none does, by the
 * mean. */
unsigned queue_jobs_in_time(const struct queue *queue)
{
	int64_t each_ns = queue_is_helped(queue) ? queue->mean_ns : queue->slow_ns;
	int64_t jobs = each_ns > 0 ? QUEUE_BATCH_NS / each_ns : 1;

	return jobs < 1 ? 1 : jobs > QUEUE_BATCH_MAX ? QUEUE_BATCH_MAX : (unsigned)jobs;
}

/* As many as will be kept busy by what waits, of those that may hold some. */
unsigned queue_workers_busy(const struct queue *queue)
{
	if (queue->holders >= queue->settings.max_workers)
		return 0;
	return minimum(divide_up(queue->backlog.count, queue_jobs_in_time(queue)),
		queue->settings.max_workers - queue->holders);
}

/* More than helpers get to in time? While full batches arrive they do not even begin, so it must not
 * be that none is called before there is no room, or because nothing was measured yet. */
static bool is_backlog(const struct queue *queue)
{
	return queue->backlog.count * queue->cost_ns > HELP_BACKLOG_NS ||
	       queue->backlog.count > queue->shape.capacity / 2;
}

/* For what waits. A handler that may block can keep its worker for ever, so others never wait for
 * that. */
bool queue_worker_is_wanted(const struct queue *queue)
{
	if (queue->backlog.count == 0 || queue->holders >= queue->settings.max_workers)
		return false;
	return !queue_is_helped(queue) || queue->left || is_backlog(queue);
}

/* After a change, for those who look without the lock. */
bool queue_tell_wanting(struct queue *queue)
{
	bool wanting = queue_worker_is_wanted(queue);

	if (wanting != atomic_load_explicit(&queue->wanting, memory_order_relaxed))
		atomic_store(&queue->wanting, wanting);
	return wanting;
}

bool queue_wants_worker(const struct queue *queue)
{
	return atomic_load(&queue->wanting);
}

/* How long the handler takes: the mean, and the slowest of late, so that one which blocks now and
 * then is not taken for a quick one. */
void queue_measure(struct queue *queue, const struct datagram_list *jobs, int64_t spent_ns)
{
	int64_t mean_ns = queue->mean_ns, slow_ns = queue->slow_ns;

	for (const struct datagram *job = jobs->first; mean_ns == 0 && job != NULL; job = job->next)
		mean_ns = job->service_ns; /* of the first that was run */
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		int64_t ns = job->service_ns;

		if (ns == 0)
			continue;
		mean_ns += (ns - mean_ns) / 16;
		slow_ns -= slow_ns >> 6; /* a 64th; it is never negative */
		if (ns > slow_ns)
			slow_ns = ns;
	}
	/* By what was cut off in dividing, the mean may be above. */
	queue->mean_ns = mean_ns < slow_ns ? mean_ns : slow_ns;
	queue->slow_ns = slow_ns;
	queue->cost_ns += (spent_ns / jobs->count - queue->cost_ns) / 16;
}
