/* The log itself, for log.c (its interface) and log_writer.c (its thread). */
#ifndef LOG_LOG_INTERNAL_H
#define LOG_LOG_INTERNAL_H

#include "base/eventcount.h"
#include "base/lock.h"
#include "log/consumer.h"
#include "base/thread.h"

struct log {
	_Atomic int level;		 /* the highest that is logged; -1: none */
	struct log_sinks *_Atomic sinks; /* what producers render for; changed by the consumer */
	_Atomic bool threaded;		 /* the writer is the consumer, and no producer */
	struct lock lock;		 /* else who holds this, and its own ring's producer */
	struct log_consumer consumer;

	/* To the writer. */
	struct eventcount wake;
	struct log_sinks *_Atomic request; /* go over to these; NULL: done */
	_Atomic bool stopping;
	int64_t stop_ns; /* the deadline; written before `stopping` */

	/* From the writer. */
	struct eventcount served;

	/* The owner's. */
	unsigned workers; /* those below have files */
	bool running;
	pthread_t writer;
};

/* Make all use these sinks, which it takes, instead of those before. Thread: owner. */
void log_writer_replace(struct log *log, struct log_sinks *sinks);

/* A line of this ring when there is no writer: false when there is one. Thread: the ring's. */
bool log_writer_direct(struct log_ring *ring, const struct log_line *line);

/* A line of this ring when there is a writer: false when there is none. Thread: the ring's. */
bool log_writer_push(struct log_ring *ring, const struct log_line *line);

#endif
