#include "process/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "json/scan.h"
#include "process/program.h"

#define SAID_MAX 262144

/* How often something else is done meanwhile. */
#define TURN_MS 100

/* How much of what a plug-in writes a message shows. */
#define WROTE_MAX 160

struct child {
	pid_t pid;
	bool overdue;
	int status;		   /* as waitpid(2) has it */
	char wrote[WROTE_MAX + 1]; /* to its standard error, and by the plug-in */
	char said[SAID_MAX + 1]; /* to its standard output: the description, or why there is none */
};

/* `said` and `wrote` are what it writes to; it reads nothing. */
static int spawn(struct child *child, const char *program, const char *path, int said, int wrote)
{
	char *const arguments[] = { (char *)PROGRAM_NAME, (char *)path, NULL };
	const int standard[] = { wrote, said, wrote };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error = 0;

	sigemptyset(&none);
	sigfillset(&all);
	(void)posix_spawn_file_actions_init(&actions); /* glibc's cannot fail */
	(void)posix_spawnattr_init(&attributes);       /* nor this, nor what sets them */
	(void)posix_spawnattr_setflags(&attributes,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	for (int fd = 0; error == 0 && fd <= STDERR_FILENO; fd++)
		error = posix_spawn_file_actions_adddup2(&actions, standard[fd], fd);
	if (error == 0)
		error = posix_spawn(
			&child->pid, program, &actions, &attributes, arguments, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return -error;
}

static int find_and_spawn(struct child *child, const char *path, int said, int wrote)
{
	char program[PATH_MAX];
	int error = program_find(program);

	return error == 0 ? spawn(child, program, path, said, wrote) : error;
}

/* False: it says nothing for too long. */
static bool says_more(int said, const struct probe_meanwhile *meanwhile)
{
	struct pollfd more = { .fd = said, .events = POLLIN };
	int ready = sys_wait(&more, 1, TURN_MS);

	for (int ms = TURN_MS; ready == 0 && ms < PROBE_TIMEOUT_MS; ms += TURN_MS) {
		if (meanwhile->call != NULL)
			meanwhile->call(meanwhile->context);
		ready = sys_wait(&more, 1, TURN_MS);
	}
	return ready > 0;
}

/* To its end, at last by force, and that of all that it has left running, which may hold its end of the pipe:
 * valgrind 3.19 has no pidfd_open(2). */
static void follow(struct child *child, int said, const struct probe_meanwhile *meanwhile)
{
	size_t length = 0;
	ssize_t got = 1;

	while (got > 0 && says_more(said, meanwhile)) {
		got = read(said, child->said + length, SAID_MAX - length);
		length += got > 0 ? (size_t)got : 0;
	}
	(void)kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
		;
	child->overdue = got > 0 && WIFSIGNALED(child->status);
}

/* In a line. */
static void read_wrote(struct child *child, int wrote)
{
	ssize_t length = pread(wrote, child->wrote, WROTE_MAX, 0);

	while (length > 0 && child->wrote[length - 1] == '\n')
		child->wrote[--length] = '\0';
	while (length-- > 0)
		if (child->wrote[length] == '\n')
			child->wrote[length] = ' ';
}

/* A child that is ignored would leave no status. */
static int run(struct child *child, const char *path, const struct probe_meanwhile *meanwhile)
{
	int said[2], error, wrote;

	if (pipe2(said, O_CLOEXEC) < 0)
		return -errno;
	(void)signal(SIGCHLD, SIG_DFL);
	wrote = memfd_create("wrote", MFD_CLOEXEC);
	error = wrote < 0 ? -errno : find_and_spawn(child, path, said[1], wrote);
	close(said[1]);
	if (error == 0) {
		follow(child, said[0], meanwhile);
		read_wrote(child, wrote);
	}
	close(said[0]);
	close(wrote);
	return error;
}

/* cJSON takes any bytes. */
static bool is_utf8(const char *said)
{
	struct scan_error error;

	return scan_bytes(said, strlen(said), &error) == 0;
}

static void explain(const struct child *child, char ret_error[PROBE_ERROR_MAX])
{
	char end[64];

	if (child->status == 0 && !is_utf8(child->said)) {
		(void)snprintf(ret_error, PROBE_ERROR_MAX, "has a text that is not UTF-8");
		return;
	}
	if (child->status == W_EXITCODE(PROBE_EXPLAINED, 0) && child->said[0] != '\0') {
		(void)snprintf(
			ret_error, PROBE_ERROR_MAX, "%.*s", PROBE_ERROR_MAX - 1, child->said);
		return;
	}
	if (child->overdue)
		(void)snprintf(end, sizeof(end), "opening it takes longer than %d s",
			PROBE_TIMEOUT_MS / 1000);
	else if (WIFSIGNALED(child->status))
		(void)snprintf(end, sizeof(end), "a process that opened it died of SIG%s",
			sigabbrev_np(WTERMSIG(child->status)));
	else
		(void)snprintf(end, sizeof(end), "a process that opened it ended with %d",
			WEXITSTATUS(child->status));
	(void)snprintf(ret_error, PROBE_ERROR_MAX, "%s%s%s", end,
		child->wrote[0] != '\0' ? "; it wrote: " : "", child->wrote);
}

struct dgram_handler *probe_run(
	const char *path, const struct probe_meanwhile *meanwhile, char ret_error[PROBE_ERROR_MAX])
{
	struct child *child = calloc(1, sizeof(*child));
	struct dgram_handler *described = NULL;
	int error = child != NULL ? run(child, path, meanwhile) : -ENOMEM;

	if (error < 0)
		(void)snprintf(ret_error, PROBE_ERROR_MAX, "cannot run " PROGRAM_NAME ": %s",
			strerrordesc_np(-error));
	else if (child->status == 0 && is_utf8(child->said))
		described = description_read(child->said);
	if (error == 0 && described == NULL)
		explain(child, ret_error);
	free(child);
	return described;
}
