#include "process/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#define FOR_WRITING (O_ACCMODE | O_CREAT | O_TRUNC)
#define NAMESPACES                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		CLONE_NEWPID | CLONE_NEWNET)

/* Memory; what is open, and what can be read; waiting, threads and time; signals; who it is; its end. */
static const char *const allowed[] = { "brk", "munmap", "mremap", "madvise", "read", "readv",
	"pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2",
	"lseek", "fsync", "fdatasync", "close", "close_range", "dup", "dup2", "dup3", "stat",
	"fstat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat", "getdents64", "getcwd", "poll", "ppoll", "select", "pselect6", "epoll_wait",
	"epoll_pwait", "epoll_pwait2", "futex", "set_robust_list", "rseq", "sched_yield",
	"sched_getaffinity", "restart_syscall", "clock_gettime", "clock_getres", "clock_nanosleep",
	"nanosleep", "gettimeofday", "time", "times", "getrusage", "getrlimit", "getcpu", "uname",
	"sysinfo", "getrandom", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending",
	"rt_sigsuspend", "rt_sigtimedwait", "sigaltstack", "pause", "getpid", "gettid", "getppid",
	"getuid", "geteuid", "getgid", "getegid", "getgroups", "getresuid", "getresgid", "getpgrp",
	"getpgid", "getsid", "exit", "exit_group", NULL };

/* Some are of another kind of machine, or newer than the libseccomp. */
static int allow_names(scmp_filter_ctx filter)
{
	int error = 0;

	for (const char *const *name = allowed; error == 0 && *name != NULL; name++) {
		int number = seccomp_syscall_resolve_name(*name);

		if (number != __NR_SCMP_ERROR)
			error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return error;
}

/* Memory that holds no code, reading, threads, and signals to this process. clone3(2) has its flags in memory, where
 * no filter sees them: without it glibc uses clone(2). */
static int allow_by_argument(scmp_filter_ctx filter)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();
	const struct {
		int number;
		struct scmp_arg_cmp argument;
	} known[] = {
		{ SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		{ SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		{ SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, FOR_WRITING, 0) },
		{ SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, FOR_WRITING, 0) },
		{ SCMP_SYS(clone),
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | NAMESPACES, CLONE_THREAD) },
		{ SCMP_SYS(kill), SCMP_A0(SCMP_CMP_EQ, self, 0) },
		{ SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, self, 0) },
		{ SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFD, 0) },
		{ SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_SETFD, 0) },
		{ SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFL, 0) },
		{ SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_DUPFD, 0) },
		{ SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0) },
		{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, TCGETS, 0) },
		{ SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0) },
		{ SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0, 0) },
	};
	int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; error == 0 && i < sizeof(known) / sizeof(known[0]); i++)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, known[i].number, 1, known[i].argument);
	return error;
}

/* False: it is not known where this machine has it. */
static bool set_result(ucontext_t *context, int result)
{
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RAX] = result;
	return true;
#elif defined(__aarch64__)
	context->uc_mcontext.regs[0] = (unsigned long long)result;
	return true;
#else
	(void)context, (void)result;
	return false;
#endif
}

/* The kernel has not made the system call. */
static void write_number(int signal, siginfo_t *info, void *context)
{
	static const char words[] = "child.sandbox refused the system call ";
	char text[sizeof(words) + sizeof("2147483647")], *at = text + sizeof(text);
	int left = info->si_syscall;

	(void)signal;
	if (info->si_code <= 0) /* of a process, not of the kernel */
		return;
	*--at = '\n';
	do
		*--at = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	at -= sizeof(words) - 1;
	memcpy(at, words, sizeof(words) - 1);
	if (write(STDERR_FILENO, at, (size_t)(text + sizeof(text) - at)) < 0 ||
		!set_result(context, -EPERM))
		abort();
}

static int fill(scmp_filter_ctx filter)
{
	int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (error == 0)
		error = allow_names(filter);
	return error == 0 ? allow_by_argument(filter) : error;
}

int filter_load(const char *word)
{
	const struct sigaction action = { .sa_sigaction = write_number, .sa_flags = SA_SIGINFO };
	bool logs = strcmp(word, "log") == 0;
	scmp_filter_ctx filter;
	int error;

	if (strcmp(word, "off") == 0)
		return 0;
	if (!logs && strcmp(word, "enforce") != 0)
		return -EINVAL;
	if (logs && sigaction(SIGSYS, &action, NULL) < 0)
		return -errno;
	filter = seccomp_init(logs ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM));
	error = filter != NULL ? fill(filter) : -ENOMEM;
	if (error == 0)
		error = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	return error;
}
