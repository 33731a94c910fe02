#include "core/queue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/lock.h"

/* An answer that is ready waits for at most so much of its batch. */
#define BATCH_NS 100000

/* A receiver does not help while the slowest call of late took longer: it must get back to its
 * socket. */
#define HELP_SLOW_NS 200000

/* Helpers are left alone with a backlog that takes them so long, if it is not half of what fits: a
 * receiver that always has something to receive never helps. */
#define HELP_BACKLOG_NS 500000

struct queue {
	struct lock lock;
	atomic_bool wanting; /* written under the lock */
	/* all below under the lock */
	struct queue_shape shape;
	struct queue_settings settings;
	bool closed;
	bool left;	   /* by a receiver that got nothing and went to its socket */
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

static unsigned most_running(const struct queue_shape *shape)
{
	return shape->most_workers * QUEUE_BATCH_MAX;
}

size_t queue_bytes(const struct queue_shape *shape)
{
	return sizeof(struct queue) + backlog_bytes(shape->capacity, most_running(shape));
}

int queue_new(const struct queue_shape *shape, const struct queue_settings *settings,
	struct queue **ret_queue)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	int error;

	if (queue == NULL)
		return -ENOMEM;
	assert(shape->capacity > 0 && settings->max_workers > 0 &&
		settings->max_workers <= shape->most_workers);
	queue->shape = *shape;
	queue->settings = *settings;
	error = backlog_init(&queue->backlog, &shape->rules, shape->capacity, most_running(shape));
	if (error < 0) {
		free(queue);
		return error;
	}
	lock_init(&queue->lock);
	*ret_queue = queue;
	return 0;
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	assert(queue->shed.count == 0);
	backlog_destroy(&queue->backlog);
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

/* Take it out of the queue, for this reason. */
static void drop(struct queue *queue, struct datagram *datagram, enum ledger_drop reason,
	struct datagram_list *to)
{
	bool keep = queue->shape.keeps_shed && queue->shed.count < QUEUE_SHED_MAX;

	backlog_drop(&queue->backlog, datagram);
	datagram_list_push(keep ? &queue->shed : to, datagram);
	queue->ledger.queued--;
	queue->ledger.dropped[reason]++;
}

/* What waited for more than a quarter of the interval is stale: the simulator's curves settled it.
 * A queue that is never empty, but holds nothing stale, is busy and not overloaded. */
static struct backlog_moment moment_of(const struct queue *queue, int64_t now_ns)
{
	const struct datagram *oldest = backlog_oldest(&queue->backlog);
	int64_t interval_ns = queue->settings.overload_interval_ns;
	int64_t stale_ns = now_ns - interval_ns / 4;

	return (struct backlog_moment){
		.overloaded = oldest != NULL && oldest->arrived_ns < stale_ns &&
			      now_ns - queue->empty_ns >= interval_ns,
		.stale_ns = stale_ns,
	};
}

/* Expired ones go first. */
static void make_room(struct queue *queue, int64_t now_ns, struct datagram_list *to)
{
	struct datagram *oldest = backlog_oldest(&queue->backlog);

	if (oldest->expires_ns <= now_ns)
		drop(queue, oldest, DROP_EXPIRED, to);
	else
		drop(queue, backlog_victim(&queue->backlog), DROP_QUEUE_FULL, to);
}

static void add(struct queue *queue, struct datagram *datagram, int64_t now_ns)
{
	const struct backlog_moment moment = moment_of(queue, now_ns);
	int64_t max_wait_ns = queue->settings.max_wait_ns;

	datagram->expires_ns = max_wait_ns > 0 ? datagram->arrived_ns + max_wait_ns : INT64_MAX;
	if (queue->backlog.count == 0)
		queue->empty_ns = now_ns;
	backlog_add(&queue->backlog, datagram, &moment);
	queue->ledger.queued++;
}

static void roll_window(struct queue *queue, int64_t now_ns)
{
	if (now_ns - queue->window_ns < queue->settings.fair_window_ns)
		return;
	queue->window_ns = now_ns;
	backlog_next_window(&queue->backlog);
}

/* How many jobs a worker finishes in BATCH_NS. */
static unsigned jobs_in_time(const struct queue *queue)
{
	int64_t jobs = queue->slow_ns > 0 ? BATCH_NS / queue->slow_ns : 1;

	return jobs < 1 ? 1 : jobs > QUEUE_BATCH_MAX ? QUEUE_BATCH_MAX : (unsigned)jobs;
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
static unsigned workers_busy(const struct queue *queue)
{
	if (queue->holders >= queue->settings.max_workers)
		return 0;
	return minimum(divide_up(queue->backlog.count, jobs_in_time(queue)),
		queue->settings.max_workers - queue->holders);
}

static bool is_helped(const struct queue *queue)
{
	return queue->shape.helped && queue->slow_ns <= HELP_SLOW_NS;
}

/* For what waits. A handler that may block can keep its worker for ever, so others never wait for
 * that. */
static bool worker_is_wanted(const struct queue *queue)
{
	if (queue->backlog.count == 0 || queue->holders >= queue->settings.max_workers)
		return false;
	return !is_helped(queue) || queue->left ||
	       2 * queue->backlog.count > queue->shape.capacity ||
	       queue->backlog.count * queue->cost_ns > HELP_BACKLOG_NS;
}

/* After a change, for those who look without the lock. */
static bool tell_wanting(struct queue *queue)
{
	bool wanting = worker_is_wanted(queue);

	if (wanting != atomic_load_explicit(&queue->wanting, memory_order_relaxed))
		atomic_store(&queue->wanting, wanting);
	return wanting;
}

bool queue_wants_worker(const struct queue *queue)
{
	return atomic_load(&queue->wanting);
}

bool queue_push(struct queue *queue, struct datagram_list *batch, const struct ledger *admission,
	int64_t now_ns, struct datagram_list *ret_dropped)
{
	bool wanted;

	backlog_prepare(&queue->backlog, batch);
	lock_take(&queue->lock);
	backlog_expect(&queue->backlog, batch);
	roll_window(queue, now_ns);
	assert(!queue->closed || batch->count == 0);
	ledger_add(&queue->ledger, admission);
	queue->left = false; /* for it comes to help */
	while (batch->count > 0) {
		if (queue->backlog.count == queue->shape.capacity)
			make_room(queue, now_ns, ret_dropped);
		add(queue, datagram_list_pop(batch), now_ns);
	}
	if (queue->backlog.count > queue->queued_max)
		queue->queued_max = queue->backlog.count;
	wanted = tell_wanting(queue);
	lock_release(&queue->lock);
	return wanted;
}

/* At most a batch, so that the slots outside of the queue stay bounded too. */
static void expire(struct queue *queue, int64_t now_ns, struct datagram_list *expired)
{
	struct datagram *oldest;

	while (expired->count < QUEUE_BATCH_MAX &&
		(oldest = backlog_oldest(&queue->backlog)) != NULL && oldest->expires_ns <= now_ns)
		drop(queue, oldest, DROP_EXPIRED, expired);
}

/* What waits, divided among the workers that it keeps busy: few quick ones are best done by one. */
static unsigned share_of(const struct queue *queue)
{
	return minimum(jobs_in_time(queue),
		divide_up(queue->backlog.count, is_helped(queue) ? 1 : workers_busy(queue)));
}

static void take_share(struct queue *queue, int64_t now_ns, struct datagram_list *jobs)
{
	unsigned share = share_of(queue);

	while (share-- > 0) {
		struct backlog_moment moment = moment_of(queue, now_ns);
		struct datagram *job = backlog_take(&queue->backlog, &moment, queue->mean_ns);

		if (job == NULL)
			break;
		job->service_ns = 0;
		datagram_list_push(jobs, job);
	}
	queue->ledger.queued -= jobs->count;
	queue->ledger.running += jobs->count;
	queue->holders += jobs->count > 0;
}

/* With the lock. */
static enum queue_answer pop(struct queue *queue, int64_t now_ns, struct queue_share *ret_share)
{
	enum queue_answer answer = QUEUE_EMPTY;

	roll_window(queue, now_ns);
	expire(queue, now_ns, &ret_share->expired);
	datagram_list_append(&ret_share->shed, &queue->shed);
	if (ret_share->expired.count == QUEUE_BATCH_MAX) {
		answer = QUEUE_STALE;
	} else if (queue->backlog.count == 0) {
		answer = queue->closed && ret_share->shed.count == 0 ? QUEUE_ENDED : QUEUE_EMPTY;
	} else if (queue->holders < queue->settings.max_workers) {
		take_share(queue, now_ns, &ret_share->jobs);
		ret_share->more = tell_wanting(queue) && ret_share->jobs.count > 0;
		answer = ret_share->jobs.count > 0 ? QUEUE_JOBS : QUEUE_EMPTY;
	}
	if (answer == QUEUE_EMPTY && ret_share->shed.count > 0)
		answer = QUEUE_STALE;
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
	queue->left = false;
	if (is_helped(queue))
		answer = pop(queue, now_ns, ret_share);
	queue->left = answer == QUEUE_EMPTY && queue->backlog.count > 0;
	if (queue->left)
		(void)tell_wanting(queue);
	lock_release(&queue->lock);
	return answer;
}

/* How long the handler takes: the mean, and the slowest of late, so that one which blocks now and
 * then is not taken for a quick one. */
static void measure(struct queue *queue, const struct datagram_list *jobs)
{
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		if (job->service_ns == 0)
			continue;
		queue->mean_ns += (job->service_ns - queue->mean_ns) / 16;
		queue->slow_ns -= queue->slow_ns / 64;
		if (job->service_ns > queue->slow_ns)
			queue->slow_ns = job->service_ns;
		if (queue->mean_ns > queue->slow_ns) /* by what was cut off in dividing */
			queue->mean_ns = queue->slow_ns;
	}
}

bool queue_finish(struct queue *queue, const struct datagram_list *jobs,
	const struct ledger *results, int64_t spent_ns)
{
	bool wanted, freed = false;

	lock_take(&queue->lock);
	assert(queue->holders > 0 && queue->ledger.running >= jobs->count);
	for (struct datagram *job = jobs->first; job != NULL; job = job->next)
		freed |= backlog_finish(&queue->backlog, job);
	ledger_add(&queue->ledger, results);
	queue->ledger.running -= jobs->count;
	assert(ledger_balances(&queue->ledger));
	wanted = worker_is_wanted(queue);
	measure(queue, jobs);
	queue->cost_ns += (spent_ns / jobs->count - queue->cost_ns) / 16;
	queue->holders--;
	freed |= tell_wanting(queue) && !wanted;
	lock_release(&queue->lock);
	return freed;
}

bool queue_end_help(struct queue *queue)
{
	bool wanted;

	lock_take(&queue->lock);
	queue->shape.helped = false;
	wanted = tell_wanting(queue);
	lock_release(&queue->lock);
	return wanted;
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
	while (queue->backlog.count > 0)
		drop(queue, backlog_oldest(&queue->backlog), DROP_SHUTDOWN, ret_dropped);
	datagram_list_append(ret_dropped, &queue->shed);
	lock_release(&queue->lock);
}

void queue_snapshot(struct queue *queue, struct queue_report *ret_report)
{
	lock_take(&queue->lock);
	*ret_report = (struct queue_report){ queue->ledger, queue->queued_max, queue->mean_ns };
	lock_release(&queue->lock);
}
