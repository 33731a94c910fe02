#include "base/eventcount.h"

#include "base/sys.h"

uint32_t eventcount_key(const struct eventcount *ec)
{
	return atomic_load(&ec->epoch);
}

void eventcount_wait(struct eventcount *ec, uint32_t key, int64_t timeout_ns)
{
	atomic_fetch_add(&ec->waiters, 1);
	if (atomic_load(&ec->epoch) == key)
		sys_futex_wait(&ec->epoch, key, timeout_ns);
	atomic_fetch_sub(&ec->waiters, 1);
}

void eventcount_notify(struct eventcount *ec, unsigned count)
{
	atomic_fetch_add(&ec->epoch, 1);
	if (atomic_load(&ec->waiters) > 0)
		sys_futex_wake(&ec->epoch, count);
}
