/* A handler, which is also a plug-in, that tries what its request names, "socket" say, and answers with the errno of it, 0 where it worked:
 * tests/e2e/test_privileges.py and test_process.py ask it. With the option `file` it tries to write there in open(),
 * and says so; with `helper` it starts a thread there, which the probe "older" has open a socket,
 * and a stream. */
#include <dgramd.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const struct dgram_parameter parameters[] = {
	{ "file", DGRAM_TEXT, .maximum = 255, .sentence = "What open() writes." },
	{ "helper", DGRAM_BOOLEAN, .sentence = "Whether open() starts a thread." },
};

static struct {
	sem_t asked, answered;
	int error;
	int stream[2];
} helper;

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

static int try_older(void)
{
	sem_post(&helper.asked);
	sem_wait(&helper.answered);
	return helper.error;
}

static int try_send(void)
{
	return as_error(send(helper.stream[0], "x", 1, 0));
}

static int try_pass(void)
{
	char byte;

	return as_error(
		write(helper.stream[0], "x", 1) == 1 ? read(helper.stream[1], &byte, 1) : -1);
}

static int try_blocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return try_socket();
}

static int try_code(void)
{
	void *memory = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? errno : 0;
}

static int try_protect(void)
{
	void *memory = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return as_error(mprotect(memory, 1, PROT_READ | PROT_EXEC));
}

static int try_memory(void)
{
	for (size_t bytes = 1; bytes <= 8 << 20; bytes *= 4) {
		char *memory = malloc(bytes), *larger;

		if (memory != NULL)
			memset(memory, 1, bytes);
		larger = realloc(memory, 2 * bytes);
		free(larger != NULL ? larger : memory);
		if (larger == NULL)
			return ENOMEM;
	}
	return 0;
}

static int try_zone(void)
{
	const time_t now = time(NULL);
	struct tm tm;

	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	return localtime_r(&now, &tm) != NULL && tm.tm_gmtoff > 0 ? 0 : ENOENT;
}

static int try_print(void)
{
	return fprintf(stderr, "it printed %f\n", 0.5) < 0 || printf("this, too\n") < 0 ||
			       fflush(stdout) != 0
		       ? errno
		       : 0;
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
	{ "older", try_older },
	{ "send", try_send },
	{ "pass", try_pass },
	{ "blocked", try_blocked },
	{ "code", try_code },
	{ "protect", try_protect },
	{ "memory", try_memory },
	{ "zone", try_zone },
	{ "print", try_print },
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

static void *help(void *argument)
{
	for (;;) {
		while (sem_wait(&helper.asked) != 0)
			;
		helper.error = try_socket();
		sem_post(&helper.answered);
	}
	return argument;
}

static int start_helper(void)
{
	pthread_t thread;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, helper.stream) < 0)
		return -errno;
	sem_init(&helper.asked, 0, 0);
	sem_init(&helper.answered, 0, 0);
	return -pthread_create(&thread, NULL, help, NULL);
}

static int open_prober(void *context, const struct dgram_start *start, void **ret_state)
{
	const char *path = start->values[0].text;
	int fd;

	(void)context, (void)ret_state;
	if (start->values[1].number != 0)
		return start_helper();
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
	.open = open_prober,
	.parameters = parameters,
	.parameters_count = 2,
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
