#include "daemon/pace.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

void pace_exit(int status)
{
	const struct timespec second = { .tv_sec = 1 };
	const char *enabled = getenv("SUPERVISOR_ENABLED");
	sigset_t ending;

	if (enabled == NULL || *enabled == '\0' ||
		(status != EX_UNAVAILABLE && status != EX_OSERR && status != EX_NOPERM))
		return;
	(void)sigemptyset(&ending);
	(void)sigaddset(&ending, SIGTERM);
	(void)sigaddset(&ending, SIGINT);
	(void)sigtimedwait(&ending, NULL, &second);
}
