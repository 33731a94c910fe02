/* Sinks, where lines go: stderr, a file, a FIFO, or nowhere. A set of sinks is one value of the
 * log's settings with its files open.
 *
 * The owner makes a set and then shares it. From then on style, generation and descriptors do not
 * change; the owner may still open a thread's sink; the rest of a sink is the consumer's. New
 * settings are a new set, which may share sinks with the old one. */
#ifndef LOG_SINK_H
#define LOG_SINK_H

#include <sys/types.h>

#include "log/format.h"

struct log_sink {
	/* How many sets share it. The owner changes it, or the consumer while the owner waits. */
	unsigned sets;

	/* Set when it is opened. */
	int fd;	       /* -1: lines go nowhere, and that is no loss */
	bool borrowed; /* the descriptor is the process's stderr: not ours to close */
	bool socket;

	/* The consumer's. */
	bool partial_line;   /* the last line lacks its end */
	int64_t backoff_ns;  /* the pause after its last failure; 0: it works */
	int64_t retry_ns;    /* monotonic time when that pause is over */
	int error;	     /* errno of the last failure that no line has reported */
	uint64_t unreported; /* lines lost that no line of this sink has reported */
	bool alarmed;	     /* stderr was told that it fails */
};

/* Workers' sinks have the workers' numbers; behind main's are those of the receivers. */
#define LOG_SINKS_MAIN LOG_WORKERS_MAX

struct log_sinks {
	struct log_style style;
	struct log_style alarm_style; /* of a line to stderr that the target cannot take */
	uint8_t generation;	      /* set before it is shared */
	char *target;
	int kept_stderr; /* the log's, -1: none */
	unsigned count;
	struct log_sink *_Atomic all[]; /* NULL: lines go to main's */
};

/* A description of stderr of our own, which a set is made with, to use it where no other can be had; -1: none. */
int log_sinks_open_stderr(void);

/* A set whose only sink is stderr as it is: opens nothing. -ENOMEM, -EINVAL. */
int log_sinks_new(const struct log_settings *settings, unsigned receivers, int kept_stderr,
	struct log_sinks **ret_sinks);

/* A set that shares all sinks but those of workers from `workers` on. -ENOMEM. */
int log_sinks_copy(const struct log_sinks *sinks, unsigned workers, struct log_sinks **ret_sinks);

/* Give the lines another form and colour, from now on: before it is shared. -EINVAL. */
int log_sinks_restyle(struct log_sinks *sinks, const struct log_settings *settings);

/* NULL is fine. Closes the sinks that no other set shares. */
void log_sinks_free(struct log_sinks *sinks);

/* Open the target, with "main" for "{worker}". -ENOMEM, or as log_apply(). */
int log_sinks_open_main(struct log_sinks *sinks);

/* Open the file of a worker or receiver, if the target has such files and this one is not open. */
int log_sinks_open_own(struct log_sinks *sinks, struct log_source source);

/* Open again what is open. A sink that cannot be opened stays, and the last error is returned. */
int log_sinks_reopen(struct log_sinks *sinks);

/* Has a worker with this number, or a higher one, a sink? */
bool log_sinks_have_workers(const struct log_sinks *sinks, unsigned number);

/* Thread: consumer. */
struct log_sink *log_sinks_route(struct log_sinks *sinks, struct log_source source);

/* Take over what the sinks of `old` have left to report and to finish. Thread: consumer. */
void log_sinks_inherit(struct log_sinks *sinks, const struct log_sinks *old);

/* End the pauses after failures. Thread: consumer. */
void log_sinks_end_backoff(struct log_sinks *sinks);

/* Write the line to stderr, unless that is the target, or does not take it at once. Thread: any. */
void log_sinks_alarm(const struct log_sinks *sinks, const struct log_line *line);

/* Write at most `length` bytes, and wait at most `timeout_ms` until that is possible. Returns how
 * many were written, at least 1; -EAGAIN after the timeout; or -errno. Thread: consumer. */
ssize_t log_sink_write(struct log_sink *sink, const char *bytes, size_t length, int timeout_ms);

#endif
