/* Logs that never hold up the thread that writes them.
 *
 * DESIGN: each thread has a ring of its own (one producer); one writer thread, `dgram/log`, empties all
 * rings into the target. log_event() renders a line, puts it into the ring and returns: it never waits
 * and makes no system call but the writer's wake-up. When the ring is full the line is dropped and
 * counted, and the ring's next line is preceded by one that says how many were. Lines of one thread
 * stay in order; lines of different threads do not. The writer waits for a blocked target (a pipe
 * that nobody reads) and tries a full one (ENOSPC) again after a while: meanwhile rings fill.
 * Before log_start() and after log_stop() a line is written by the caller.
 *
 * One event is one line, fields before prose, everything that came from outside escaped to printable
 * ASCII:
 *	2026-11-22T22:27:18.004112Z debug worker/3 request worker=3 client=10.9.0.2:41100 bytes=5 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "addr.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

enum log_format {
	LOG_FORMAT_LOGFMT,
	LOG_FORMAT_JSON,
	LOG_FORMAT_JOURNAL, /* "<N>" in front and no time: sd-daemon(3) */
};

/* Who speaks: the source of a line, and with "{worker}" in the target, its file. */
enum log_speaker {
	LOG_MAIN,     /* "main" */
	LOG_RECEIVER, /* "receiver/0" */
	LOG_WORKER,   /* "worker/3", and a field worker=3 */
};

struct log_settings {
	enum log_level level;
	const char *format; /* "auto", "logfmt", "json", "journal"; auto: journal when stderr is the journal */
	const char *color;  /* "auto", "always", "never"; auto: a terminal, and no NO_COLOR */
	const char *target; /* "stderr", "none", a path; "{worker}" in it: a file for each worker */
};

struct log;
struct log_ring;

/* Takes memory, copies the settings, opens nothing: lines go to stderr until log_apply(). -ENOMEM. */
int log_new(const struct log_settings *settings, struct log **ret_log);

/* Use these settings from now on. When the target cannot be opened nothing changes: -errno. Opens the
 * files of every ring. Thread: owner. */
int log_apply(struct log *log, const struct log_settings *settings);

/* Close and open the files again; a file that cannot be opened keeps its old descriptor: -errno.
 * Thread: owner. */
int log_reopen(struct log *log);

/* Start and stop the writer. Stopping waits until all lines are written, for at most `timeout_ms` if
 * the target does not take them; what is left is counted as lost. Thread: owner. */
int log_start(struct log *log);
void log_stop(struct log *log, int timeout_ms);

/* Lines dropped so far because a ring was full or the target failed. Thread: any. */
uint64_t log_lost(const struct log *log);

/* Bytes of memory that a ring takes. */
size_t log_ring_bytes(void);

/* NULL is fine; stops the writer first if it runs; frees the rings too. */
void log_free(struct log *log);

/* A ring for one thread. The log owns it, until log_free(). Thread: owner. */
int log_ring_new(struct log *log, enum log_speaker speaker, unsigned number, struct log_ring **ret_ring);

/* Is this level logged now? Cheap. Thread: any. */
bool log_enabled(const struct log_ring *ring, enum log_level level);

/* A field of a line. */
struct log_field {
	const char *key; /* [a-z_0-9]+ */
	enum { LOG_FIELD_UINT, LOG_FIELD_INT, LOG_FIELD_TEXT, LOG_FIELD_BYTES, LOG_FIELD_ADDR } type;
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

static inline struct log_field log_text(const char *key, const char *value)
{
	return (struct log_field){ .key = key, .type = LOG_FIELD_TEXT, .text = value };
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

#define LOG_FIELDS(...)                                                                            \
	(const struct log_field[]){ __VA_ARGS__ },                                                 \
		sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field)

/* Log one line, if its level is enabled: log_event(ring, LOG_LEVEL_INFO, "ready", LOG_FIELDS(...)).
 * `event` is constant prose, a few words. Thread: the ring's. */
void log_event(struct log_ring *ring, enum log_level level, const char *event,
	const struct log_field *fields, size_t count);

/* The same in the name of another speaker: the main thread's summary of worker 3 goes where worker
 * 3's lines go. */
void log_event_as(struct log_ring *ring, enum log_speaker speaker, unsigned number,
	enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* Limits a repeated warning to one line a second. Zeroed at first; owned by one thread. */
struct log_limit {
	int64_t next_ns;
	uint64_t suppressed;
};

/* True when a line may be written now; *ret_suppressed then says how many were not since the last. */
bool log_limit_pass(struct log_limit *limit, int64_t monotonic_ns, uint64_t *ret_suppressed);

#endif
