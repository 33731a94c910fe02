#include "daemon/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

int signals_open(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t taken;
	int fd;

	(void)sigemptyset(&taken);
	(void)sigaddset(&taken, SIGTERM);
	(void)sigaddset(&taken, SIGINT);
	(void)sigaddset(&taken, SIGHUP);
	(void)sigaddset(&taken, SIGUSR1);
	(void)sigaddset(&taken, SIGUSR2);
	/* Children that are ignored leave no status. */
	if (sigprocmask(SIG_BLOCK, &taken, NULL) < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0 ||
		sigaction(SIGXFSZ, &ignore, NULL) < 0 || sigaction(SIGCHLD, &by_default, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int signals_next(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}
