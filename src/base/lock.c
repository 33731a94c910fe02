#include "base/lock.h"

static _Thread_local unsigned locks_held;

void lock_init(struct lock *lock)
{
	PTHREAD_OK(pthread_mutex_init(&lock->mutex, NULL));
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
