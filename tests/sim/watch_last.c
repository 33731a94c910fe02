/* What the model knows of the pool's last free worker: who holds which service it takes from the product,
 * when each had work it has seen itself. */
#include "base/clock.h"
#include "run.h"
#include "watch.h"

/* It is kept for a service that had work so recently. */
#define RECENT_NS NS_PER_S

/* The product read the clock so much before the model looks, at most: a thread may be held up between. */
#define APART_NS (100 * NS_PER_MS)

void watch_note_work(struct model *model)
{
	for (unsigned i = 0; i < SCENARIO_WORKERS_MAX; i++)
		if (the_run->worker_tasks[i] == the_run->world.running)
			model->worked_ns = the_run->world.now_ns;
}

static bool had_work(const struct model *model, int64_t within_ns)
{
	return model->worked_ns > 0 && the_run->world.now_ns - model->worked_ns < within_ns;
}

static bool must_be_kept(const struct model *model)
{
	bool closed = atomic_load(&the_run->shared.demand.closed);

	return watch_is_worker_needed(model) || (!closed && had_work(model, RECENT_NS - APART_NS));
}

static bool may_be_kept(const struct model *model)
{
	return model->ready > 0 || had_work(model, RECENT_NS + APART_NS);
}

/* For any other service that no worker holds? */
static bool is_kept(const struct model *from, bool (*is_kept_for)(const struct model *model))
{
	for (unsigned i = 0; i < the_run->scenario.services_count; i++) {
		const struct model *model = &the_run->models[i];

		if (model != from && model->queue != NULL &&
			atomic_load(&the_run->services[i].holders) == 0 && is_kept_for(model))
			return true;
	}
	return false;
}

void watch_hold(const struct model *model)
{
	unsigned holders = atomic_load(&the_run->services[model->service].holders);

	must(holders == 1 ||
			atomic_load(&the_run->shared.busy) <
				atomic_load(&the_run->shared.demand.wanted) ||
			!is_kept(model, must_be_kept),
		"service %u, which %u workers hold, took the last free one", model->service,
		holders - 1);
}

bool watch_may_have_last(const struct model *model)
{
	return atomic_load(&the_run->services[model->service].holders) == 0 ||
	       atomic_load(&the_run->shared.busy) + 1 <
		       atomic_load(&the_run->shared.demand.wanted) ||
	       !is_kept(model, may_be_kept);
}
