/* The loop of a pool's worker. */
#include "base/sys.h"
#include "engine/worker.h"

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
