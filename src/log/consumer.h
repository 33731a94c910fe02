/* The consumer takes lines out of all rings and writes them to the sinks, several at once. It is
 * one thread at a time: the writer if it runs, else the thread that holds the log's lock. */
#ifndef LOG_CONSUMER_H
#define LOG_CONSUMER_H

#include "log/ring.h"
#include "log/sink.h"

/* PIPE_BUF of pipe(7): a pipe takes up to this many bytes whole or not at all. */
#define LOG_BATCH_BYTES 4096u

enum log_progress {
	LOG_IDLE,    /* the rings are empty */
	LOG_MOVED,   /* lines were taken; there may be more */
	LOG_BLOCKED, /* a sink took nothing for a while */
};

/* Whole lines on their way to one sink. */
struct log_batch {
	struct log_sink *sink;
	size_t length;
	size_t done;	  /* written so far */
	uint64_t reports; /* lines lost, if this is the one line that reports them */
	char bytes[LOG_BATCH_BYTES];
};

struct log_consumer {
	struct log_ring *_Atomic rings; /* a list that only grows, by the owner */
	_Atomic uint64_t lost;		/* lines that were in a ring, and that no sink took */

	/* The consumer's. */
	struct log_sinks *sinks;
	struct log_batch batch;
	struct log_limit alarm_limit;
};

/* Move lines to the sinks, and wait shortly for a blocked one. Lines that were formatted for `next`
 * stay in the rings; NULL: none were. */
enum log_progress log_consumer_step(struct log_consumer *consumer, const struct log_sinks *next);

/* Do so until there is nothing to move. Meanwhile, producers may log only for `next`. What a
 * blocked sink has not taken at the deadline (monotonic) is lost. */
void log_consumer_empty(
	struct log_consumer *consumer, const struct log_sinks *next, int64_t deadline_ns);

/* At the end: try sinks that failed again, empty the rings, and report the lines lost last. */
void log_consumer_finish(struct log_consumer *consumer, int64_t deadline_ns);

/* Empty the rings of lines for the old sinks, then use `next` and free the old ones. Producers must
 * have seen `next`. */
void log_consumer_switch(
	struct log_consumer *consumer, struct log_sinks *next, int64_t deadline_ns);

#endif
