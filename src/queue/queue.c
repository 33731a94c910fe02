/* DESIGN: one mutex, a leaf, protects the backlog, the books and the measurements. Receivers push and workers pop and
 * finish whole batches under it, so that a lock is taken three times a batch.
 *
 * What a job takes is measured when it is finished: the mean (service_ewma_ns) charges flows, and the recent maximum
 * (service_peak_ns) sizes batches and decides who assists, because one handler in fifty that blocks would hold up the
 * others of its batch.
 *
 * A pool's worker is needed while something waits that it may take. Where the handler never blocks, receivers that
 * have nothing to receive assist: they run it themselves, and a worker is needed only when they will not be in time.
 *
 *	handler       receivers                     backlog    worker needed
 *	may block     only receive                  any        yes
 *	never blocks  assist                        short      no
 *	never blocks  assist                        long       yes: both take from it
 *	never blocks  receive for too long (late)   any        yes
 *	never blocks  ended, forbidden or too slow  any        yes: they do not assist
 *
 * Long: over a millisecond of work or half of the capacity. Late: pushed, and did not assist for that long. */
#include "queue/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/lock.h"

/* A receiver stops assisting when a recent call took longer, because it does not receive meanwhile. At 250,000 datagrams
 * a second the smallest default buffer (256 short datagrams) is full after 1 ms. */
#define ASSIST_PEAK_NS 200000

/* The work that receivers are left alone with, and how long a worker waits for them to come. 256 echoes are 0.9 ms of
 * work (make profile: 3.5 us each), and to hand those over costs 1.25 instead of 1.09 times the bare loop (make bench). */
#define ASSIST_BACKLOG_NS 1000000

struct queue {
	struct lock lock;
	/* all below under the lock */
	struct queue_limits limits;
	struct queue_settings settings;
	bool blocked;		   /* nothing that waits may be run before something is finished */
	bool assisted;		   /* receivers assist, until they end */
	bool helpers_late;	   /* they pushed, and did not come to assist in time */
	int64_t unserved_since_ns; /* when they first pushed since they last came; 0: they came */
	unsigned active_workers;   /* between a pop that gave jobs and its finish */
	int64_t service_ewma_ns;   /* of the handler's time; 0 until it was measured */
	int64_t service_peak_ns;   /* its recent maximum */
	int64_t job_ewma_ns;	   /* of a job with its locks and sending, most of an echo */
	struct backlog backlog;
	struct ledger ledger;
	unsigned queued_peak; /* the most that waited since it was taken */
	uint64_t queued_max;  /* and ever; never less */
};

static unsigned divide_up(unsigned a, unsigned b)
{
	return (a + b - 1) / b;
}

static unsigned running_max(const struct queue_limits *limits)
{
	return limits->workers_max * QUEUE_BATCH_MAX;
}

size_t queue_bytes(const struct queue_limits *limits)
{
	return sizeof(struct queue) + backlog_bytes(limits->capacity, running_max(limits));
}

static void configure(struct queue *queue, const struct queue_settings *settings)
{
	queue->settings = *settings;
	queue->backlog.overload_interval_ns = settings->overload_interval_ns;
	queue->backlog.fair_window_ns = settings->fair_window_ns;
}

int queue_new(const struct queue_limits *limits, const struct queue_settings *settings,
	struct queue **ret_queue)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	int error;

	if (queue == NULL)
		return -ENOMEM;
	assert(limits->capacity > 0 && settings->max_workers <= limits->workers_max);
	queue->limits = *limits;
	configure(queue, settings);
	queue->assisted = limits->assisted;
	error = backlog_init(
		&queue->backlog, &limits->rules, limits->capacity, running_max(limits));
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
	backlog_destroy(&queue->backlog);
	lock_destroy(&queue->lock);
	free(queue);
}

/* --- is a worker needed */

static bool is_assisted(const struct queue *queue)
{
	return queue->assisted && queue->settings.receivers_assist &&
	       queue->service_peak_ns <= ASSIST_PEAK_NS;
}

/* How many jobs a worker finishes within a batch's time. By the recent maximum, because those behind one that blocks
 * wait for it; by the mean where receivers assist, because there none does, and where the handler is outside, because
 * answers there wait for none, and a batch of 1 costs a round trip that would keep the maximum, and so the next, as it is. */
static unsigned jobs_in_time(const struct queue *queue)
{
	bool by_mean = queue->limits.outside || is_assisted(queue);
	int64_t each_ns = by_mean ? queue->service_ewma_ns : queue->service_peak_ns;
	int64_t all_ns = queue->limits.outside ? QUEUE_BATCH_OUTSIDE_NS : QUEUE_BATCH_NS;
	int64_t jobs = each_ns > 0 ? all_ns / each_ns : 1;

	return jobs < 1 ? 1 : jobs > QUEUE_BATCH_MAX ? QUEUE_BATCH_MAX : (unsigned)jobs;
}

static bool is_backlog_long(const struct queue *queue)
{
	return queue->backlog.count * queue->job_ewma_ns > ASSIST_BACKLOG_NS ||
	       queue->backlog.count > queue->limits.capacity / 2;
}

static bool needs_worker(const struct queue *queue)
{
	if (queue->backlog.count == 0 || queue->blocked ||
		queue->active_workers >= queue->settings.max_workers)
		return false;
	return !is_assisted(queue) || queue->helpers_late || is_backlog_long(queue);
}

/* After each change. */
static void update_demand(const struct queue *queue)
{
	_Atomic uint64_t *needed = &queue->limits.demand->needed;
	uint64_t bit = DEMAND_BIT(queue->limits.service);
	bool before = (atomic_load_explicit(needed, memory_order_relaxed) & bit) != 0;
	bool now = needs_worker(queue);

	if (now && !before)
		atomic_fetch_or(needed, bit);
	else if (before && !now)
		atomic_fetch_and(needed, ~bit);
}

void queue_configure(struct queue *queue, const struct queue_settings *settings)
{
	lock_take(&queue->lock);
	configure(queue, settings);
	queue->helpers_late = true; /* who comes for what waits is not known */
	update_demand(queue);
	lock_release(&queue->lock);
}

void queue_end_assist(struct queue *queue)
{
	lock_take(&queue->lock);
	queue->assisted = false;
	update_demand(queue);
	lock_release(&queue->lock);
}

/* --- push */

/* Take one that waits out of the queue, unserved. Its wait is not noted if `now_ns` is 0. */
static void drop_one(struct queue *queue, struct datagram *datagram, enum ledger_drop reason,
	int64_t now_ns, struct datagram_list *to)
{
	struct loss *losses = queue->limits.losses;

	if (losses != NULL)
		loss_note(&losses[reason], datagram, now_ns - datagram->arrived_ns, 0);
	backlog_drop(&queue->backlog, datagram);
	datagram_list_push(to, datagram);
	queue->ledger.queued--;
	queue->ledger.dropped[reason]++;
}

/* Expired ones go first. */
static void evict_one(struct queue *queue, int64_t now_ns, struct datagram_list *to)
{
	struct datagram *oldest = backlog_oldest(&queue->backlog);
	bool expired = oldest->expires_ns <= now_ns;

	drop_one(queue, expired ? oldest : backlog_victim(&queue->backlog, now_ns),
		expired ? DROP_EXPIRED : DROP_QUEUE_FULL, now_ns, to);
}

static bool has_room_for(const struct queue *queue, const struct datagram_list *batch)
{
	return queue->backlog.count + batch->count <= queue->limits.capacity;
}

/* Queue full: insert one at a time, because making room may evict a datagram of this batch. */
static void add_all(struct queue *queue, struct datagram_list *batch, int64_t now_ns,
	struct datagram_list *ret_dropped)
{
	if (!has_room_for(queue, batch))
		backlog_expect(&queue->backlog, batch);
	while (!has_room_for(queue, batch)) {
		struct datagram_list one = { 0 };

		datagram_list_push(&one, datagram_list_pop(batch));
		if (queue->backlog.count == queue->limits.capacity)
			evict_one(queue, now_ns, ret_dropped);
		backlog_add(&queue->backlog, &one, now_ns);
	}
	if (batch->count > 0)
		backlog_add(&queue->backlog, batch, now_ns);
	if (queue->backlog.count > queue->queued_peak)
		queue->queued_peak = queue->backlog.count;
	if (queue->queued_peak > queue->queued_max)
		queue->queued_max = queue->queued_peak;
}

/* A receiver that pushes will assist, but not while it has something to receive, refused datagrams included. */
static void note_pushed(struct queue *queue, int64_t now_ns)
{
	if (queue->unserved_since_ns == 0 || queue->backlog.count == 0)
		queue->unserved_since_ns = now_ns;
	queue->helpers_late = now_ns - queue->unserved_since_ns > ASSIST_BACKLOG_NS;
}

void queue_push(struct queue *queue, struct datagram_list *batch, const struct ledger *admission,
	int64_t now_ns, struct datagram_list *ret_dropped)
{
	backlog_prepare(&queue->backlog, batch);
	lock_take(&queue->lock);
	backlog_roll_window(&queue->backlog, now_ns);
	assert(batch->count == 0 || !atomic_load(&queue->limits.demand->closed));
	queue->blocked &= batch->count == 0;
	ledger_add(&queue->ledger, admission);
	queue->ledger.queued += batch->count;
	note_pushed(queue, now_ns);
	add_all(queue, batch, now_ns, ret_dropped);
	/* More than one worker takes will have to be sorted: here, because poppers have enough to do. */
	if (queue->backlog.count > QUEUE_BATCH_MAX)
		backlog_sort(&queue->backlog, now_ns);
	update_demand(queue);
	lock_release(&queue->lock);
}

/* --- pop */

/* At most one batch, so that the slots outside of the queue stay bounded. */
static void expire(struct queue *queue, int64_t now_ns, struct datagram_list *expired)
{
	struct datagram *oldest;

	while (expired->count < QUEUE_BATCH_MAX &&
		(oldest = backlog_oldest(&queue->backlog)) != NULL && oldest->expires_ns <= now_ns)
		drop_one(queue, oldest, DROP_EXPIRED, now_ns, expired);
}

/* What waits, divided among the workers that it keeps busy, not among all: a few quick jobs are done best by one. (Divided
 * by all, an echo costs 1.9 times the bare loop, not 1.3: make bench.) */
static unsigned batch_size(const struct queue *queue)
{
	unsigned count = queue->backlog.count, jobs = jobs_in_time(queue);
	unsigned free = queue->settings.max_workers - queue->active_workers;

	if (!is_assisted(queue)) {
		unsigned workers = divide_up(count, jobs);

		count = divide_up(count, workers < free ? workers : free);
	}
	return count < jobs ? count : jobs;
}

static void take_one_by_one(
	struct queue *queue, int64_t now_ns, unsigned count, struct datagram_list *jobs)
{
	struct datagram *job;

	while (count-- > 0 &&
		(job = backlog_take(&queue->backlog, now_ns, queue->service_ewma_ns)) != NULL)
		datagram_list_push(jobs, job);
}

/* `room`: jobs at most. All that waits is taken at once, unsorted, only from a quick handler. A source that keeps a slow one
 * busy must be charged when its job begins, or it would go first again and again. */
static void take_batch(
	struct queue *queue, int64_t now_ns, unsigned room, struct datagram_list *jobs)
{
	unsigned size = batch_size(queue), count = size < room ? size : room;

	if (count < queue->backlog.count || jobs_in_time(queue) == 1 ||
		!backlog_take_all(&queue->backlog, jobs))
		take_one_by_one(queue, now_ns, count, jobs);
	queue->ledger.queued -= jobs->count;
	queue->ledger.running += jobs->count;
	queue->active_workers += jobs->count > 0;
	queue->blocked = jobs->count == 0;
}

static bool pop_locked(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch)
{
	unsigned room;

	expire(queue, now_ns, &ret_batch->expired);
	room = QUEUE_BATCH_MAX - ret_batch->expired.count;
	if (room > 0 && queue->backlog.count > 0 &&
		queue->active_workers < queue->settings.max_workers)
		take_batch(queue, now_ns, room, &ret_batch->jobs);
	update_demand(queue);
	return ret_batch->jobs.count + ret_batch->expired.count > 0;
}

bool queue_pop(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch)
{
	bool found;

	*ret_batch = (struct queue_batch){ 0 };
	lock_take(&queue->lock);
	backlog_roll_window(&queue->backlog, now_ns);
	found = pop_locked(queue, now_ns, ret_batch);
	lock_release(&queue->lock);
	return found;
}

bool queue_assist(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch)
{
	bool found = false;

	*ret_batch = (struct queue_batch){ 0 };
	lock_take(&queue->lock);
	backlog_roll_window(&queue->backlog, now_ns);
	queue->unserved_since_ns = 0;
	queue->helpers_late = false;
	if (is_assisted(queue))
		found = pop_locked(queue, now_ns, ret_batch);
	queue->helpers_late = !found && queue->backlog.count > 0;
	if (queue->helpers_late)
		update_demand(queue);
	lock_release(&queue->lock);
	return found;
}

void queue_expire(struct queue *queue, int64_t now_ns, struct datagram_list *ret_expired)
{
	lock_take(&queue->lock);
	expire(queue, now_ns, ret_expired);
	update_demand(queue);
	lock_release(&queue->lock);
}

/* --- finish */

void queue_put_behind(const struct queue *queue, struct datagram *slow, struct datagram_list *jobs)
{
	backlog_put_behind(&queue->backlog, slow, jobs);
}

/* A new value has a sixteenth of the mean's weight, and n of a batch n / (n + 15). The maximum falls by a 64th with
 * each, so that a handler that blocks once in fifty jobs is never taken for a quick one (0.984^50 leaves 46 % of its
 * peak): 0.984^n is within 6 % of (128 - n) / (128 + n) up to a whole batch. */
static void measure_jobs(struct queue *queue, const struct datagram_list *jobs, unsigned ran)
{
	int64_t sum_ns = 0, longest_ns = 0, count = ran;

	if (ran == 0)
		return;
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		sum_ns += job->service_ns;
		if (job->service_ns > longest_ns)
			longest_ns = job->service_ns;
	}
	if (queue->service_ewma_ns == 0)
		queue->service_ewma_ns = sum_ns / count;
	queue->service_ewma_ns += (sum_ns - count * queue->service_ewma_ns) / (count + 15);
	queue->service_peak_ns = queue->service_peak_ns * (128 - count) / (128 + count);
	if (longest_ns > queue->service_peak_ns)
		queue->service_peak_ns = longest_ns;
	if (queue->service_ewma_ns > queue->service_peak_ns) /* by rounding */
		queue->service_ewma_ns = queue->service_peak_ns;
}

/* What was dropped for another reason had run: its reply was held back. */
static unsigned count_run(const struct datagram_list *jobs, const struct ledger *results)
{
	return jobs->count -
	       (unsigned)(results->dropped[DROP_SHUTDOWN] + results->dropped[DROP_EXPIRED]);
}

void queue_finish(struct queue *queue, const struct datagram_list *jobs,
	const struct ledger *results, int64_t spent_ns)
{
	lock_take(&queue->lock);
	assert(queue->active_workers > 0 && queue->ledger.running >= jobs->count);
	backlog_finish(&queue->backlog, jobs);
	ledger_add(&queue->ledger, results);
	queue->ledger.running -= jobs->count;
	assert(ledger_balances(&queue->ledger));
	measure_jobs(queue, jobs, count_run(jobs, results));
	queue->job_ewma_ns += (spent_ns / jobs->count - queue->job_ewma_ns) / 16;
	queue->active_workers--;
	queue->blocked = false;
	update_demand(queue);
	lock_release(&queue->lock);
}

/* --- the end, and the books */

void queue_discard(struct queue *queue, struct datagram_list *ret_dropped)
{
	lock_take(&queue->lock);
	while (queue->backlog.count > 0)
		drop_one(queue, backlog_oldest(&queue->backlog), DROP_SHUTDOWN, 0, ret_dropped);
	update_demand(queue);
	lock_release(&queue->lock);
}

void queue_snapshot(struct queue *queue, struct queue_report *ret_report)
{
	lock_take(&queue->lock);
	*ret_report =
		(struct queue_report){ queue->ledger, queue->queued_max, queue->service_ewma_ns };
	lock_release(&queue->lock);
}

unsigned queue_take_peak(struct queue *queue)
{
	unsigned peak;

	lock_take(&queue->lock);
	peak = queue->queued_peak;
	queue->queued_peak = queue->backlog.count;
	lock_release(&queue->lock);
	return peak;
}

bool queue_rank(struct queue *queue, int64_t now_ns, struct talkers *talkers)
{
	bool more;

	lock_take(&queue->lock);
	more = backlog_rank(&queue->backlog, now_ns, talkers);
	lock_release(&queue->lock);
	return more;
}
