/* Threads with a name, and with all signals blocked but those of their own faults: signals are the main
 * thread's. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

/* Start a thread. -errno, mostly -EAGAIN. */
int thread_start(void *(*main)(void *argument), void *argument, pthread_t *ret_thread);

/* Name the calling thread `name`, or `name` and a number: "dgram/w" 3 makes "dgram/w3", of which the kernel keeps 15
 * bytes. Each thread names itself: another one's name is a file of /proc, which landlock(7) may close. */
#define THREAD_NO_NUMBER -1
void thread_name(const char *name, int number);

/* What a thread calls before it serves; -errno keeps it from that. NULL: nothing. */
struct thread_prologue {
	int (*call)(void *context);
	void *context;
};

static inline int thread_begin(const struct thread_prologue *prologue)
{
	return prologue->call != NULL ? prologue->call(prologue->context) : 0;
}

/* Have signal handlers that ask for it (SA_ONSTACK) run on this stack in the calling thread, unless it has such
 * a stack: after an overflow of its own there is no other. Lent until the thread ends. */
#define THREAD_SIGNAL_STACK 32768
void thread_use_signal_stack(void *stack, size_t size);

/* Prefer the calling thread on a contended processor by this many steps of nice(2), if RLIMIT_NICE or
 * CAP_SYS_NICE allow it. */
void thread_prefer(int steps);

void thread_join(pthread_t thread);

#endif
