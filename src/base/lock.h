/* Mutexes, and the rule that keeps them simple: every lock is a leaf. A thread that holds one takes no
 * other, which a count in each thread asserts, and makes no system call. There are two exceptions. Under
 * the log's lock lines are written while the log has no writer; under that of the admin endpoint connections are shut. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <assert.h>
#include <pthread.h>

/* pthread calls that fail only when the program is wrong. */
#define PTHREAD_OK(call)                     \
	do {                                 \
		int pthread_error_ = (call); \
		assert(pthread_error_ == 0); \
		(void)pthread_error_;        \
	} while (0)

struct lock {
	pthread_mutex_t mutex;
};

void lock_init(struct lock *lock);
void lock_destroy(struct lock *lock);
void lock_take(struct lock *lock);
void lock_release(struct lock *lock);

#endif
