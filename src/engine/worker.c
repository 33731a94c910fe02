#include "engine/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

int worker_new(struct worker_shared *shared, const struct worker_identity *identity,
	size_t reply_bytes, struct worker **ret_worker)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int error;

	if (worker == NULL)
		return -ENOMEM;
	lock_init(&worker->watch.lock);
	worker->number = identity->number;
	worker->only = identity->only;
	worker->log = identity->log;
	worker->shared = shared;
	worker->states = calloc(shared->services_count, sizeof(*worker->states));
	worker->started = calloc(shared->services_count, sizeof(*worker->started));
	error = worker->states == NULL || worker->started == NULL
			? -ENOMEM
			: reply_batch_new(reply_bytes, &worker->replies);
	if (error < 0) {
		worker_free(worker);
		return error;
	}
	worker->replies->sockets = shared->sockets;
	worker->replies->log = identity->log;
	*ret_worker = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	reply_batch_free(worker->replies);
	lock_destroy(&worker->watch.lock);
	free(worker->states);
	free(worker->started);
	free(worker);
}

static bool serves(const struct worker *worker, const struct service *service)
{
	return worker->only != NULL ? worker->only == service : service->queue != NULL;
}

int worker_start(struct worker *worker)
{
	for (unsigned i = 0; i < worker->shared->services_count; i++) {
		struct service *service = &worker->shared->services[i];
		int error = 0;

		if (!serves(worker, service))
			continue;
		error = handler_worker_start(&service->handler, worker->number, &worker->states[i]);
		if (error < 0) {
			worker_stop(worker);
			return error;
		}
		worker->started[i] = true;
	}
	return 0;
}

void worker_stop(struct worker *worker)
{
	for (unsigned i = worker->shared->services_count; i-- > 0;) {
		if (worker->started[i])
			handler_worker_stop(
				&worker->shared->services[i].handler, worker->states[i]);
		worker->started[i] = false;
	}
}

void worker_call(struct worker_shared *shared)
{
	if (!atomic_exchange(&shared->called, true))
		eventcount_notify(&shared->work, 1);
}

/* Look at the services in turn for something to do. */
static enum worker_did take(struct worker *worker, int64_t now_ns, struct queue_batch *batch,
	struct service **ret_service)
{
	struct worker_shared *shared = worker->shared;
	unsigned ended = 0;

	atomic_store(&shared->called, false);
	for (unsigned i = 0; i < shared->services_count; i++) {
		unsigned index = (worker->turn + i) % shared->services_count;
		struct service *service = &shared->services[index];
		enum queue_result answer = QUEUE_ENDED;

		if (serves(worker, service)) {
			answer = queue_pop(service->queue, now_ns, batch);
			slab_give(shared->slab, &batch->expired);
		}
		ended += answer == QUEUE_ENDED;
		if (answer == QUEUE_JOBS || answer == QUEUE_DROPS) {
			worker->turn = (index + 1) % shared->services_count;
			*ret_service = service;
			return WORKER_WORKED;
		}
	}
	return ended == shared->services_count ? WORKER_ENDED : WORKER_IDLE;
}

/* The services it did not look at may have something, too: what was pushed there relied on it. */
static bool others_wait(const struct worker *worker, const struct service *service)
{
	const struct worker_shared *shared = worker->shared;

	for (unsigned i = 0; i < shared->services_count; i++)
		if (&shared->services[i] != service && serves(worker, &shared->services[i]) &&
			queue_wants_worker(shared->services[i].queue))
			return true;
	return false;
}

static int64_t finish(struct worker *worker, struct service *service, struct datagram_list *jobs,
	int64_t begin_ns)
{
	struct ledger results;
	int64_t end_ns = worker_serve(worker, service, jobs, begin_ns, &results);

	if (queue_finish(service->queue, jobs, &results, end_ns - begin_ns))
		worker_call(worker->shared);
	slab_give(worker->shared->slab, jobs);
	return end_ns;
}

static void begin_busy(struct worker *worker, int64_t now_ns)
{
	atomic_store_explicit(&worker->counters.busy_since_ns, now_ns, memory_order_relaxed);
}

static void end_busy(struct worker *worker, int64_t spent_ns)
{
	struct worker_counters *counters = &worker->counters;

	atomic_store_explicit(
		&counters->busy_ns, counters->busy_ns + spent_ns, memory_order_relaxed);
	atomic_store_explicit(&counters->busy_since_ns, 0, memory_order_relaxed);
}

static void work(
	struct worker *worker, struct service *service, struct queue_batch *batch, int64_t begin_ns)
{
	int64_t end_ns = begin_ns;

	begin_busy(worker, begin_ns);
	if (batch->jobs.count > 0)
		end_ns = finish(worker, service, &batch->jobs, begin_ns);
	if (batch->shed.count > 0)
		end_ns = worker_tell_busy(worker, service, &batch->shed);
	end_busy(worker, end_ns - begin_ns);
}

void worker_run_inline(struct worker *worker, struct datagram_list *jobs, int64_t now_ns,
	struct ledger *ret_results)
{
	begin_busy(worker, now_ns);
	end_busy(worker, worker_serve(worker, worker->only, jobs, now_ns, ret_results) - now_ns);
}

enum worker_did worker_step(struct worker *worker)
{
	int64_t begin_ns = sys_monotonic_ns();
	struct queue_batch batch;
	struct service *service;
	enum worker_did did = take(worker, begin_ns, &batch, &service);

	if (did != WORKER_WORKED)
		return did;
	/* To tell some that they were shed may take a while, and a job may be what it was called for. */
	if (batch.more || batch.jobs.count == 0 || others_wait(worker, service))
		worker_call(worker->shared);
	work(worker, service, &batch, begin_ns);
	return WORKER_WORKED;
}

enum worker_did worker_assist(struct worker *worker)
{
	int64_t begin_ns = sys_monotonic_ns();
	struct queue_batch batch;
	enum queue_result answer = queue_assist(worker->only->queue, begin_ns, &batch);

	slab_give(worker->shared->slab, &batch.expired);
	if (batch.more)
		worker_call(worker->shared);
	if (answer != QUEUE_JOBS && answer != QUEUE_DROPS)
		return WORKER_IDLE;
	work(worker, worker->only, &batch, begin_ns);
	return WORKER_WORKED;
}

static bool wanted(const struct worker *worker)
{
	return worker->number < atomic_load(&worker->shared->wanted);
}

/* Let whoever may be about to bring something go first: that often saves the sleep and its wake-up;
 * meanwhile nobody need be called. Then wait; what came since the last step is found here first. */
static enum worker_did step_or_wait(struct worker *worker)
{
	enum worker_did did;
	uint32_t key;

	atomic_store(&worker->shared->called, true);
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
