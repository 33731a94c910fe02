/* One place where lines go: stderr, a file, a FIFO, or nowhere. */
#ifndef LOG_SINK_H
#define LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What stands for the name of who speaks in a target. */
#define LOG_SINK_WORKER "{worker}"

struct log_sink {
	/* Set when it is opened. */
	int fd;	     /* -1: lines go nowhere, and that is no loss */
	bool shared; /* the descriptor is the process's stderr: not ours to close */
	bool socket;

	/* The consumer's. */
	bool torn;	     /* the last line was left unfinished */
	int64_t rest_ns;     /* how long it rests after a failure; 0: it works */
	int64_t rested_ns;   /* monotonic time when it is tried again */
	int error;	     /* errno of the last failure that was not told of */
	uint64_t unreported; /* lines lost that no line of this sink has told of */
};

/* Open a target; `who` takes the place of each LOG_SINK_WORKER in it. Errors as log_apply(). */
int log_sink_open(const char *target, const char *who, struct log_sink *ret_sink);

/* Stderr as it is: opens nothing. */
void log_sink_plain_stderr(struct log_sink *ret_sink);

/* A copy of an open one. */
int log_sink_copy(const struct log_sink *sink, struct log_sink *ret_sink);

void log_sink_close(const struct log_sink *sink);

/* Before `sink` takes over from `old`: what that has left to tell, to finish. Thread: consumer. */
void log_sink_inherit(struct log_sink *sink, const struct log_sink *old);

/* Write at most `length` bytes, and wait at most `timeout_ms` until that is possible. Returns how
 * many were written, at least 1; -EAGAIN after the timeout; or -errno. Thread: consumer. */
ssize_t log_sink_write(struct log_sink *sink, const char *bytes, size_t length, int timeout_ms);

#endif
