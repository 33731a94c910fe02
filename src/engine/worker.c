/* DESIGN: only worker_run() waits, for the demand (core/demand.h); worker_step() does one batch. A pool's
 * worker that has finished one looks for the next, so it wakes nobody for what it has freed.
 *
 *	a pool's free worker		takes from
 *	one of several, or the last	each service that needs one, and holds it until its batch is done
 *	the last, but a service that	that one alone: so a slow service has the whole pool only when the others
 *	none holds needs one, or had	have nothing to do. That the time is over a worker sees that watches it;
 *	one within KEPT_NS		all else is done by a worker that looks afterwards */
#include "engine/worker.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "engine/outside.h"

/* How long a service that had work counts as one that is about to have more. Of requests that come every half a
 * second beside a service of 300 ms that all 4 workers are too few for, 76 % are answered within 100 ms with
 * 100 ms, 83 % with 300 ms, and all with a second (sim --neighbours). It costs the slow one a worker. */
#define KEPT_NS NS_PER_S

/* --- running a batch */

#define RECORD(place, value) atomic_store_explicit(&(place), value, memory_order_release)

/* A plain load and store: only this thread writes. */
static void count_up(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
		memory_order_relaxed);
}

/* A request of its batch that the handler ran on. The client word by word, because others may read it meanwhile. */
static inline void record(
	struct worker *worker, const struct datagram *job, int64_t begin_ns, ssize_t result)
{
	struct recorder *recorder = &worker->recorder;
	uint64_t count = atomic_load_explicit(&recorder->count, memory_order_relaxed);
	struct recorder_slot *slot = &recorder->slots[count % RECORDER_SLOTS];
	uint64_t v6[2];

	RECORD(slot->client, addr_word(&job->client));
	if (job->addr_bytes == sizeof(job->client.in6)) {
		memcpy(v6, &job->client.in6.sin6_addr, sizeof(v6));
		RECORD(slot->v6[0], v6[0]);
		RECORD(slot->v6[1], v6[1]);
		RECORD(slot->scope, job->client.in6.sin6_scope_id);
	}
	RECORD(slot->bytes, job->length);
	RECORD(slot->arrived_ns, job->arrived_ns);
	RECORD(slot->begin_ns, begin_ns);
	RECORD(slot->service_ns, job->service_ns);
	RECORD(slot->result, (int32_t)result);
	RECORD(slot->service, atomic_load_explicit(&recorder->service, memory_order_relaxed));
	RECORD(recorder->count, count + 1);
}

void worker_record(
	struct worker *worker, const struct datagram *job, int64_t begin_ns, ssize_t result)
{
	record(worker, job, begin_ns, result);
}

/* What is the same for all jobs of a batch. */
struct serving {
	struct worker *worker;
	struct service *service;
	struct worker_counters *counters;
	void *state;
	bool logged;
	bool tracked;
	int unrecorded; /* jobs before the first that is recorded, and less than 0 from there on */
	struct handler_request request;
	struct answer answer;
};

static void serving_init(struct serving *serving, struct worker *worker, struct service *service,
	struct ledger *results)
{
	serving->worker = worker;
	serving->service = service;
	serving->counters = &worker->counters[service - worker->shared->services];
	serving->state = worker->states[service - worker->shared->services];
	RECORD(worker->recorder.service, (uint32_t)(service - worker->shared->services));
	serving->tracked = atomic_load_explicit(&worker->shared->track_calls, memory_order_relaxed);
	serving->logged = atomic_load_explicit(&worker->shared->log_requests, memory_order_relaxed);
	handler_request_init(&serving->request, &service->handler, worker->shared->sockets,
		worker->log, worker->number);
	serving->request.answer = &serving->answer;
	RECORD(worker->recorder.running, &serving->request.datagram);
	worker->replies->losses = &service->losses[LEDGER_REASON(0)];
	serving->answer = (struct answer){
		.door = &service->door,
		.replies = worker->replies,
		.results = results,
		.losses = service->losses,
		.bytes_max = service->reply_bytes,
		.length = -1,
		.unasked =
			!atomic_load_explicit(&service->door.looks_closer, memory_order_relaxed) &&
			!atomic_load_explicit(&service->limiter.on, memory_order_relaxed),
	};
}

/* What the handler returned besides a first reply: into the books, where only the first thing counts that became
 * of the job. */
static void record_other(struct serving *serving, const struct datagram *job, ssize_t length)
{
	struct ledger *results = serving->answer.results;
	bool first = serving->answer.length < 0;
	enum ledger_failure failure;

	if (length >= 0)
		(void)answer_now(&serving->answer, job, serving->worker->replies->next_buffer,
			(size_t)length);
	answer_end(&serving->answer, job);
	if (length >= 0)
		return;
	if (length == DGRAM_NO_REPLY) {
		results->no_reply += first;
		return;
	}
	count_up(&serving->counters->errors, 1);
	failure = length == HANDLER_REPLY_TOO_LONG ? FAIL_REPLY_SIZE
		  : length == -ECHILD		   ? FAIL_CHILD
						   : FAIL_HANDLER;
	results->failed[failure] += first;
	if (first)
		loss_note(&serving->service->losses[LEDGER_REASON(failure)], job, 0,
			failure == FAIL_REPLY_SIZE ? EMSGSIZE : (int)-length);
}

static inline ssize_t run_handler(const struct serving *serving)
{
	return handler_run(&serving->service->handler, serving->state, &serving->request,
		serving->answer.replies->next_buffer, serving->service->reply_bytes);
}

static ssize_t run_tracked(
	const struct serving *serving, const struct datagram *job, int64_t begin_ns)
{
	ssize_t length;

	running_call_begin(&serving->worker->running_call,
		(unsigned)(serving->service - serving->worker->shared->services), &job->client,
		begin_ns);
	length = run_handler(serving);
	running_call_end(&serving->worker->running_call);
	return length;
}

/* Run the handler on one job. The last ones of a batch are recorded, because no others will be read; all, where each
 * is logged. Returns the time of its end. */
static int64_t run_job(struct serving *serving, struct datagram *job, int64_t begin_ns)
{
	int64_t end_ns;
	ssize_t length, before;

	handler_lend(&serving->request, job);
	if (serving->tracked)
		length = run_tracked(serving, job, begin_ns);
	else
		length = run_handler(serving);
	end_ns = sys_monotonic_ns();
	job->service_ns = (end_ns - begin_ns) | 1; /* never 0 */
	histogram_add(&serving->counters->service_ns, job->service_ns);
	if (--serving->unrecorded < 0) {
		before = serving->answer.length;
		record(serving->worker, job, begin_ns, before < 0 ? length : before);
		if (serving->logged)
			worker_log_request(serving->worker, serving->service, job,
				begin_ns - job->arrived_ns, length < 0 ? before : length);
	}
	if (length < 0 || serving->answer.length >= 0)
		record_other(serving, job, length);
	else if (serving->answer.unasked || answer_may_add(&serving->answer, job, (size_t)length))
		reply_add(serving->answer.replies, job, (size_t)length);
	return end_ns;
}

static void drop_job(
	struct serving *serving, struct datagram *job, enum ledger_drop reason, int64_t now_ns)
{
	job->service_ns = 0;
	serving->unrecorded--;
	serving->answer.results->dropped[reason]++;
	loss_note(&serving->service->losses[reason], job, now_ns - job->arrived_ns, 0);
}

static void note_wait(
	const struct serving *serving, const struct datagram *job, int64_t begin_ns, unsigned count)
{
	if (job->service_ns == 0) /* it was not run */
		return;
	histogram_add_many(&serving->counters->wait_ns, begin_ns - job->arrived_ns, count);
	histogram_add_shared(&serving->service->queue_waits, begin_ns - job->received_ns, count);
}

/* Jobs of a batch waited for about as long, so the first one stands for a half of them and the last one for the
 * other: to measure each costs 4 % of an echo's instructions. */
static void note_waits(const struct serving *serving, const struct datagram_list *jobs,
	int64_t begin_ns, int64_t end_ns)
{
	note_wait(serving, jobs->first, begin_ns, jobs->count - jobs->count / 2);
	if (jobs->count > 1)
		note_wait(serving, jobs->last, end_ns - jobs->last->service_ns, jobs->count / 2);
}

/* A job may expire while those before it in the batch run, and answers that are ready must not wait for
 * a slow one. Returns when all was done. */
static int64_t run_batch(struct worker *worker, struct service *service, struct datagram_list *jobs,
	int64_t now_ns, struct ledger *ret_results)
{
	const atomic_bool *aborting = &worker->shared->aborting;
	const int64_t begin_ns = now_ns;
	int64_t due_ns = now_ns + QUEUE_BATCH_NS;
	struct reply_batch *replies = worker->replies;
	struct serving serving;

	serving_init(&serving, worker, service, ret_results);
	*ret_results = (struct ledger){ 0 };
	serving.unrecorded =
		serving.tracked || serving.logged ? 0 : (int)jobs->count - (int)RECORDER_REQUESTS;
	for (struct datagram *job = jobs->first; job != NULL; job = job->next) {
		if (atomic_load_explicit(aborting, memory_order_relaxed))
			drop_job(&serving, job, DROP_SHUTDOWN, now_ns);
		else if (job->expires_ns <= now_ns)
			drop_job(&serving, job, DROP_EXPIRED, now_ns);
		else
			now_ns = run_job(&serving, job, now_ns);
		if (now_ns > due_ns || replies->full) {
			if (job->service_ns > QUEUE_BATCH_NS && service->queue != NULL)
				queue_put_behind(service->queue, job, jobs);
			reply_send(replies, ret_results);
			now_ns = sys_monotonic_ns(); /* because that may have waited */
			due_ns = now_ns + QUEUE_BATCH_NS;
		}
	}
	RECORD(worker->recorder.running, NULL);
	if (jobs->first != NULL)
		note_waits(&serving, jobs, begin_ns, now_ns);
	reply_send(replies, ret_results);
	count_up(&serving.counters->requests, jobs->count - ret_results->dropped[DROP_SHUTDOWN] -
						      ret_results->dropped[DROP_EXPIRED]);
	return sys_monotonic_ns();
}

/* --- the last free worker */

/* Until when it is kept for a service that no worker holds. */
static int64_t kept_until_ns(const struct worker_shared *shared)
{
	uint64_t needed = atomic_load(&shared->demand.needed);
	bool closed = atomic_load(&shared->demand.closed);
	int64_t until_ns = 0;

	for (unsigned i = 0; i < shared->services_count; i++) {
		const struct service *service = &shared->services[i];
		int64_t ns = closed ? 0 : atomic_load(&service->held_ns) + KEPT_NS;

		if ((needed & DEMAND_BIT(i)) != 0)
			ns = INT64_MAX;
		if (ns > until_ns && atomic_load(&service->holders) == 0)
			until_ns = ns;
	}
	return until_ns;
}

/* Is one more than `busy` the last, and kept? */
static bool is_kept(const struct worker_shared *shared, uint64_t busy, int64_t now_ns)
{
	return WORKERS_BUSY(busy) + 1 >= atomic_load(&shared->demand.wanted) &&
	       kept_until_ns(shared) > now_ns;
}

#define BUSY_CHANGE (UINT64_C(1) << 32)

/* Have one more worker hold the service; false: the last one is kept for others. It counts as a holder first, so
 * that of two that come at once each sees the other; and nobody may have come or gone since it was decided
 * that the last one is not kept. */
static bool hold(struct worker_shared *shared, struct service *service, int64_t now_ns)
{
	uint64_t busy = atomic_load(&shared->busy);

	atomic_fetch_add(&service->holders, 1);
	while (atomic_load(&service->holders) == 1 || !is_kept(shared, busy, now_ns))
		if (atomic_compare_exchange_weak(&shared->busy, &busy, busy + BUSY_CHANGE + 1))
			return true;
	atomic_fetch_sub(&service->holders, 1);
	return false;
}

/* Then look again: others may have left their service for this worker's sake. */
static void let_go(struct worker_shared *shared, struct service *service, int64_t now_ns)
{
	atomic_store(&service->held_ns, now_ns);
	atomic_fetch_sub(&service->holders, 1);
	atomic_fetch_add(&shared->busy, BUSY_CHANGE - 1);
}

/* May a free worker, if there is one, take work of any of these services? */
static bool may_take_any(const struct worker_shared *shared, uint64_t services, int64_t now_ns)
{
	if (!is_kept(shared, atomic_load(&shared->busy), now_ns))
		return true;
	for (; services != 0; services &= services - 1)
		if (atomic_load(&shared->services[__builtin_ctzll(services)].holders) == 0)
			return true;
	return false;
}

int64_t worker_kept_ns(const struct worker_shared *shared)
{
	int64_t left_ns = kept_until_ns(shared) - sys_monotonic_ns();

	return left_ns < 0 ? 0 : left_ns < KEPT_NS ? left_ns : KEPT_NS;
}

/* --- wake-ups */

void worker_wake(struct worker_shared *shared, int64_t now_ns)
{
	struct demand *demand = &shared->demand;
	uint64_t needed = atomic_load(&demand->needed);

	if (needed != 0 &&
		(!atomic_load(&demand->watched) || may_take_any(shared, needed, now_ns)) &&
		!atomic_exchange(&demand->wakeup_pending, true))
		eventcount_notify(&demand->work, 1);
}

/* --- steps */

/* Of these services, the one whose turn it is. */
static unsigned first_in_turn(uint64_t services, unsigned turn)
{
	uint64_t from_turn = services >> turn << turn;

	return (unsigned)__builtin_ctzll(from_turn != 0 ? from_turn : services);
}

/* Hold the first service, in turn, that needs a worker and may have this one, and pop a batch. NULL: none. */
static struct service *pop_any(struct worker *worker, int64_t now_ns, struct queue_batch *batch)
{
	struct worker_shared *shared = worker->shared;
	uint64_t needed;

	atomic_store(&shared->demand.wakeup_pending, false);
	needed = atomic_load(&shared->demand.needed);
	while (needed != 0) {
		unsigned index = first_in_turn(needed, worker->turn);
		struct service *service = &shared->services[index];

		needed &= ~DEMAND_BIT(index);
		if (!hold(shared, service, now_ns))
			continue;
		if (queue_pop(service->queue, now_ns, batch)) {
			worker->turn = (index + 1) % DEMAND_SERVICES_MAX;
			return service;
		}
		let_go(shared, service, now_ns);
		needed = atomic_load(&shared->demand.needed);
	}
	return NULL;
}

/* The pop may have waited for the queue's lock, which is no handler's time. */
static int64_t finish_batch(
	struct worker *worker, struct service *service, struct datagram_list *jobs)
{
	struct ledger results;
	int64_t begin_ns = sys_monotonic_ns(), end_ns;

	if (service->outside != NULL)
		end_ns = outside_run(worker, service, jobs, begin_ns, &results);
	else
		end_ns = run_batch(worker, service, jobs, begin_ns, &results);
	queue_finish(service->queue, jobs, &results, end_ns - begin_ns);
	slab_give(worker->shared->slab, jobs);
	return end_ns;
}

static void begin_busy(struct worker_counters *counters, int64_t now_ns)
{
	atomic_store_explicit(&counters->busy_since_ns, now_ns, memory_order_relaxed);
}

static void end_busy(struct worker_counters *counters, int64_t spent_ns)
{
	atomic_store_explicit(
		&counters->busy_ns, counters->busy_ns + spent_ns, memory_order_relaxed);
	atomic_store_explicit(&counters->busy_since_ns, 0, memory_order_relaxed);
}

/* Returns when all was done. */
static int64_t work_on(
	struct worker *worker, struct service *service, struct queue_batch *batch, int64_t begin_ns)
{
	struct worker_counters *counters = &worker->counters[service - worker->shared->services];
	int64_t end_ns = begin_ns;

	begin_busy(counters, begin_ns);
	slab_give(worker->shared->slab, &batch->expired);
	if (batch->jobs.count > 0)
		end_ns = finish_batch(worker, service, &batch->jobs);
	end_busy(counters, end_ns - begin_ns);
	return end_ns;
}

void worker_run_inline(struct worker *worker, struct datagram_list *jobs, int64_t now_ns,
	struct ledger *ret_results)
{
	struct worker_counters *counters =
		&worker->counters[worker->only - worker->shared->services];
	int64_t end_ns;

	begin_busy(counters, now_ns);
	end_ns = run_batch(worker, worker->only, jobs, now_ns, ret_results);
	end_busy(counters, end_ns - now_ns);
}

enum worker_result worker_step(struct worker *worker)
{
	int64_t begin_ns = sys_monotonic_ns(), end_ns;
	struct queue_batch batch;
	struct service *service = pop_any(worker, begin_ns, &batch);

	if (service == NULL)
		return worker_have_all_ended(worker->shared) ? WORKER_ENDED : WORKER_IDLE;
	worker_wake(worker->shared, begin_ns);
	end_ns = work_on(worker, service, &batch, begin_ns);
	let_go(worker->shared, service, end_ns);
	return WORKER_WORKED;
}

enum worker_result worker_assist(struct worker *worker)
{
	int64_t now_ns = sys_monotonic_ns();
	struct queue_batch batch;
	bool found = queue_assist(worker->only->queue, now_ns, &batch);

	worker_wake(worker->shared, now_ns);
	if (!found)
		return WORKER_IDLE;
	now_ns = work_on(worker, worker->only, &batch, now_ns);
	worker_wake(worker->shared, now_ns);
	return WORKER_WORKED;
}
