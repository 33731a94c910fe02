/* DESIGN: glibc's posix_spawn(3) does the same: a child that borrows our memory while we wait until it has executed
 * the program. So nothing is copied, however large we are, and no lock can be left taken. Until then the child may
 * only make system calls. */
#include "process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* For the child, which calls nothing deep. */
#define STACK_BYTES 32768

/* The C library's other name for clone(2): ThreadSanitizer takes that for a fork that has copied our memory. */
extern int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);

struct call {
	const struct spawn *spawn;
	pid_t parent;
	int error;
};

/* Sanitizers must not note what a child does as ours: it makes system calls itself. */
#define UNWATCHED __attribute__((no_sanitize("address", "thread", "undefined")))

/* What is ignored would stay so, and what is blocked. */
UNWATCHED static void reset_signals(void)
{
	static const long by_default[8];

	for (int signal = 1; signal < NSIG; signal++)
		(void)syscall(SYS_rt_sigaction, signal, by_default, NULL, NSIG / CHAR_BIT);
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, by_default, NULL, NSIG / CHAR_BIT);
}

/* Nobody but root may have more than before. */
UNWATCHED static long limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit now;

	if (most == 0)
		return 0;
	if (syscall(SYS_prlimit64, 0, resource, NULL, &now) < 0)
		return -1;
	if (now.rlim_max < most)
		most = now.rlim_max;
	now = (struct rlimit){ most, most };
	return syscall(SYS_prlimit64, 0, resource, &now, NULL);
}

/* Out of the way first of those that they replace. */
UNWATCHED static int place_descriptors(const struct spawn *spawn)
{
	const int end = STDERR_FILENO + 1 + (int)spawn->also_count;
	int also[SPAWN_ALSO_MAX];

	for (unsigned i = 0; i < spawn->also_count; i++) {
		also[i] = (int)syscall(SYS_fcntl, spawn->also[i], F_DUPFD, end);
		if (also[i] < 0)
			return -errno;
	}
	for (int fd = 0; fd < end; fd++)
		if (syscall(SYS_dup3, fd < 3 ? spawn->standard[fd] : also[fd - STDERR_FILENO - 1],
			    fd, 0) < 0)
			return -errno;
	return syscall(SYS_close_range, end, UINT_MAX, 0) < 0 ? -errno : 0;
}

/* That we have ended before PR_SET_PDEATHSIG shows in the parent. */
UNWATCHED static int become(const struct call *call)
{
	int error;

	if (syscall(SYS_setpgid, 0, 0) < 0 ||
		syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (syscall(SYS_getppid) != call->parent)
		return -ESRCH;
	error = place_descriptors(call->spawn);
	if (error < 0)
		return error;
	reset_signals();
	if (setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) < 0 ||
		limit(RLIMIT_DATA, call->spawn->memory_bytes) < 0 ||
		limit(RLIMIT_NOFILE, call->spawn->files) < 0)
		return -errno;
	(void)syscall(
		SYS_execve, call->spawn->path, call->spawn->arguments, call->spawn->environment);
	return -errno;
}

UNWATCHED static int become_program(void *argument)
{
	struct call *call = argument;

	call->error = become(call);
	return (int)syscall(SYS_exit_group, EXIT_FAILURE);
}

int spawn_start(const struct spawn *spawn, struct spawned *ret_spawned)
{
	_Alignas(16) char stack[STACK_BYTES];
	struct call call = { .spawn = spawn, .parent = getpid() };
	int pidfd;
	pid_t pid = __clone(become_program, stack + sizeof(stack),
		CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &call, &pidfd);

	if (pid < 0)
		return -errno;
	if (call.error == 0) {
		*ret_spawned = (struct spawned){ pid, pidfd };
		return 0;
	}
	(void)waitpid(pid, NULL, 0);
	close(pidfd);
	return call.error;
}
