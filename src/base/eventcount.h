/* An eventcount: a thread sleeps until something that it checks itself may have changed.
 *
 *	waiter:   key = eventcount_key(ec);
 *		  if (there is no work) eventcount_wait(ec, key, -1);
 *	notifier: make work; eventcount_notify(ec, 1);
 *
 * DESIGN (no lost wake-up): the key is the epoch before the waiter looked for work. Wait counts the
 * waiter, then compares the epoch; notify raises the epoch, then reads the count. All four are
 * sequentially consistent, so either notify sees the waiter and wakes it, or the waiter sees the new
 * epoch and does not sleep. A condition variable would do as well without glibc bug 25847 (a lost
 * wake-up), for which Debian 12's changelog lists no fix. Thread: any. */
#ifndef BASE_EVENTCOUNT_H
#define BASE_EVENTCOUNT_H

#include <stdatomic.h>
#include <stdint.h>

struct eventcount {
	_Atomic uint32_t epoch;
	_Atomic uint32_t waiters;
};

uint32_t eventcount_key(const struct eventcount *ec);

/* Returns after a notify since the key was read, after `timeout_ns` (-1: for ever), or for no reason. */
void eventcount_wait(struct eventcount *ec, uint32_t key, int64_t timeout_ns);

/* Wake at most `count` waiters. */
void eventcount_notify(struct eventcount *ec, unsigned count);

#endif
