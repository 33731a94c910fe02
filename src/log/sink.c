#include "log/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int join_path(char path[static PATH_MAX], const char *text, size_t length)
{
	size_t used = strlen(path);

	if (length >= PATH_MAX - used)
		return -ENAMETOOLONG;
	memcpy(path + used, text, length);
	path[used + length] = '\0';
	return 0;
}

static int expand(const char *target, const char *who, char path[static PATH_MAX])
{
	const char *from = target, *found;
	int error = 0;

	path[0] = '\0';
	while (error == 0 && (found = strstr(from, LOG_SINK_WORKER)) != NULL) {
		error = join_path(path, from, (size_t)(found - from));
		if (error == 0)
			error = join_path(path, who, strlen(who));
		from = found + strlen(LOG_SINK_WORKER);
	}
	return error < 0 ? error : join_path(path, from, strlen(from));
}

/* O_NONBLOCK, on a description of our own: open(2) and write(2) do not wait for a FIFO's reader. */
static int open_file(const char *target, const char *who, struct log_sink *ret_sink)
{
	char path[PATH_MAX];
	int error = expand(target, who, path);
	int fd;

	if (error < 0)
		return error;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd < 0)
		return -errno;
	*ret_sink = (struct log_sink){ .fd = fd };
	return 0;
}

void log_sink_plain_stderr(struct log_sink *ret_sink)
{
	struct stat status;

	*ret_sink = (struct log_sink){ .fd = STDERR_FILENO, .shared = true };
	ret_sink->socket = fstat(STDERR_FILENO, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* The description of stderr is shared with other processes, so it must not become O_NONBLOCK; but
 * of a pipe or a terminal we can mostly have one of our own. Without it, a write that poll(2) found
 * room for can still wait: when another process takes that room first, or a terminal has less. */
static void open_stderr(struct log_sink *ret_sink)
{
	struct stat status;
	int fd = -1;

	if (fstat(STDERR_FILENO, &status) == 0 &&
		(S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
		fd = open("/proc/self/fd/2", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0)
		*ret_sink = (struct log_sink){ .fd = fd };
	else
		log_sink_plain_stderr(ret_sink);
}

int log_sink_open(const char *target, const char *who, struct log_sink *ret_sink)
{
	if (strcmp(target, "none") == 0)
		*ret_sink = (struct log_sink){ .fd = -1 };
	else if (strcmp(target, "stderr") == 0)
		open_stderr(ret_sink);
	else
		return open_file(target, who, ret_sink);
	return 0;
}

int log_sink_copy(const struct log_sink *sink, struct log_sink *ret_sink)
{
	int fd = fcntl(sink->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	*ret_sink = (struct log_sink){ .fd = fd, .socket = sink->socket };
	return 0;
}

void log_sink_close(const struct log_sink *sink)
{
	if (sink->fd >= 0 && !sink->shared)
		(void)close(sink->fd);
}

static bool is_same_file(int a, int b)
{
	struct stat status_a, status_b;

	return fstat(a, &status_a) == 0 && fstat(b, &status_b) == 0 &&
	       status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

void log_sink_inherit(struct log_sink *sink, const struct log_sink *old)
{
	sink->unreported += old->unreported;
	if (old->error != 0)
		sink->error = old->error;
	if (old->torn && is_same_file(sink->fd, old->fd))
		sink->torn = true;
}

static ssize_t write_some(const struct log_sink *sink, const char *bytes, size_t length)
{
	ssize_t written;

	if (sink->socket)
		written = send(sink->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		written = write(sink->fd, bytes, length);
	if (written > 0)
		return written;
	if (written == 0)
		return -EIO; /* nothing, and no reason: do not try for ever */
	return errno == EINTR ? -EAGAIN : -errno;
}

/* On a full pipe or socket write_some() fails where it cannot wait, and else must not be called. */
ssize_t log_sink_write(struct log_sink *sink, const char *bytes, size_t length, int timeout_ms)
{
	struct pollfd writable = { .fd = sink->fd, .events = POLLOUT };
	int ready;

	if (sink->fd < 0)
		return (ssize_t)length;
	ready = poll(&writable, 1, timeout_ms);
	if (ready < 0 && errno != EINTR)
		return -errno;
	if (ready <= 0)
		return -EAGAIN;
	if (sink->torn) {
		ssize_t written = write_some(sink, "\n", 1);

		if (written < 0)
			return written;
		sink->torn = false;
	}
	return write_some(sink, bytes, length);
}
