/* The consumer of the rings: takes lines out of all of them and writes them to the sinks, several
 * at once.
 *
 * It is one thread at a time: the writer while there is one, else whoever holds the log's lock. */
#ifndef LOG_CONSUMER_H
#define LOG_CONSUMER_H

#include "log/ring.h"
#include "log/sinks.h"

/* So much is written at once: a pipe takes it whole or not at all (PIPE_BUF). */
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
	size_t done;   /* written so far */
	uint64_t told; /* it is one line that tells of so many lost */
	char bytes[LOG_BATCH_BYTES];
};

struct log_consumer {
	struct log_ring *_Atomic rings; /* a list that only grows, by the owner */
	_Atomic uint64_t lost;		/* lines that were in a ring, and no sink took */

	/* The consumer's. */
	struct log_sinks *sinks;
	struct log_batch batch;
};

/* Move lines to the sinks, and wait shortly for a blocked one. When `next` is not NULL, lines that
 * were rendered for it stay in the rings. */
enum log_progress log_consumer_step(struct log_consumer *consumer, const struct log_sinks *next);

/* Empty the rings, in which nothing is put meanwhile. What a blocked sink has not taken at the
 * deadline (monotonic) is lost. */
void log_consumer_empty(struct log_consumer *consumer, int64_t deadline_ns);

/* The last of it: as log_consumer_empty(), but sinks that rest are tried once more, and the lines
 * that were lost at the end are told of. */
void log_consumer_finish(struct log_consumer *consumer, int64_t deadline_ns);

/* Go over to `next`, when what was rendered for the sinks before is written or, at the
 * deadline, lost. Producers must have seen `next`. Takes it, and frees those before. */
void log_consumer_switch(
	struct log_consumer *consumer, struct log_sinks *next, int64_t deadline_ns);

#endif
