#include "log/sink.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/target.h"

#define WHO_MAX 16

static bool is_stderr(const char *target)
{
	return strcmp(target, "stderr") == 0;
}

static int choose_format(const char *word, const char *target, enum log_format *ret_format)
{
	if (strcmp(word, "logfmt") == 0)
		*ret_format = LOG_FORMAT_LOGFMT;
	else if (strcmp(word, "json") == 0)
		*ret_format = LOG_FORMAT_JSON;
	else if (strcmp(word, "journal") == 0)
		*ret_format = LOG_FORMAT_JOURNAL;
	else if (strcmp(word, "auto") == 0)
		*ret_format = is_stderr(target) && descriptors_stderr_is_journal()
				      ? LOG_FORMAT_JOURNAL
				      : LOG_FORMAT_LOGFMT;
	else
		return -EINVAL;
	return 0;
}

/* An empty NO_COLOR is none (no-color.org). */
static bool terminal_wants_color(void)
{
	const char *no_color = getenv("NO_COLOR");

	return (no_color == NULL || *no_color == '\0') && isatty(STDERR_FILENO) == 1;
}

static int choose_color(const char *word, const char *target, bool *ret_color)
{
	if (strcmp(word, "always") == 0)
		*ret_color = is_stderr(target);
	else if (strcmp(word, "never") == 0)
		*ret_color = false;
	else if (strcmp(word, "auto") == 0)
		*ret_color = is_stderr(target) && terminal_wants_color();
	else
		return -EINVAL;
	return 0;
}

static int choose_style(const struct log_settings *settings, struct log_style *ret_style)
{
	int error = choose_format(settings->format, settings->target, &ret_style->format);

	if (error == 0)
		error = choose_color(settings->color, settings->target, &ret_style->color);
	ret_style->color = ret_style->color && ret_style->format == LOG_FORMAT_LOGFMT;
	return error;
}

/* O_NONBLOCK, on a description of our own: open(2) and write(2) do not wait for a FIFO's reader. */
static int open_file(struct log_sink *sink, const char *target, const char *who)
{
	char path[PATH_MAX];
	int error = target_expand(target, who, path);

	if (error < 0)
		return error;
	sink->fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	return sink->fd < 0 ? -errno : 0;
}

static void borrow_stderr(struct log_sink *sink)
{
	struct stat status;

	sink->fd = STDERR_FILENO;
	sink->borrowed = true;
	sink->socket = fstat(STDERR_FILENO, &status) == 0 && S_ISSOCK(status.st_mode);
}

static bool is_same_file(int a, int b)
{
	struct stat status_a, status_b;

	return fstat(a, &status_a) == 0 && fstat(b, &status_b) == 0 &&
	       status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

/* Other processes share the description of stderr, so it must not become O_NONBLOCK. Of a pipe or a
 * terminal we can mostly have a description of our own. Without one, a write can still wait after
 * poll(2) found room: when another process takes that room first, or when a terminal has less. */
int log_sinks_open_stderr(void)
{
	struct stat status;

	if (fstat(STDERR_FILENO, &status) < 0 ||
		(!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)))
		return -1;
	return open("/proc/self/fd/2", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* What the process could open at its start may be closed to its user now. */
static void open_stderr(struct log_sink *sink, int kept)
{
	sink->fd = log_sinks_open_stderr();
	if (sink->fd >= 0)
		return;
	borrow_stderr(sink);
	if (kept >= 0 && is_same_file(kept, STDERR_FILENO))
		sink->fd = kept;
}

static void release(struct log_sink *sink)
{
	if (sink == NULL || --sink->sets > 0)
		return;
	if (sink->fd >= 0 && !sink->borrowed)
		(void)close(sink->fd);
	free(sink);
}

static unsigned sink_number(const struct log_sinks *sinks, struct log_source source)
{
	unsigned number = LOG_SINKS_MAIN;

	if (source.speaker == LOG_WORKER)
		number = source.number;
	else if (source.speaker == LOG_RECEIVER)
		number += 1 + source.number;
	assert(number < sinks->count &&
		(number < LOG_SINKS_MAIN) == (source.speaker == LOG_WORKER));
	return number;
}

/* What stands for TARGET_WORKER. */
static void name_sink(unsigned number, char who[static WHO_MAX])
{
	if (number < LOG_SINKS_MAIN)
		(void)snprintf(who, WHO_MAX, "%u", number);
	else if (number == LOG_SINKS_MAIN)
		(void)snprintf(who, WHO_MAX, "main");
	else
		(void)snprintf(who, WHO_MAX, "rx%u", number - LOG_SINKS_MAIN - 1);
}

/* Open sink `number` of the set, in place of the one that it has. */
static int open_sink(struct log_sinks *sinks, unsigned number)
{
	struct log_sink *sink = calloc(1, sizeof(*sink));
	char who[WHO_MAX];
	int error = 0;

	if (sink == NULL)
		return -ENOMEM;
	name_sink(number, who);
	if (strcmp(sinks->target, "none") == 0)
		sink->fd = -1;
	else if (is_stderr(sinks->target))
		open_stderr(sink, sinks->kept_stderr);
	else
		error = open_file(sink, sinks->target, who);
	if (error < 0) {
		free(sink);
		return error;
	}
	sink->sets = 1;
	release(atomic_exchange(&sinks->all[number], sink));
	return 0;
}

static int make(const char *target, unsigned count, int kept_stderr, struct log_sinks **ret_sinks)
{
	struct log_sinks *sinks = calloc(1, sizeof(*sinks) + count * sizeof(sinks->all[0]));

	if (sinks == NULL)
		return -ENOMEM;
	sinks->count = count;
	sinks->kept_stderr = kept_stderr;
	sinks->target = strdup(target);
	if (sinks->target == NULL) {
		log_sinks_free(sinks);
		return -ENOMEM;
	}
	*ret_sinks = sinks;
	return 0;
}

int log_sinks_restyle(struct log_sinks *sinks, const struct log_settings *settings)
{
	struct log_settings on_stderr = *settings;
	int error = choose_style(settings, &sinks->style);

	on_stderr.target = "stderr";
	return error < 0 ? error : choose_style(&on_stderr, &sinks->alarm_style);
}

int log_sinks_new(const struct log_settings *settings, unsigned receivers, int kept_stderr,
	struct log_sinks **ret_sinks)
{
	struct log_sinks *sinks;
	struct log_sink *sink;
	int error = *settings->target != '\0' ? 0 : -EINVAL;

	if (error == 0)
		error = make(settings->target, LOG_SINKS_MAIN + 1 + receivers, kept_stderr, &sinks);
	if (error < 0)
		return error;
	error = log_sinks_restyle(sinks, settings);
	sink = error == 0 ? calloc(1, sizeof(*sink)) : NULL;
	if (sink == NULL) {
		log_sinks_free(sinks);
		return error < 0 ? error : -ENOMEM;
	}
	borrow_stderr(sink);
	sink->sets = 1;
	atomic_store(&sinks->all[LOG_SINKS_MAIN], sink);
	*ret_sinks = sinks;
	return 0;
}

int log_sinks_copy(const struct log_sinks *sinks, unsigned workers, struct log_sinks **ret_sinks)
{
	int error = make(sinks->target, sinks->count, sinks->kept_stderr, ret_sinks);

	if (error == 0) {
		(*ret_sinks)->style = sinks->style;
		(*ret_sinks)->alarm_style = sinks->alarm_style;
	}
	for (unsigned i = 0; i < sinks->count && error == 0; i++) {
		struct log_sink *sink = atomic_load(&sinks->all[i]);

		if (sink == NULL || (i >= workers && i < LOG_SINKS_MAIN))
			continue;
		sink->sets++;
		atomic_store(&(*ret_sinks)->all[i], sink);
	}
	return error;
}

void log_sinks_free(struct log_sinks *sinks)
{
	if (sinks == NULL)
		return;
	for (unsigned i = 0; i < sinks->count; i++)
		release(atomic_load(&sinks->all[i]));
	free(sinks->target);
	free(sinks);
}

int log_sinks_open_main(struct log_sinks *sinks)
{
	return open_sink(sinks, LOG_SINKS_MAIN);
}

int log_sinks_open_own(struct log_sinks *sinks, struct log_source source)
{
	unsigned number = sink_number(sinks, source);

	if (strstr(sinks->target, TARGET_WORKER) == NULL ||
		atomic_load(&sinks->all[number]) != NULL)
		return 0;
	return open_sink(sinks, number);
}

int log_sinks_reopen(struct log_sinks *sinks)
{
	int error = 0;

	for (unsigned i = 0; i < sinks->count; i++) {
		int failed = atomic_load(&sinks->all[i]) != NULL ? open_sink(sinks, i) : 0;

		if (failed < 0)
			error = failed;
	}
	return error;
}

bool log_sinks_have_workers(const struct log_sinks *sinks, unsigned number)
{
	for (unsigned i = number; i < LOG_WORKERS_MAX; i++)
		if (atomic_load(&sinks->all[i]) != NULL)
			return true;
	return false;
}

struct log_sink *log_sinks_route(struct log_sinks *sinks, struct log_source source)
{
	struct log_sink *own = atomic_load(&sinks->all[sink_number(sinks, source)]);

	return own != NULL ? own : atomic_load(&sinks->all[LOG_SINKS_MAIN]);
}

static void inherit(struct log_sink *sink, const struct log_sink *old)
{
	if (sink == old)
		return;
	sink->unreported += old->unreported;
	if (old->error != 0)
		sink->error = old->error;
	if (old->partial_line && is_same_file(sink->fd, old->fd))
		sink->partial_line = true;
}

void log_sinks_inherit(struct log_sinks *sinks, const struct log_sinks *old)
{
	struct log_sink *main_sink = atomic_load(&sinks->all[LOG_SINKS_MAIN]);

	for (unsigned i = 0; i < sinks->count; i++) {
		const struct log_sink *before = atomic_load(&old->all[i]);
		struct log_sink *sink = atomic_load(&sinks->all[i]);

		if (before != NULL)
			inherit(sink != NULL ? sink : main_sink, before);
	}
}

void log_sinks_end_backoff(struct log_sinks *sinks)
{
	for (unsigned i = 0; i < sinks->count; i++) {
		struct log_sink *sink = atomic_load(&sinks->all[i]);

		if (sink != NULL)
			sink->retry_ns = 0;
	}
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

/* On a full pipe or socket write_some() fails if it cannot wait, and else must not be called. */
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
	if (sink->partial_line) {
		ssize_t written = write_some(sink, "\n", 1);

		if (written < 0)
			return written;
		sink->partial_line = false;
	}
	return write_some(sink, bytes, length);
}

void log_sinks_alarm(const struct log_sinks *sinks, const struct log_line *line)
{
	char text[LOG_LINE_MAX];
	struct log_sink sink = { 0 };
	size_t length;

	if (is_stderr(sinks->target))
		return;
	open_stderr(&sink, sinks->kept_stderr);
	length = log_format_line(line, &sinks->alarm_style, text);
	(void)log_sink_write(&sink, text, length, 0);
	if (!sink.borrowed)
		(void)close(sink.fd);
}
