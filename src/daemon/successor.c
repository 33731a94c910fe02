#include "daemon/successor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/timer.h"

#define FIRST_FD (STDERR_FILENO + 1)

/* What it is to have, above all that it is to have it as; behind the others its standard error. */
struct lifted {
	int *fds;
	size_t count;
};

static void close_moved(struct lifted *lifted)
{
	for (size_t i = 0; i < lifted->count; i++)
		close(lifted->fds[i]);
	free(lifted->fds);
}

static int lift(struct lifted *lifted, int fd, size_t total)
{
	int above = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD + (int)total);

	if (above < 0)
		return -errno;
	lifted->fds[lifted->count++] = above;
	return 0;
}

static int lift_all(const struct successor_plan *plan, int ready, int words, struct lifted *lifted)
{
	const size_t total = plan->fds_count + SUCCESSOR_OWN + 1;
	int error = 0;

	*lifted = (struct lifted){ calloc(total, sizeof(int)), 0 };
	if (lifted->fds == NULL)
		return -ENOMEM;
	for (size_t i = 0; error == 0 && i < plan->fds_count; i++)
		error = lift(lifted, plan->fds[i], total);
	if (error == 0)
		error = lift(lifted, ready, total);
	if (error == 0)
		error = lift(lifted, STDERR_FILENO, total);
	return error < 0 ? error : lift(lifted, words, total);
}

static int plan_actions(posix_spawn_file_actions_t *actions, const struct lifted *lifted)
{
	const size_t last = lifted->count - 1;
	int error = 0;

	for (size_t i = 0; error == 0 && i < last; i++)
		error = posix_spawn_file_actions_adddup2(
			actions, lifted->fds[i], FIRST_FD + (int)i);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, lifted->fds[last], STDERR_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(actions, FIRST_FD + (int)last);
	return error;
}

static int spawn_it(const struct successor_plan *plan, int ready, int words, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	struct lifted lifted;
	int error = posix_spawn_file_actions_init(&actions);

	if (error != 0)
		return -error;
	error = -lift_all(plan, ready, words, &lifted);
	if (error == 0)
		error = plan_actions(&actions, &lifted);
	if (error == 0)
		error = posix_spawn(
			ret_pid, plan->path, &actions, NULL, plan->arguments, plan->environment);
	close_moved(&lifted);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -error;
}

static void drop_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int watch_fd(int fd, int epoll)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_all(struct successor *successor, const struct successor_plan *plan)
{
	int error = 0;

	successor->pidfd = pidfd_open(successor->pid, 0);
	if (successor->pidfd < 0)
		return -errno;
	successor->timer_fd = timer_open(plan->patience_ms, plan->epoll);
	if (successor->timer_fd < 0)
		error = -EMFILE;
	if (error == 0)
		error = watch_fd(successor->pidfd, plan->epoll);
	if (error == 0)
		error = watch_fd(successor->ready_fd, plan->epoll);
	if (error == 0)
		error = watch_fd(successor->words_fd, plan->epoll);
	return error;
}

static int launch(const struct successor_plan *plan, struct successor *successor)
{
	int ready[2] = { -1, -1 }, words[2] = { -1, -1 };
	int error = 0;

	if (pipe2(ready, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(words, O_CLOEXEC) < 0 ||
		fcntl(words[0], F_SETFL, O_NONBLOCK) < 0)
		error = -errno;
	successor->ready_fd = ready[0];
	successor->words_fd = words[0];
	if (error == 0)
		error = spawn_it(plan, ready[1], words[1], &successor->pid);
	drop_fd(&ready[1]);
	drop_fd(&words[1]);
	return error < 0 ? error : watch_all(successor, plan);
}

int successor_start(const struct successor_plan *plan, struct successor *ret_successor)
{
	int error;

	*ret_successor = (struct successor){ .pidfd = -1,
		.heir_fd = -1,
		.ready_fd = -1,
		.words_fd = -1,
		.timer_fd = -1,
		.patience_ms = plan->patience_ms };
	error = launch(plan, ret_successor);
	if (error < 0)
		successor_end(ret_successor, SUCCESSOR_FAILED);
	return error;
}

/* What does not fit is dropped. */
static void hear(struct successor *successor)
{
	char text[512];
	ssize_t bytes = 0;

	while (successor->words_fd >= 0 &&
		(bytes = read(successor->words_fd, text, sizeof(text))) > 0) {
		size_t room = SUCCESSOR_WORDS_MAX - successor->length;
		size_t kept = (size_t)bytes < room ? (size_t)bytes : room;

		memcpy(successor->words + successor->length, text, kept);
		successor->length += kept;
	}
	if (bytes == 0)
		drop_fd(&successor->words_fd);
}

/* Returns whether it has said that it is ready. */
static bool hear_said(struct successor *successor)
{
	size_t room = sizeof(successor->said) - 1 - successor->said_bytes;
	ssize_t bytes = -1;
	char *line_end;

	if (successor->ready_fd >= 0 && room > 0)
		bytes = read(successor->ready_fd, successor->said + successor->said_bytes, room);
	if (bytes == 0)
		drop_fd(&successor->ready_fd);
	if (bytes > 0)
		successor->said_bytes += (size_t)bytes;
	line_end = strchr(successor->said, '\n');
	if (line_end == NULL)
		return false;
	if (successor->heir == 0) {
		successor->heir = (pid_t)strtol(successor->said, NULL, 10);
		successor->heir_fd = pidfd_open(successor->heir, 0);
	}
	return line_end[1] == '\n';
}

static bool has_heir(const struct successor *successor)
{
	struct pollfd heir = { .fd = successor->heir_fd, .events = POLLIN };

	return heir.fd >= 0 && poll(&heir, 1, 0) == 0;
}

static bool has_ended(struct successor *successor)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)successor->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		info.si_pid == 0)
		return false;
	successor->stepped_aside = info.si_code == CLD_EXITED && info.si_status == 0;
	if (info.si_code == CLD_EXITED)
		(void)snprintf(successor->why, sizeof(successor->why), "it ended with status %d",
			info.si_status);
	else
		(void)snprintf(successor->why, sizeof(successor->why), "it died of SIG%s",
			sigabbrev_np(info.si_status));
	return true;
}

/* One that said so and has died since is not ready. */
enum successor_state successor_step(struct successor *successor)
{
	bool ended = has_ended(successor);
	bool ready = hear_said(successor);

	hear(successor);
	if (ended && ready && successor->stepped_aside && has_heir(successor))
		return SUCCESSOR_READY;
	if (ended)
		return SUCCESSOR_FAILED;
	if (!timer_is_over(successor->timer_fd))
		return SUCCESSOR_STARTS;
	(void)snprintf(successor->why, sizeof(successor->why), "it was not ready within %u ms",
		successor->patience_ms);
	return SUCCESSOR_FAILED;
}

/* An heir ends with the first process until it has said which it is, so it is asked behind that one's end. */
static void end_heir(struct successor *successor)
{
	(void)hear_said(successor);
	if (successor->heir_fd >= 0)
		(void)pidfd_send_signal(successor->heir_fd, SIGKILL, NULL, 0);
	drop_fd(&successor->heir_fd);
}

void successor_end(struct successor *successor, enum successor_state state)
{
	if (state != SUCCESSOR_READY && successor->pid > 0)
		(void)kill(successor->pid, SIGKILL);
	if (successor->pid > 0)
		(void)waitpid(successor->pid, NULL, 0);
	if (state != SUCCESSOR_READY)
		end_heir(successor);
	drop_fd(&successor->pidfd);
	drop_fd(&successor->ready_fd);
	drop_fd(&successor->words_fd);
	drop_fd(&successor->timer_fd);
}
