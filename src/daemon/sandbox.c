#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/landlock.h"

/* Of no use to the process or its children. glibc has all threads change their user together, and ends the process
 * if some can and others cannot. */
static const char *const never[] = { "setuid", "setgid", "setreuid", "setregid", "setresuid",
	"setresgid", "setfsuid", "setfsgid", "setgroups", "capset", "chroot", "pivot_root", "mount",
	"umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
	"mount_setattr", "unshare", "setns", "init_module", "finit_module", "delete_module",
	"kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl",
	"quotactl_fd", "bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl",
	"open_by_handle_at", "io_uring_setup", "io_uring_enter", "io_uring_register",
	"settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname",
	"setdomainname", "iopl", "ioperm", "syslog", "vhangup", NULL };

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

static int refuse_names(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
	int error = 0;

	for (; error == 0 && *names != NULL; names++) {
		int number = seccomp_syscall_resolve_name(*names);

		if (number !=
			__NR_SCMP_ERROR) /* newer than this libseccomp, or of another kind of machine */
			error = seccomp_rule_add(filter, action, number, 0);
	}
	return error;
}

/* `flags`: which argument has those of open(2). */
static int refuse_writing(scmp_filter_ctx filter, uint32_t action, int number, unsigned flags)
{
	static const struct {
		scmp_datum_t mask, value;
	} writing[] = {
		{ O_ACCMODE, O_WRONLY },
		{ O_ACCMODE, O_RDWR },
		{ O_CREAT, O_CREAT },
		{ O_TRUNC, O_TRUNC },
	};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof(writing) / sizeof(writing[0]); i++)
		error = seccomp_rule_add(filter, action, number, 1,
			SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, writing[i].mask, writing[i].value));
	return error;
}

/* Threads, and signals to this process, stay allowed. clone3(2) has its flags in memory, where no filter sees them:
 * without it glibc uses clone(2). */
static int refuse_by_argument(scmp_filter_ctx filter, uint32_t action)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int error = refuse_writing(filter, action, SCMP_SYS(open), 1);

	if (error == 0)
		error = refuse_writing(filter, action, SCMP_SYS(openat), 2);
	if (error == 0)
		error = seccomp_rule_add(filter, action, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (error == 0)
		error = seccomp_rule_add(
			filter, action, SCMP_SYS(kill), 1, SCMP_A0(SCMP_CMP_NE, self, 0));
	if (error == 0)
		error = seccomp_rule_add(
			filter, action, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_NE, self, 0));
	if (error == 0)
		error = seccomp_rule_add(filter, action, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCSTI));
	return error;
}

/* Programs for another kind of machine have other numbers. */
static int make_filter(enum config_sandbox mode, bool serves, scmp_filter_ctx filter)
{
	const bool enforces = mode == CONFIG_SANDBOX_ENFORCE;
	const uint32_t action = enforces ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_LOG;
	int error = seccomp_attr_set(
		filter, SCMP_FLTATR_ACT_BADARCH, enforces ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_LOG);

	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (error == 0)
		error = refuse_names(filter, action, serves ? serving : never);
	if (error == 0 && serves)
		error = refuse_by_argument(filter, action);
	return error;
}

static int read_program(int fd, struct sock_fprog *ret_program)
{
	struct stat status;
	struct sock_filter *filter;

	if (fstat(fd, &status) < 0)
		return -errno;
	filter = malloc((size_t)status.st_size);
	if (filter == NULL)
		return -ENOMEM;
	if (pread(fd, filter, (size_t)status.st_size, 0) != status.st_size) {
		free(filter);
		return -EIO;
	}
	ret_program->filter = filter;
	ret_program->len = (unsigned short)((size_t)status.st_size / sizeof(*filter));
	return 0;
}

static int compile(enum config_sandbox mode, bool serves, struct sock_fprog *ret_program)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int error = filter == NULL ? -ENOMEM : fd < 0 ? -errno : 0;

	if (error == 0)
		error = make_filter(mode, serves, filter);
	if (error == 0)
		error = seccomp_export_bpf(filter, fd);
	if (error == 0)
		error = read_program(fd, ret_program);
	if (filter != NULL)
		seccomp_release(filter);
	if (fd >= 0)
		(void)close(fd);
	return error;
}

/* The kernel's log has what is refused, too. */
static int load_filter(const struct sock_fprog *program)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, program) < 0
		       ? -errno
		       : 0;
}

int sandbox_enter(enum config_sandbox mode, const char *log_target, struct sandbox *ret_sandbox)
{
	struct sandbox sandbox = { .mode = mode };
	struct sock_fprog process = { 0 };
	int error = 0;

	if (mode != CONFIG_SANDBOX_OFF)
		error = compile(mode, false, &process);
	if (error == 0 && mode != CONFIG_SANDBOX_OFF)
		error = compile(mode, true, &sandbox.thread);
	if (error == 0 && mode == CONFIG_SANDBOX_ENFORCE)
		error = landlock_enter(log_target, &sandbox.landlock);
	if (error == 0 && mode != CONFIG_SANDBOX_OFF)
		error = load_filter(&process);
	free(process.filter);
	if (error < 0)
		sandbox_free(&sandbox);
	else
		*ret_sandbox = sandbox;
	return error;
}

int sandbox_enter_thread(const struct sandbox *sandbox)
{
	return sandbox->mode == CONFIG_SANDBOX_OFF ? 0 : load_filter(&sandbox->thread);
}

void sandbox_free(struct sandbox *sandbox)
{
	free(sandbox->thread.filter);
	sandbox->thread.filter = NULL;
}
