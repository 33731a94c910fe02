/* Logs that never make the thread that logs wait.
 *
 * DESIGN: each thread has a ring of its own (one producer). One writer thread, `dgram/log`, empties
 * all rings into the target. log_event() formats a line, puts it into the ring and returns: it
 * never waits, and its only system call wakes the writer. Lines of one thread stay in order; lines
 * of different threads do not.
 *
 * While the target is blocked (a pipe that nobody reads), the writer waits and the rings fill: a
 * line that does not fit is dropped and counted. Lines that a failing target (ENOSPC, EPIPE) does
 * not take are lost and counted, and so are all others until the next try: after 100 ms at first,
 * after 5 s at most. When the target takes lines again, the first of them reports how many were
 * lost. When the rings are empty, lines logged = lines written + log_lost(), exactly.
 *
 * Before log_start() and after log_stop() the thread that logs writes its line itself. It must then
 * hold no lock, and waits at most 200 ms for a blocked target.
 *
 * One event is one line of at most 2048 bytes, all of it printable ASCII:
 *	2026-11-22T22:27:18.004112Z debug worker/3 request worker=3 client=10.9.0.2:41100 bytes=5
 * logfmt and journal: a value stands in quotes if it is empty or has a blank, "=", a quote, a
 * backslash or a byte that is not printable ASCII. In quotes, the last three are \", \\ and \xNN.
 * A long value is cut and ends in "...". If fields find no room, a last field counts them:
 * fields_cut=N.
 * json: {"time":..., "level":..., "source":"worker/3", "event":..., "worker":3, ...}. A string has
 * the same \\ and \xNN, and then JSON's own escapes: the bytes `a`, 0, `b` are "a\\x00b". So what
 * a JSON parser returns is printable ASCII too, and shows which bytes there were, UTF-8 or not. */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/thread.h"
#include "log/event.h"

/* Who speaks: with "{worker}" in the target, it decides the file. */
enum log_speaker {
	LOG_MAIN,     /* "main" */
	LOG_RECEIVER, /* "rx/0" */
	LOG_WORKER,   /* "worker/3", and a field worker=3 */
};

/* The source of a line. */
struct log_source {
	enum log_speaker speaker;
	unsigned number;
};

/* Workers have lower numbers. DGRAM_WORKERS_MAX of dgram.h is the same. */
#define LOG_WORKERS_MAX 1024u

struct log_settings {
	enum log_level level;
	const char *format; /* "auto", "logfmt", "json", or "journal": "<N>" in front and no time,
			     * sd-daemon(3); auto: journal if stderr is the journal, else logfmt */
	const char *color;  /* "auto", "always", "never", for logfmt on stderr; auto: if it is a
			     * terminal and NO_COLOR is not set */
	const char *target; /* "stderr", "none", or a path; "{worker}" in it becomes the number of
			     * the worker that logs, "rx0" for receiver 0, and "main" for all others */
};

struct log;
struct log_ring;

/* Opens nothing but stderr: until log_apply(), lines go there. Receivers will have numbers below `receivers`.
 * -ENOMEM; -EINVAL: an unknown word in the settings, which are copied. Thread: owner. */
int log_new(const struct log_settings *settings, unsigned receivers, struct log **ret_log);

/* Use these settings from now on. Lines logged before are in the old target when this returns, or
 * lost if it did not take them within half a second. Opens the files of all rings, limited by
 * log_set_workers(). If a file cannot be opened, nothing changes: -errno (-ENXIO: a FIFO that
 * nobody reads). Thread: owner. */
int log_apply(struct log *log, const struct log_settings *settings);

/* Is this the target? Thread: owner. */
bool log_has_target(const struct log *log, const char *target);

/* Use the level, form and colour of these settings, whose target is the one that it has: opens
 * nothing. -ENOMEM, -EINVAL: nothing changes. Thread: owner. */
int log_restyle(struct log *log, const struct log_settings *settings);

/* Close the files and open them again, as log_apply() does. A file that cannot be opened keeps its
 * old descriptor: -errno. Thread: owner. */
int log_reopen(struct log *log);

/* With "{worker}" in the target, receivers have files, and workers below this number; lines of other
 * workers go where those of main go. LOG_WORKERS_MAX at first. If it rises, the files of rings that exist are
 * opened (on failure nothing changes: -errno). If it falls, files are closed (-ENOMEM: not before
 * the next log_apply()). Thread: owner. */
int log_set_workers(struct log *log, unsigned workers);

/* Have the writer call this first. Thread: owner. */
void log_begin_with(struct log *log, struct thread_prologue prologue);

/* Start the writer. -EAGAIN, -ENOMEM, or what its prologue returned. Thread: owner. */
int log_start(struct log *log);

/* Stop the writer, if it runs, when all lines are written. A target that does not take them is
 * given `timeout_ms`; then the lines that are left are counted as lost. Thread: owner. */
void log_stop(struct log *log, int timeout_ms);

/* Have the writer, if there is one, write what has been logged so far, but wait at most 2 s for a
 * blocked target. Async-signal-safe: before a crash. Thread: any. */
void log_flush(struct log *log);

/* Does a thread of its own write, another one than this? Async-signal-safe. Thread: any. */
bool log_has_writer(const struct log *log);

/* Lines dropped so far because a ring was full or the target failed. Thread: any. */
uint64_t log_lost(const struct log *log);

/* Bytes of memory that a ring takes when all of it has been used. LOG_MAIN's has room for a line
 * about each of LOG_WORKERS_MAX workers at once. Thread: any. */
size_t log_ring_bytes(enum log_speaker speaker);

/* Frees the rings too. NULL is fine. Stops the writer first, which takes at most a second. Thread:
 * owner. */
void log_free(struct log *log);

/* A ring for one thread, and its file if it has one (log_set_workers()). The log owns it until
 * log_free(): a worker that is started again uses the ring that it had. -ENOMEM, or an error of
 * open(2). Thread: owner. */
int log_add_ring(
	struct log *log, enum log_speaker speaker, unsigned number, struct log_ring **ret_ring);

/* Is this level logged now? Cheap. Thread: any. */
bool log_enabled(const struct log_ring *ring, enum log_level level);

/* A field of a line; what it points to must live until the call returns. */
struct log_field {
	const char *key; /* [a-z_0-9]+, but none that each line has, such as "level" */
	enum {
		LOG_FIELD_UINT,
		LOG_FIELD_INT,
		LOG_FIELD_TEXT,
		LOG_FIELD_BYTES,
		LOG_FIELD_ADDR,
		LOG_FIELD_ERRNO
	} type;
	union {
		uint64_t u;
		int64_t i;
		const char *text;
		const union addr *addr;
	};
	size_t length; /* of LOG_FIELD_BYTES */
};

static inline struct log_field log_uint(const char *key, uint64_t value)
{
	return (struct log_field){ .key = key, .type = LOG_FIELD_UINT, .u = value };
}

static inline struct log_field log_int(const char *key, int64_t value)
{
	return (struct log_field){ .key = key, .type = LOG_FIELD_INT, .i = value };
}

/* NULL is the empty text. */
static inline struct log_field log_text(const char *key, const char *value)
{
	return (struct log_field){
		.key = key, .type = LOG_FIELD_TEXT, .text = value != NULL ? value : ""
	};
}

/* What errno(3) value `error`, a positive one, means. Some values of the kernel have no
 * description: "unknown error 524". */
static inline struct log_field log_errno(const char *key, int error)
{
	return (struct log_field){ .key = key, .type = LOG_FIELD_ERRNO, .i = error };
}

/* Any bytes, from anywhere. */
static inline struct log_field log_bytes(const char *key, const void *value, size_t length)
{
	return (struct log_field){
		.key = key, .type = LOG_FIELD_BYTES, .text = value, .length = length
	};
}

static inline struct log_field log_addr(const char *key, const union addr *value)
{
	return (struct log_field){ .key = key, .type = LOG_FIELD_ADDR, .addr = value };
}

#define LOG_FIELDS(...)                            \
	(const struct log_field[]){ __VA_ARGS__ }, \
		sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field)

/* Log one line, if its level is enabled: log_event(ring, EVENT_READY, LOG_FIELDS(...)).
 * Thread: the ring's. */
void log_event(
	struct log_ring *ring, enum log_event_id id, const struct log_field *fields, size_t count);

/* The same in the name of another source: the main thread's summary of worker 3 goes where worker
 * 3's lines go. Thread: the ring's. */
void log_event_as(struct log_ring *ring, struct log_source source, enum log_event_id id,
	const struct log_field *fields, size_t count);

/* The same, and also to stderr, if that is not the target. Waits for neither. Thread: owner, whose ring it
 * is. */
void log_alarm(
	struct log_ring *ring, enum log_event_id id, const struct log_field *fields, size_t count);

/* The same as log_event() for an event of the program that embeds the server. `name` is constant prose, a few
 * words. Thread: the ring's. */
void log_user_event(struct log_ring *ring, enum log_level level, const char *name,
	const struct log_field *fields, size_t count);

/* Limits a repeated warning to one line a second. Starts zeroed. Thread: one. */
struct log_limit {
	int64_t next_ns;
	uint64_t suppressed;
};

/* May a line be logged now? If so, *ret_suppressed is the number left out since the last one. */
bool log_limit_pass(struct log_limit *limit, int64_t monotonic_ns, uint64_t *ret_suppressed);

#endif
