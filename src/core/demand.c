#include "core/demand.h"

#include <limits.h>

void demand_wake(struct demand *demand)
{
	if (atomic_load(&demand->needed) != 0 && !atomic_exchange(&demand->wakeup_pending, true))
		eventcount_notify(&demand->work, 1);
}

void demand_wake_all(struct demand *demand)
{
	eventcount_notify(&demand->work, UINT_MAX);
}

uint64_t demand_look(struct demand *demand)
{
	atomic_store(&demand->wakeup_pending, false);
	return atomic_load(&demand->needed);
}

void demand_close(struct demand *demand)
{
	atomic_store(&demand->closed, true);
	demand_wake_all(demand);
}
