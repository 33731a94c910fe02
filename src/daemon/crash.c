#include "daemon/crash.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

/* Of a crash, SIGABRT of abort(3) and of a supervisor's watchdog, and SIGQUIT of who wants a core. */
static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGABRT, SIGQUIT };

static struct dgram_server *_Atomic watched;

/* By then the signal has its default action again. What an instruction caused comes again when that is
 * repeated, with all that a core dump shows; what somebody sent does not, nor a system call that a filter traps. */
static void report_and_die(int signal, siginfo_t *info, void *context)
{
	struct dgram_server *server = atomic_load(&watched);
	int saved = errno;

	(void)context;
	if (server != NULL)
		dgram_server_log_crash(server, signal);
	errno = saved;
	if (info->si_code <= 0 || signal == SIGSYS)
		(void)raise(signal);
}

int crash_watch(struct dgram_server *server)
{
	struct sigaction action = {
		.sa_sigaction = report_and_die,
		.sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND),
	};
	struct sigaction before;

	atomic_store(&watched, server);
	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
		if (sigaction(fatal[i], NULL, &before) < 0)
			return -errno;
		if (before.sa_handler == SIG_DFL && sigaction(fatal[i], &action, NULL) < 0)
			return -errno;
	}
	return 0;
}

void crash_unwatch(void)
{
	atomic_store(&watched, NULL);
}
