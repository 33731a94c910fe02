#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/lock.h"

/* What a thread brings upon itself. While it is blocked, the kernel ends the process without asking its
 * handler. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGABRT };

#define NAME_MAX_BYTES 16 /* with its NUL */

struct beginning {
	char name[NAME_MAX_BYTES];
	void *(*main)(void *argument);
	void *argument;
};

/* It names itself: another thread's name can be set through /proc alone, where a process that has changed its user
 * may not write. */
static void *begin(void *argument)
{
	struct beginning *beginning = argument;
	struct beginning own = *beginning;

	free(beginning);
	(void)prctl(PR_SET_NAME, own.name);
	return own.main(own.argument);
}

static int create(struct beginning *beginning, pthread_t *ret_thread)
{
	sigset_t blocked, before;
	int error;

	(void)sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)sigdelset(&blocked, faults[i]);
	PTHREAD_OK(pthread_sigmask(SIG_SETMASK, &blocked, &before));
	error = pthread_create(ret_thread, NULL, begin, beginning);
	PTHREAD_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	return -error;
}

int thread_start(const char *name, int number, void *(*main)(void *argument), void *argument,
	pthread_t *ret_thread)
{
	struct beginning *beginning = malloc(sizeof(*beginning));
	char text[32];
	int error;

	if (beginning == NULL)
		return -ENOMEM;
	if (number == THREAD_NO_NUMBER)
		(void)snprintf(text, sizeof(text), "%s", name);
	else
		(void)snprintf(text, sizeof(text), "%s%d", name, number);
	text[NAME_MAX_BYTES - 1] = '\0';
	memcpy(beginning->name, text, NAME_MAX_BYTES);
	beginning->main = main;
	beginning->argument = argument;
	error = create(beginning, ret_thread);
	if (error < 0)
		free(beginning);
	return error;
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
