#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/landlock.h"

/* Of no use to the process or its children. glibc has all threads change their user together, and ends the process
 * if some can and others cannot. */
static const char *const never[] = { "setuid", "setgid", "setreuid", "setregid", "setresuid",
	"setresgid", "setfsuid", "setfsgid", "setgroups", "capset", "chroot", "pivot_root", "mount",
	"umount2", "move_mount", "open_tree", "fsopen", "fsmount", "mount_setattr", "unshare",
	"setns", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
	"reboot", "bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl",
	"open_by_handle_at", "io_uring_setup", "io_uring_enter", "io_uring_register", NULL };

/* Nor to a thread that serves: programs, other processes, new sockets, changes of files. */
static const char *const serving[] = { "execve", "execveat", "fork", "vfork", "ptrace",
	"process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_open", "pidfd_getfd",
	"pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill", "socket",
	"socketpair", "connect", "bind", "listen", "accept", "accept4", "creat", "openat2",
	"truncate", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
	"unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "chmod", "fchmod",
	"fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr",
	"fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "utime", "utimes", "utimensat",
	"futimesat", NULL };

/* Some are newer than the libseccomp, or of another kind of machine. */
static int refuse_names(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
	int error = 0;

	for (; error == 0 && *names != NULL; names++) {
		int number = seccomp_syscall_resolve_name(*names);

		if (number != __NR_SCMP_ERROR)
			error = seccomp_rule_add(filter, action, number, 0);
	}
	return error;
}

/* Reading stays allowed, and so do threads, and signals to this process. clone3(2) has its flags in memory, where no
 * filter sees them: without it glibc uses clone(2). */
static int refuse_by_argument(scmp_filter_ctx filter, uint32_t action)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();
	const struct {
		int number;
		struct scmp_arg_cmp argument;
	} refused[] = {
		{ SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_WRONLY) },
		{ SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDWR) },
		{ SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_CREAT, O_CREAT) },
		{ SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_TRUNC, O_TRUNC) },
		{ SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_WRONLY) },
		{ SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDWR) },
		{ SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_CREAT, O_CREAT) },
		{ SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_TRUNC, O_TRUNC) },
		{ SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0) },
		{ SCMP_SYS(kill), SCMP_A0(SCMP_CMP_NE, self, 0) },
		{ SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_NE, self, 0) },
		{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCSTI) },
	};
	int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; error == 0 && i < sizeof(refused) / sizeof(refused[0]); i++)
		error = seccomp_rule_add(filter, action, refused[i].number, 1, refused[i].argument);
	return error;
}

/* Programs for another kind of machine have other numbers. The kernel's log has what is refused, too. */
static int fill_filter(scmp_filter_ctx filter, enum config_sandbox mode, bool serves)
{
	const bool enforces = mode == CONFIG_SANDBOX_ENFORCE;
	const uint32_t action = enforces ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_LOG;
	int error = seccomp_attr_set(
		filter, SCMP_FLTATR_ACT_BADARCH, enforces ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_LOG);

	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (error == 0)
		error = refuse_names(filter, action, serves ? serving : never);
	if (error == 0 && serves)
		error = refuse_by_argument(filter, action);
	return error;
}

/* A filter of the calling thread. */
static int enter(enum config_sandbox mode, bool serves)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter != NULL ? fill_filter(filter, mode, serves) : -ENOMEM;

	if (error == 0)
		error = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	return error;
}

int sandbox_enter(enum config_sandbox mode, const char *log_target, int *ret_landlock)
{
	int error = 0;

	*ret_landlock = 0;
	if (mode == CONFIG_SANDBOX_ENFORCE)
		error = landlock_enter(log_target, ret_landlock);
	return error < 0 || mode == CONFIG_SANDBOX_OFF ? error : enter(mode, false);
}

static char *describe_for(enum config_sandbox mode, const char *log_target)
{
	char *text;

	return asprintf(&text, "%s %d %s", dgram_version(), (int)mode, log_target) < 0 ? NULL
										       : text;
}

char *sandbox_describe(enum config_sandbox mode, const char *log_target, int landlock)
{
	char *which = describe_for(mode, log_target), *text = NULL;

	if (which != NULL && asprintf(&text, SANDBOX_VARIABLE "=%d %s", landlock, which) < 0)
		text = NULL;
	free(which);
	return text;
}

bool sandbox_is_entered(enum config_sandbox mode, const char *log_target, int *ret_landlock)
{
	const char *text = getenv(SANDBOX_VARIABLE);
	char *which = describe_for(mode, log_target);
	int landlock, end = 0;
	bool entered = text != NULL && which != NULL && prctl(PR_GET_SECCOMP) == 2 &&
		       sscanf(text, "%d %n", &landlock, &end) == 1 && end > 0 &&
		       strcmp(text + end, which) == 0;

	if (entered)
		*ret_landlock = landlock;
	(void)unsetenv(SANDBOX_VARIABLE);
	free(which);
	return entered;
}

int sandbox_enter_thread(enum config_sandbox mode)
{
	return mode == CONFIG_SANDBOX_OFF ? 0 : enter(mode, true);
}
