/* The loop of a pool's worker. */
#include "base/sys.h"
#include "engine/worker.h"

static bool is_wanted(const struct worker *worker)
{
	return worker->number < atomic_load(&worker->shared->demand.wanted);
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
		eventcount_wait(&demand->work, key, worker_idle_ns(worker->shared));
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
