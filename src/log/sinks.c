#include "log/sinks.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHO_MAX 16

static bool is_stderr(const char *target)
{
	return strcmp(target, "stderr") == 0;
}

/* $JOURNAL_STREAM is inherited by what has another stderr too: it counts when it names ours. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char ours[64];

	if (stream == NULL || fstat(STDERR_FILENO, &status) < 0)
		return false;
	(void)snprintf(ours, sizeof(ours), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)status.st_dev,
		(uintmax_t)status.st_ino);
	return strcmp(stream, ours) == 0;
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
		*ret_format = is_stderr(target) && stderr_is_journal() ? LOG_FORMAT_JOURNAL
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

/* A set whose sinks are not open. */
static int make(
	const struct log_settings *settings, const char *target, struct log_sinks **ret_sinks)
{
	struct log_sinks *sinks;
	struct log_style style;
	int error = choose_format(settings->format, target, &style.format);

	if (error == 0)
		error = choose_color(settings->color, target, &style.color);
	if (error == 0 && *target == '\0')
		error = -EINVAL;
	if (error < 0)
		return error;
	style.color = style.color && style.format == LOG_FORMAT_LOGFMT;
	sinks = calloc(1, sizeof(*sinks));
	if (sinks == NULL)
		return -ENOMEM;
	sinks->style = style;
	sinks->main.fd = -1;
	sinks->target = strdup(target);
	if (sinks->target == NULL) {
		log_sinks_free(sinks);
		return -ENOMEM;
	}
	*ret_sinks = sinks;
	return 0;
}

int log_sinks_new(const struct log_settings *settings, struct log_sinks **ret_sinks)
{
	struct log_sinks *sinks;
	int error = make(settings, settings->target, &sinks);

	if (error < 0)
		return error;
	error = log_sink_open(sinks->target, "main", &sinks->main);
	if (error < 0) {
		log_sinks_free(sinks);
		return error;
	}
	*ret_sinks = sinks;
	return 0;
}

int log_sinks_new_plain(const struct log_settings *settings, struct log_sinks **ret_sinks)
{
	int error = make(settings, "stderr", ret_sinks);

	if (error == 0)
		log_sink_plain_stderr(&(*ret_sinks)->main);
	return error;
}

/* Open a sink, or take a copy of the old one. */
static int open_again(const struct log_sinks *sinks, const char *who, const struct log_sink *old,
	struct log_sink *ret_sink, int *ret_error)
{
	int error = log_sink_open(sinks->target, who, ret_sink);

	if (error == 0)
		return 0;
	*ret_error = error;
	return log_sink_copy(old, ret_sink);
}

static int add_worker(
	struct log_sinks *sinks, unsigned number, const struct log_sink *old, int *ret_error)
{
	struct log_sink *sink = calloc(1, sizeof(*sink));
	char who[WHO_MAX];
	int error;

	if (sink == NULL)
		return -ENOMEM;
	(void)snprintf(who, sizeof(who), "%u", number);
	if (old == NULL)
		error = log_sink_open(sinks->target, who, sink);
	else
		error = open_again(sinks, who, old, sink, ret_error);
	if (error < 0) {
		free(sink);
		return error;
	}
	atomic_store(&sinks->workers[number], sink);
	return 0;
}

int log_sinks_add_worker(struct log_sinks *sinks, unsigned number)
{
	assert(number < LOG_WORKERS_MAX);
	if (strstr(sinks->target, LOG_SINK_WORKER) == NULL ||
		atomic_load(&sinks->workers[number]) != NULL)
		return 0;
	return add_worker(sinks, number, NULL, NULL);
}

static int make_alike(const struct log_sinks *old, struct log_sinks **ret_sinks)
{
	struct log_settings settings = { .format = "auto", .color = "never" };
	int error = make(&settings, old->target, ret_sinks);

	if (error == 0)
		(*ret_sinks)->style = old->style;
	return error;
}

int log_sinks_new_again(const struct log_sinks *old, struct log_sinks **ret_sinks, int *ret_error)
{
	struct log_sinks *sinks;
	int error = make_alike(old, &sinks);

	if (error < 0)
		return error;
	error = open_again(sinks, "main", &old->main, &sinks->main, ret_error);
	for (unsigned i = 0; i < LOG_WORKERS_MAX && error == 0; i++) {
		const struct log_sink *worker = atomic_load(&old->workers[i]);

		if (worker != NULL)
			error = add_worker(sinks, i, worker, ret_error);
	}
	if (error < 0) {
		log_sinks_free(sinks);
		return error;
	}
	*ret_sinks = sinks;
	return 0;
}

bool log_sinks_have_workers(const struct log_sinks *sinks, unsigned number)
{
	for (unsigned i = number; i < LOG_WORKERS_MAX; i++)
		if (atomic_load(&sinks->workers[i]) != NULL)
			return true;
	return false;
}

static void lend(const struct log_sink *old, struct log_sink *ret_sink)
{
	*ret_sink = (struct log_sink){ .fd = old->fd, .shared = true, .socket = old->socket };
}

/* The consumer may be at work with the old one; `shared` it does not look at until it closes. */
static void give(struct log_sink *old, struct log_sink *sink)
{
	sink->shared = old->shared;
	old->shared = true;
}

int log_sinks_new_fewer(struct log_sinks *old, unsigned workers, struct log_sinks **ret_sinks)
{
	struct log_sinks *sinks;
	int error = make_alike(old, &sinks);

	if (error < 0)
		return error;
	lend(&old->main, &sinks->main);
	for (unsigned i = 0; i < workers; i++) {
		struct log_sink *from = atomic_load(&old->workers[i]), *sink;

		if (from == NULL)
			continue;
		sink = calloc(1, sizeof(*sink));
		if (sink == NULL) {
			log_sinks_free(sinks);
			return -ENOMEM;
		}
		lend(from, sink);
		atomic_store(&sinks->workers[i], sink);
	}
	give(&old->main, &sinks->main);
	for (unsigned i = 0; i < workers; i++)
		if (atomic_load(&sinks->workers[i]) != NULL)
			give(atomic_load(&old->workers[i]), atomic_load(&sinks->workers[i]));
	*ret_sinks = sinks;
	return 0;
}

void log_sinks_free(struct log_sinks *sinks)
{
	if (sinks == NULL)
		return;
	for (unsigned i = 0; i < LOG_WORKERS_MAX; i++) {
		struct log_sink *worker = atomic_load(&sinks->workers[i]);

		if (worker != NULL)
			log_sink_close(worker);
		free(worker);
	}
	log_sink_close(&sinks->main);
	free(sinks->target);
	free(sinks);
}

struct log_sink *log_sinks_route(struct log_sinks *sinks, struct log_source source)
{
	struct log_sink *worker = NULL;

	if (source.speaker == LOG_WORKER && source.number < LOG_WORKERS_MAX)
		worker = atomic_load(&sinks->workers[source.number]);
	return worker != NULL ? worker : &sinks->main;
}

void log_sinks_inherit(struct log_sinks *sinks, const struct log_sinks *old)
{
	log_sink_inherit(&sinks->main, &old->main);
	for (unsigned i = 0; i < LOG_WORKERS_MAX; i++) {
		const struct log_sink *worker = atomic_load(&old->workers[i]);

		if (worker != NULL)
			log_sink_inherit(
				log_sinks_route(sinks, (struct log_source){ LOG_WORKER, i }),
				worker);
	}
}

void log_sinks_wake(struct log_sinks *sinks)
{
	sinks->main.rested_ns = 0;
	for (unsigned i = 0; i < LOG_WORKERS_MAX; i++) {
		struct log_sink *worker = atomic_load(&sinks->workers[i]);

		if (worker != NULL)
			worker->rested_ns = 0;
	}
}
