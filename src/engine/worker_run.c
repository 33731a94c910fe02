/* The loop of a pool's worker, and its end. */
#include <limits.h>

#include "base/sys.h"
#include "engine/worker.h"

void worker_wake_all(struct worker_shared *shared)
{
	eventcount_notify(&shared->demand.work, UINT_MAX);
}

void worker_close(struct worker_shared *shared)
{
	atomic_store(&shared->demand.closed, true);
	worker_wake_all(shared);
}

bool worker_have_all_ended(const struct worker_shared *shared)
{
	if (!atomic_load(&shared->demand.closed))
		return false;
	for (unsigned i = 0; i < shared->services_count; i++) {
		struct queue_report report = { 0 };

		if (shared->services[i].queue != NULL)
			queue_snapshot(shared->services[i].queue, &report);
		if (report.ledger.queued > 0)
			return false;
	}
	return true;
}

static bool is_wanted(const struct worker *worker)
{
	return worker->number < atomic_load(&worker->shared->demand.wanted);
}

/* What waits although it looked is not its to take, as long as it is kept for others: it watches the time. */
static void wait_for_work(struct worker_shared *shared, uint32_t key)
{
	struct demand *demand = &shared->demand;

	if (atomic_load(&demand->needed) == 0) {
		eventcount_wait(&demand->work, key, -1);
		return;
	}
	atomic_store(&demand->watched, true);
	eventcount_wait(&demand->work, key, worker_kept_ns(shared));
	atomic_store(&demand->watched, false);
}

/* Yield first: the thread that is about to bring something often runs then, which saves the sleep and
 * its wake-up. */
static enum worker_result step_or_wait(struct worker *worker)
{
	struct demand *demand = &worker->shared->demand;
	enum worker_result result;
	uint32_t key;

	atomic_store(&demand->wakeup_pending, true);
	sys_yield();
	key = eventcount_key(&demand->work);
	result = worker_step(worker);
	if (result == WORKER_IDLE && is_wanted(worker))
		wait_for_work(worker->shared, key);
	return result;
}

bool worker_run(struct worker *worker)
{
	enum worker_result result = WORKER_WORKED;

	while (result != WORKER_ENDED && is_wanted(worker)) {
		result = worker_step(worker);
		if (result == WORKER_IDLE)
			result = step_or_wait(worker);
	}
	return result == WORKER_ENDED;
}
