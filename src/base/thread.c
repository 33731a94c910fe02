#include "base/thread.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/lock.h"

/* What a thread brings upon itself. While it is blocked, the kernel ends the process without asking its
 * handler. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGABRT };

void thread_name(const char *name, int number)
{
	char text[32];

	if (number == THREAD_NO_NUMBER)
		(void)snprintf(text, sizeof(text), "%s", name);
	else
		(void)snprintf(text, sizeof(text), "%s%d", name, number);
	(void)prctl(PR_SET_NAME, text);
}

int thread_start(void *(*main)(void *argument), void *argument, pthread_t *ret_thread)
{
	sigset_t blocked, before;
	int error;

	(void)sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)sigdelset(&blocked, faults[i]);
	PTHREAD_OK(pthread_sigmask(SIG_SETMASK, &blocked, &before));
	error = pthread_create(ret_thread, NULL, main, argument);
	PTHREAD_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	return -error;
}

/* Sanitizers set one of their own, which they would then look for. */
void thread_use_signal_stack(void *stack, size_t size)
{
	const stack_t ours = { .ss_sp = stack, .ss_size = size };
	stack_t before;

	if (sigaltstack(NULL, &before) == 0 && (before.ss_flags & SS_DISABLE) != 0)
		(void)sigaltstack(&ours, NULL);
}

/* Linux has a nice value for each thread; 0 is the calling one. */
void thread_prefer(int steps)
{
	(void)setpriority(PRIO_PROCESS, 0, -steps);
}

void thread_join(pthread_t thread)
{
	PTHREAD_OK(pthread_join(thread, NULL));
}
