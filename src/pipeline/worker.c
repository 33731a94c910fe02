#include "pipeline/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

int worker_new(struct worker_shared *shared, unsigned number, size_t reply_bytes,
	struct log_ring *log, struct worker **ret_worker)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int error;

	if (worker == NULL)
		return -ENOMEM;
	lock_init(&worker->call.lock);
	worker->number = number;
	worker->shared = shared;
	worker->log = log;
	worker->states = calloc(shared->services_count, sizeof(*worker->states));
	error = worker->states == NULL ? -ENOMEM : reply_batch_new(reply_bytes, &worker->replies);
	if (error < 0) {
		worker_free(worker);
		return error;
	}
	worker->replies->sockets = shared->sockets;
	worker->replies->log = log;
	*ret_worker = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	reply_batch_free(worker->replies);
	lock_destroy(&worker->call.lock);
	free(worker->states);
	free(worker);
}

int worker_start(struct worker *worker)
{
	for (unsigned i = 0; i < worker->shared->services_count; i++) {
		int error = handler_worker_start(
			&worker->shared->services[i].handler, worker->number, &worker->states[i]);

		if (error < 0) {
			worker_stop(worker);
			return error;
		}
		worker->states_started++;
	}
	return 0;
}

void worker_stop(struct worker *worker)
{
	while (worker->states_started > 0) {
		unsigned i = --worker->states_started;

		handler_worker_stop(&worker->shared->services[i].handler, worker->states[i]);
	}
}

/* A plain load and store: only this thread writes. */
static void count_up(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

static void log_request(struct worker *worker, const struct service *service,
	const struct datagram *job, int64_t wait_ns, ssize_t reply_bytes)
{
	if (!log_enabled(worker->log, LOG_LEVEL_DEBUG))
		return;
	log_event(worker->log, LOG_LEVEL_DEBUG, "request",
		LOG_FIELDS(log_addr("client", &job->client), log_text("service", service->name),
			log_uint("bytes", job->length), log_int("reply_bytes", reply_bytes),
			log_int("wait_us", wait_ns / NS_PER_US),
			log_int("service_us", job->service_ns / NS_PER_US)));
}

static void log_handler_error(
	struct worker *worker, const struct service *service, const struct datagram *job, int error)
{
	uint64_t suppressed;

	if (!log_limit_pass(&worker->error_limit, sys_monotonic_ns(), &suppressed))
		return;
	log_event(worker->log, LOG_LEVEL_WARN, "handler failed",
		LOG_FIELDS(log_addr("client", &job->client), log_text("service", service->name),
			log_errno("error", error), log_uint("suppressed", suppressed)));
}

/* What the handler returned: to the reply, or into the books. */
static void settle(struct worker *worker, const struct service *service, struct datagram *job,
	ssize_t length, struct ledger *results)
{
	if (length >= 0) {
		reply_add(worker->replies, job, (size_t)length);
		return;
	}
	if (length == DGRAM_NO_REPLY) {
		results->no_reply++;
		return;
	}
	count_up(&worker->counters.errors);
	if (length == HANDLER_REPLY_TOO_LONG) {
		results->failed[FAIL_REPLY_SIZE]++;
		log_handler_error(worker, service, job, EMSGSIZE);
		return;
	}
	results->failed[FAIL_HANDLER]++;
	log_handler_error(worker, service, job, (int)-length);
}

static void *state_of(const struct worker *worker, const struct service *service)
{
	return worker->states[service - worker->shared->services];
}

static void set_call(struct worker *worker, const struct service *service,
	const struct datagram *job, int64_t since_ns)
{
	struct worker_call *call = &worker->call;

	lock_take(&call->lock);
	call->since_ns = since_ns;
	call->service = (unsigned)(service - worker->shared->services);
	call->client = job->client;
	call->told = false;
	lock_release(&call->lock);
}

/* Run the handler on one job, begun at *now_ns, which becomes the time of its end. */
static void run(struct worker *worker, struct service *service, struct datagram *job,
	int64_t *now_ns, struct ledger *results)
{
	bool watched = atomic_load_explicit(&worker->shared->watched, memory_order_relaxed);
	struct handler_request request;
	int64_t begin_ns = *now_ns;
	ssize_t length;

	handler_lend(
		job, &worker->shared->sockets[job->socket], worker->log, worker->number, &request);
	if (watched)
		set_call(worker, service, job, begin_ns);
	length = handler_run(&service->handler, state_of(worker, service), &request,
		reply_buffer(worker->replies), worker->replies->buffer_bytes);
	if (watched)
		set_call(worker, service, job, 0);
	*now_ns = sys_monotonic_ns();
	job->service_ns = *now_ns > begin_ns ? *now_ns - begin_ns : 1;
	histogram_add(&worker->counters.service_ns, job->service_ns);
	count_up(&worker->counters.requests);
	log_request(worker, service, job, begin_ns - job->arrived_ns, length < 0 ? -1 : length);
	settle(worker, service, job, length, results);
}

/* Answer those that were shed, after all others: they are in the books already. */
static void tell_busy(struct worker *worker, struct service *service, struct datagram_list *shed)
{
	struct ledger sent = { 0 };

	for (struct datagram *job = shed->first; job != NULL; job = job->next) {
		struct handler_request request;
		ssize_t length;

		handler_lend(job, &worker->shared->sockets[job->socket], worker->log,
			worker->number, &request);
		length = handler_busy(&service->handler, state_of(worker, service), &request,
			reply_buffer(worker->replies), worker->replies->buffer_bytes);
		if (length >= 0)
			reply_add(worker->replies, job, (size_t)length);
	}
	reply_send(worker->replies, &sent);
	atomic_fetch_add(&service->busy_replied, sent.replied);
	slab_give(worker->shared->slab, shed);
}

/* Jobs may have grown old while those before them in the batch ran. */
static void run_all(struct worker *worker, struct service *service,
	const struct datagram_list *jobs, int64_t now_ns, struct ledger *results)
{
	for (struct datagram *job = jobs->first; job != NULL; job = job->next) {
		if (atomic_load_explicit(&worker->shared->hurry, memory_order_relaxed))
			results->dropped[DROP_SHUTDOWN]++;
		else if (job->expires_ns <= now_ns)
			results->dropped[DROP_EXPIRED]++;
		else
			run(worker, service, job, &now_ns, results);
	}
}

/* Look at the services in turn for something to do. */
static enum worker_did take(struct worker *worker, int64_t now_ns, struct queue_share *share,
	struct service **ret_service)
{
	struct worker_shared *shared = worker->shared;
	unsigned ended = 0;

	for (unsigned i = 0; i < shared->services_count; i++) {
		unsigned index = (worker->turn + i) % shared->services_count;
		enum queue_answer answer = queue_pop(shared->services[index].queue, now_ns, share);

		slab_give(shared->slab, &share->expired);
		ended += answer == QUEUE_ENDED;
		if (answer == QUEUE_JOBS || answer == QUEUE_STALE) {
			worker->turn = (index + 1) % shared->services_count;
			*ret_service = &shared->services[index];
			return WORKER_WORKED;
		}
	}
	return ended == shared->services_count ? WORKER_ENDED : WORKER_IDLE;
}

static void serve(
	struct worker *worker, struct service *service, struct datagram_list *jobs, int64_t now_ns)
{
	struct ledger results = { 0 };

	run_all(worker, service, jobs, now_ns, &results);
	reply_send(worker->replies, &results);
	if (queue_finish(service->queue, jobs, &results))
		eventcount_notify(&worker->shared->work, 1);
	slab_give(worker->shared->slab, jobs);
}

static void work(
	struct worker *worker, struct service *service, struct queue_share *share, int64_t begin_ns)
{
	struct worker_counters *counters = &worker->counters;

	/* To tell some that they were shed may take a while, and a job may be what it was woken for. */
	if (share->more || share->jobs.count == 0)
		eventcount_notify(&worker->shared->work, 1);
	atomic_store_explicit(&counters->busy_since_ns, begin_ns, memory_order_relaxed);
	if (share->jobs.count > 0)
		serve(worker, service, &share->jobs, begin_ns);
	if (share->shed.count > 0)
		tell_busy(worker, service, &share->shed);
	atomic_store_explicit(&counters->busy_ns, counters->busy_ns + sys_monotonic_ns() - begin_ns,
		memory_order_relaxed);
	atomic_store_explicit(&counters->busy_since_ns, 0, memory_order_relaxed);
}

enum worker_did worker_step(struct worker *worker)
{
	int64_t begin_ns = sys_monotonic_ns();
	struct queue_share share;
	struct service *service;
	enum worker_did did = take(worker, begin_ns, &share, &service);

	if (did == WORKER_WORKED)
		work(worker, service, &share, begin_ns);
	return did;
}

static bool wanted(const struct worker *worker)
{
	return worker->number < atomic_load(&worker->shared->wanted);
}

/* Let whoever may be about to bring something go first: that often saves the sleep and its wake-up. Then
 * wait; what came since the last step is found here first. */
static enum worker_did step_or_wait(struct worker *worker)
{
	enum worker_did did;
	uint32_t key;

	sys_yield();
	did = worker_step(worker);
	if (did != WORKER_IDLE)
		return did;
	key = eventcount_prepare(&worker->shared->work);
	did = worker_step(worker);
	if (did == WORKER_IDLE && wanted(worker))
		eventcount_wait(&worker->shared->work, key, -1);
	else
		eventcount_cancel(&worker->shared->work);
	return did;
}

bool worker_run(struct worker *worker)
{
	enum worker_did did = WORKER_WORKED;

	while (did != WORKER_ENDED && wanted(worker)) {
		did = worker_step(worker);
		if (did == WORKER_IDLE)
			did = step_or_wait(worker);
	}
	return did == WORKER_ENDED;
}
