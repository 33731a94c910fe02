#include "process/probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"

#define CHILD "dgram-child"

/* How much of what a plug-in writes a message shows. */
#define WROTE_MAX 160

struct child {
	pid_t pid;
	int said;  /* a file in memory: its standard output, the description */
	int wrote; /* another: its standard error, and all that the plug-in writes */
	bool overdue;
	int status; /* as waitpid(2) has it */
};

/* --- where the program is */

/* The file of the object that has this code: the program, or a library. */
static int find_own_object(char path[PATH_MAX])
{
	struct link_map *map;
	Dl_info info;
	ssize_t length;

	if (dladdr1((void *)(uintptr_t)probe_run, &info, (void **)&map, RTLD_DL_LINKMAP) != 0 &&
		map->l_name[0] != '\0')
		return realpath(map->l_name, path) != NULL ? 0 : -errno;
	length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	path[length > 0 ? length : 0] = '\0';
	return length > 0 ? 0 : -errno;
}

/* Beside the object, or where `make install` puts it; also where libraries have a folder for each
 * architecture. */
static int find_program(char ret_program[PATH_MAX])
{
	static const char *const places[] = { CHILD, "../libexec/dgramd/" CHILD,
		"../../libexec/dgramd/" CHILD };
	char own[PATH_MAX];
	int error = find_own_object(own);
	char *slash = error == 0 ? strrchr(own, '/') : NULL;

	for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
		int length = snprintf(
			ret_program, PATH_MAX, "%.*s/%s", (int)(slash - own), own, places[i]);

		if (length < PATH_MAX && access(ret_program, X_OK) == 0)
			return 0;
	}
	return error < 0 ? error : -ENOENT;
}

/* --- its life */

static int spawn(struct child *child, const char *program, const char *path, int alive)
{
	char *const arguments[] = { (char *)CHILD, (char *)path, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	(void)posix_spawnattr_init(&attributes); /* glibc's cannot fail, nor what sets them */
	(void)posix_spawnattr_setflags(&attributes,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, child->said, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, child->wrote, STDERR_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, alive, PROBE_ALIVE_FD);
	if (error == 0)
		error = posix_spawn(
			&child->pid, program, &actions, &attributes, arguments, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return -error;
}

/* Its end, at last by force, and that of all that it has left running, which may hold its end of the pipe. */
static void follow(struct child *child, int alive)
{
	struct pollfd death = { .fd = alive };
	siginfo_t ended = { .si_pid = 0 };

	if (sys_wait(&death, 1, PROBE_TIMEOUT_MS) == 0)
		child->overdue =
			waitid(P_PID, (id_t)child->pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			ended.si_pid == 0;
	(void)kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
		;
}

/* A child that is ignored would leave no status. */
static int run(struct child *child, const char *path)
{
	char program[PATH_MAX];
	int alive[2], error = find_program(program);

	if (error < 0)
		return error;
	child->said = memfd_create("said", MFD_CLOEXEC);
	child->wrote = memfd_create("wrote", MFD_CLOEXEC);
	if (child->said < 0 || child->wrote < 0 || pipe2(alive, O_CLOEXEC) < 0)
		return -errno;
	(void)signal(SIGCHLD, SIG_DFL);
	error = spawn(child, program, path, alive[1]);
	close(alive[1]);
	if (error == 0)
		follow(child, alive[0]);
	close(alive[0]);
	return error;
}

/* --- what came of it */

static int explain(const struct child *child, char ret_error[PROBE_ERROR_MAX])
{
	char end[64], wrote[WROTE_MAX + 1];
	ssize_t length = pread(child->wrote, wrote, WROTE_MAX, 0);

	while (length > 0 && wrote[length - 1] == '\n')
		length--;
	wrote[length > 0 ? length : 0] = '\0';
	for (char *end_of_line = wrote; (end_of_line = strchr(end_of_line, '\n')) != NULL;)
		*end_of_line = ' ';
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
		wrote[0] != '\0' ? "; it wrote: " : "", wrote);
	return -ENOEXEC;
}

static int assess(const struct child *child, char ret_error[PROBE_ERROR_MAX],
	struct description **ret_description)
{
	char *said = malloc(DESCRIPTION_BYTES_MAX + 1);
	const char *fault;
	ssize_t length;
	int error;

	if (said == NULL)
		return -ENOMEM;
	length = pread(child->said, said, DESCRIPTION_BYTES_MAX, 0);
	said[length > 0 ? length : 0] = '\0';
	error = child->overdue || !WIFEXITED(child->status) || length <= 0
			? -EPROTO
			: description_read(said, (size_t)length, &fault, ret_description);
	if (error == -EPROTO)
		error = explain(child, ret_error);
	else if (error == -ENOEXEC)
		(void)snprintf(ret_error, PROBE_ERROR_MAX, "%s", fault);
	if (error < 0)
		free(said);
	return error;
}

int probe_run(
	const char *path, char ret_error[PROBE_ERROR_MAX], struct description **ret_description)
{
	struct child child = { .said = -1, .wrote = -1 };
	int error = run(&child, path);

	if (error == 0) {
		error = assess(&child, ret_error, ret_description);
	} else if (error != -ENOMEM) {
		(void)snprintf(ret_error, PROBE_ERROR_MAX, "cannot run " CHILD ": %s",
			strerrordesc_np(-error));
		error = -ENOEXEC;
	}
	if (child.said >= 0)
		close(child.said);
	if (child.wrote >= 0)
		close(child.wrote);
	return error;
}
