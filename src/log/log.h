/* Logs that never hold up the thread that writes them.
 *
 * DESIGN: each thread has a ring of its own (one producer); one writer thread, `dgram/log`, empties
 * all rings into the target. log_event() formats a line, puts it into the ring and returns: it
 * never waits and makes no system call but the writer's wake-up. Lines of one thread stay in order;
 * lines of different threads do not.
 *
 * The writer waits for a blocked target (a pipe that nobody reads), while the rings fill: a line
 * that does not fit is dropped and counted. What a failing target (ENOSPC, EPIPE) does not take is
 * lost and counted, as is all that comes until it is tried again, after 100 ms at first, 5 s at
 * last. The next line that is written is preceded by one that says how many were lost. Once the
 * rings are empty, lines logged = lines written + log_lost(), exactly.
 *
 * Before log_start() and after log_stop() a line is written by the caller, which must then hold no
 * lock, and waits for a blocked target 200 ms at most.
 *
 * One event is one line of at most 2048 bytes, all of it printable ASCII:
 *	2026-11-22T22:27:18.004112Z debug worker/3 request worker=3 client=10.9.0.2:41100 bytes=5
 * logfmt and journal: a value that is empty or holds a blank, "=", a quote, a backslash or a byte
 * that is not printable ASCII stands in quotes, in which the latter three are \" and \\ and \xNN.
 * Long values are cut and end in "..."; fields that have no room left are counted in a last field,
 * fields_cut=N.
 * json: {"time":..., "level":..., "source":"worker/3", "event":..., "worker":3, ...}. A string has
 * the same \\ and \xNN, and then JSON's own escapes: the bytes `a`, 0, `b` are "a\\x00b". So what a
 * JSON parser gives is printable ASCII too, and says which bytes there were, UTF-8 or not. */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "log/event.h"

/* Who speaks: with "{worker}" in the target, it decides the file. */
enum log_speaker {
	LOG_MAIN,     /* "main" */
	LOG_RECEIVER, /* "receiver/0" */
	LOG_WORKER,   /* "worker/3", and a field worker=3 */
};

/* The source of a line. */
struct log_source {
	enum log_speaker speaker;
	unsigned number;
};

/* Numbers of workers are lower. */
#define LOG_WORKERS_MAX 1024u

struct log_settings {
	enum log_level level;
	const char *format; /* "auto", "logfmt", "json", or "journal": "<N>" in front and no time,
			     * sd-daemon(3); auto: journal when stderr is the journal, else logfmt */
	const char *color;  /* "auto", "always", "never", for logfmt on stderr; auto: when it is a
			     * terminal, and no NO_COLOR */
	const char *target; /* "stderr", "none", or a path; "{worker}" in it becomes the number of
			     * the worker that speaks, and "main" for all others */
};

struct log;
struct log_ring;

/* Takes memory, copies the settings, opens nothing: lines go to stderr until log_apply(). -ENOMEM;
 * -EINVAL: a word that is none of these. */
int log_new(const struct log_settings *settings, struct log **ret_log);

/* Use these settings from now on: lines logged before are in the old target when this returns, or
 * lost if it did not take them within half a second. When a file cannot be opened nothing changes:
 * -errno
 * (-ENXIO: a FIFO that nobody reads). Opens the files of every ring, but see log_set_workers().
 * Thread: owner. */
int log_apply(struct log *log, const struct log_settings *settings);

/* Close and open the files again, as log_apply(); a file that cannot be opened keeps its old
 * descriptor: -errno. Thread: owner. */
int log_reopen(struct log *log);

/* With "{worker}" in the target, only workers with numbers below `workers` have files: of more, the
 * files of rings there are open now (on failure nothing changes: -errno); of fewer, the files of the
 * others close now (-ENOMEM: at the next log_apply()), and lines of theirs go where those of main
 * go. LOG_WORKERS_MAX at first. Thread: owner. */
int log_set_workers(struct log *log, unsigned workers);

/* Start the writer. -EAGAIN, -ENOMEM. Thread: owner. */
int log_start(struct log *log);

/* Stop the writer, if it runs, when all lines are written, after at most `timeout_ms` if the target
 * does not take them; what is left is counted as lost. Thread: owner. */
void log_stop(struct log *log, int timeout_ms);

/* Lines dropped so far because a ring was full or the target failed. Thread: any. */
uint64_t log_lost(const struct log *log);

/* Bytes of memory that a ring takes, once all of it was in use. LOG_MAIN's has room for a line on
 * each of LOG_WORKERS_MAX workers at once. */
size_t log_ring_bytes(enum log_speaker speaker);

/* NULL is fine; stops the writer first if it runs, and waits a second at most. Frees the rings. */
void log_free(struct log *log);

/* A ring for one thread, and its file if it has one (log_set_workers()). The log owns it, until
 * log_free(): a worker that comes again takes the ring it had. -ENOMEM, or as open(2) has it.
 * Thread: owner. */
int log_ring_new(
	struct log *log, enum log_speaker speaker, unsigned number, struct log_ring **ret_ring);

/* Is this level logged now? Cheap. Thread: any. */
bool log_enabled(const struct log_ring *ring, enum log_level level);

/* A field of a line. */
struct log_field {
	const char *key; /* [a-z_0-9]+, and no key that the line has of itself */
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

/* What errno(3) value `error`, a positive one, means. The kernel has some that nobody describes:
 * "unknown error 524". */
static inline struct log_field log_errno(const char *key, int error)
{
	return (struct log_field){ .key = key, .type = LOG_FIELD_ERRNO, .i = error };
}

/* Bytes that came from anywhere: escaped, and cut with "..." when they are many. */
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

/* The same for an event of the program that embeds the server. `name` is constant prose, a few
 * words. Thread: the ring's. */
void log_user_event(struct log_ring *ring, enum log_level level, const char *name,
	const struct log_field *fields, size_t count);

/* Limits a repeated warning to one line a second. Zeroed at first; owned by one thread. */
struct log_limit {
	int64_t next_ns;
	uint64_t suppressed;
};

/* True when a line may be written now; *ret_suppressed says how many were not since the last. */
bool log_limit_pass(struct log_limit *limit, int64_t monotonic_ns, uint64_t *ret_suppressed);

#endif
