/* A handler, which is also a plug-in, that tries what its request names, "socket" say, and answers with the errno of it, 0 where it worked:
 * tests/e2e/test_privileges.py asks it. With the option `file` it tries to write there in open(), and says so. */
#include <dgramd.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct dgram_parameter parameters[] = {
	{ "file", DGRAM_TEXT, .maximum = 255, .sentence = "What open() writes." },
};

static int as_error(long result)
{
	if (result > 2)
		close((int)result);
	return result < 0 ? errno : 0;
}

static int try_execve(void)
{
	char *const nothing[] = { NULL };

	return as_error(execve("/nowhere", nothing, nothing));
}

static int try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		syscall(SYS_exit_group, 0);
	return pid < 0 ? errno : 0;
}

static int try_ptrace(void)
{
	return as_error(
		ptrace(PTRACE_PEEKDATA, getppid(), NULL, NULL) == -1 && errno != ESRCH ? -1 : 0);
}

static int try_socket(void)
{
	return as_error(socket(AF_INET, SOCK_DGRAM, 0));
}

static int try_setuid(void)
{
	return as_error(syscall(SYS_setuid, 0));
}

static int try_signal(void)
{
	return as_error(kill(getppid(), 0));
}

static int try_write(void)
{
	return as_error(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

static int try_create(void)
{
	return as_error(open("/proc/self/nothing", O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int try_truncate(void)
{
	return as_error(open("/dev/null", O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int try_unlink(void)
{
	return as_error(unlink("/dev/null/nothing"));
}

static int try_read(void)
{
	return as_error(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
}

static void *be_thread(void *argument)
{
	return argument;
}

static int try_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, be_thread, NULL);

	if (error == 0)
		pthread_join(thread, NULL);
	return error;
}

static int try_raise(void)
{
	return raise(SIGCONT) != 0 ? errno : 0;
}

static const struct {
	const char *name;
	int (*call)(void);
} probes[] = {
	{ "execve", try_execve },
	{ "fork", try_fork },
	{ "ptrace", try_ptrace },
	{ "socket", try_socket },
	{ "setuid", try_setuid },
	{ "signal", try_signal },
	{ "write", try_write },
	{ "create", try_create },
	{ "truncate", try_truncate },
	{ "unlink", try_unlink },
	{ "read", try_read },
	{ "thread", try_thread },
	{ "raise", try_raise },
};

static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (strlen(probes[i].name) == request->length &&
			memcmp(probes[i].name, request->data, request->length) == 0)
			return snprintf(reply, size, "%d", probes[i].call());
	return snprintf(reply, size, "no such probe");
}

static int write_file(void *context, const struct dgram_start *start, void **ret_state)
{
	const char *path = start->values[0].text;
	int fd;

	(void)context, (void)ret_state;
	if (path == NULL || *path == '\0')
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	dgram_log(start, DGRAM_LOG_INFO, "wrote", "%d", fd < 0 ? errno : 0);
	if (fd >= 0)
		close(fd);
	return 0;
}

static const struct dgram_handler prober = {
	.abi = DGRAM_ABI,
	.name = "prober",
	.handle = handle,
	.open = write_file,
	.parameters = parameters,
	.parameters_count = 1,
};

#ifdef PLUGIN
DGRAM_PLUGIN(prober);
#else
int main(int argc, char **argv)
{
	static const struct dgram_handler *const handlers[] = { &prober, NULL };

	return dgram_main(argc, argv, handlers);
}
#endif
