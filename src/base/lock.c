#include "base/lock.h"

static _Thread_local unsigned locks_held;

/* Adaptive: a thread that finds it taken spins briefly before it sleeps, because locks are held for less time
 * than a sleep takes. */
void lock_init(struct lock *lock)
{
	pthread_mutexattr_t attributes;

	PTHREAD_OK(pthread_mutexattr_init(&attributes));
	PTHREAD_OK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP));
	PTHREAD_OK(pthread_mutex_init(&lock->mutex, &attributes));
	PTHREAD_OK(pthread_mutexattr_destroy(&attributes));
}

void lock_destroy(struct lock *lock)
{
	PTHREAD_OK(pthread_mutex_destroy(&lock->mutex));
}

void lock_take(struct lock *lock)
{
	assert(locks_held == 0);
	PTHREAD_OK(pthread_mutex_lock(&lock->mutex));
	locks_held++;
}

void lock_release(struct lock *lock)
{
	locks_held--;
	PTHREAD_OK(pthread_mutex_unlock(&lock->mutex));
}
