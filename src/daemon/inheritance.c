#include "daemon/inheritance.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/descriptors.h"

#define FIRST_FD (STDERR_FILENO + 1)

static bool cut_end(char *name, const char *end)
{
	size_t length = strlen(name), cut = strlen(end);

	if (length < cut || strcmp(name + length - cut, end) != 0)
		return false;
	name[length - cut] = '\0';
	return true;
}

static int take_stderr(int fd)
{
	int result = dup2(fd, STDERR_FILENO);

	close(fd);
	return result < 0 ? -errno : 0;
}

static int take_one(struct inheritance *inheritance, char *name, int fd)
{
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	if (strcmp(name, INHERITANCE_PATH) == 0)
		inheritance->admin.path = fd;
	else if (strcmp(name, INHERITANCE_ADDRESS) == 0)
		inheritance->admin.address = fd;
	else if (strcmp(name, "/ready") == 0)
		inheritance->ready_fd = fd;
	else if (strcmp(name, "/stderr") == 0)
		return take_stderr(fd);
	else {
		bool held = cut_end(name, INHERITANCE_HELD);

		inheritance->sockets[inheritance->sockets_count++] =
			(struct dgram_inherited){ fd, name, held };
	}
	return 0;
}

/* To be ready is to end; else it ends as its child does. */
static _Noreturn void go_ahead_of(pid_t child, int gate)
{
	const struct rlimit no_core = { 0, 0 };
	char byte;
	int status = 0;

	(void)dup2(gate, FIRST_FD);
	closefrom(FIRST_FD + 1);
	if (read(FIRST_FD, &byte, 1) == 1)
		_exit(0);
	(void)waitpid(child, &status, 0);
	if (WIFSIGNALED(status)) {
		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(WTERMSIG(status), SIG_DFL);
		(void)raise(WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

/* Until it has said its number, whoever gives it up knows only the process that was started. */
static void end_with(pid_t first)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != first)
		_exit(EX_OSERR);
}

/* Go on in a child. */
static int step_aside(struct inheritance *inheritance)
{
	const pid_t first = getpid();
	int gate[2];
	pid_t child;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child > 0)
		go_ahead_of(child, gate[0]);
	if (child == 0)
		end_with(first);
	close(gate[0]);
	inheritance->gate_fd = gate[1];
	return child < 0 ? -errno : 0;
}

/* Who started us may have ended meanwhile. */
static void tell_predecessor(const struct inheritance *inheritance, const char *what)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (inheritance->ready_fd >= 0)
		(void)!write(inheritance->ready_fd, what, strlen(what));
}

static int take_all(struct inheritance *inheritance)
{
	char *rest = inheritance->names, *name, pid[16];
	int fd = FIRST_FD, error = 0;

	while (error == 0 && (name = strsep(&rest, ":")) != NULL)
		error = take_one(inheritance, name, fd++);
	(void)snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	tell_predecessor(inheritance, pid);
	(void)prctl(PR_SET_PDEATHSIG, 0);
	if (error < 0)
		(void)fprintf(stderr, "%s: error: %s: descriptor %d: %s\n",
			program_invocation_short_name, DESCRIPTORS_PASSED_ON, fd - 1,
			strerrordesc_np(-error));
	return error < 0 ? -EINVAL : 0;
}

int inheritance_begin(struct inheritance *inheritance)
{
	const char *names = getenv(DESCRIPTORS_PASSED_ON);
	int error;

	*inheritance = (struct inheritance){ .admin = { -1, -1 }, .ready_fd = -1, .gate_fd = -1 };
	if (names == NULL)
		return 0;
	error = step_aside(inheritance);
	if (error < 0)
		return error;
	inheritance->follows = true;
	inheritance->sockets = calloc(descriptors_passed_on(), sizeof(*inheritance->sockets));
	inheritance->names = strdup(names);
	if (inheritance->names == NULL || inheritance->sockets == NULL)
		return -ENOMEM;
	(void)unsetenv(DESCRIPTORS_PASSED_ON);
	return take_all(inheritance);
}

/* The reading end of the pipe is closed then. */
int inheritance_watch(const struct inheritance *inheritance, int epoll)
{
	struct epoll_event event = { .events = 0 };

	if (inheritance->ready_fd < 0)
		return 0;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, inheritance->ready_fd, &event) < 0 ? -errno : 0;
}

/* Of its first host: 0, there is none. */
static unsigned count_receivers(const struct inheritance *inheritance, const char *service)
{
	union addr first = { 0 }, bound = { 0 };
	unsigned count = 0;

	for (size_t i = 0; i < inheritance->sockets_count; i++) {
		socklen_t length = sizeof(bound);

		if (strcmp(inheritance->sockets[i].service, service) != 0 ||
			getsockname(inheritance->sockets[i].fd, &bound.sa, &length) < 0)
			continue;
		if (count == 0)
			first = bound;
		count += addr_same(&first, &bound);
	}
	return count;
}

int inheritance_use(struct inheritance *inheritance, struct dgram_options *options)
{
	size_t bytes = options->services_count * sizeof(*options->services);

	if (!inheritance->follows)
		return 0;
	inheritance->services = malloc(bytes);
	if (inheritance->services == NULL)
		return -ENOMEM;
	memcpy(inheritance->services, options->services, bytes);
	for (size_t i = 0; i < options->services_count; i++) {
		struct dgram_service *service = &inheritance->services[i];
		unsigned count = count_receivers(inheritance, service->name);

		if (count > 0)
			service->receivers = count;
	}
	options->services = inheritance->services;
	options->inherited = inheritance->sockets;
	options->inherited_count = inheritance->sockets_count;
	return 0;
}

static void close_once(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void inheritance_end(struct inheritance *inheritance)
{
	for (size_t i = 0; i < inheritance->sockets_count; i++)
		close_once(&inheritance->sockets[i].fd);
	if (inheritance->follows) {
		close_once(&inheritance->admin.path);
		close_once(&inheritance->admin.address);
	}
	free(inheritance->services);
	free(inheritance->sockets);
	free(inheritance->names);
	inheritance->services = NULL;
	inheritance->sockets = NULL;
	inheritance->names = NULL;
	inheritance->sockets_count = 0;
}

void inheritance_tell_ready(struct inheritance *inheritance)
{
	tell_predecessor(inheritance, "\n");
	if (inheritance->gate_fd >= 0)
		(void)!write(inheritance->gate_fd, "\n", 1);
	close_once(&inheritance->gate_fd);
}

bool inheritance_leads(struct inheritance *inheritance)
{
	struct pollfd other = { .fd = inheritance->ready_fd };

	if (other.fd >= 0 && (poll(&other, 1, 0) == 0 || !(other.revents & POLLERR)))
		return false;
	if (inheritance->follows)
		close_once(&inheritance->ready_fd);
	return true;
}
