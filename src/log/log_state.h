/* What log.c and log_files.c share. Inside src/log/log*.c only. */
#ifndef LOG_LOG_STATE_H
#define LOG_LOG_STATE_H

#include <pthread.h>
#include <signal.h>

#include "base/eventcount.h"
#include "base/lock.h"
#include "base/start_latch.h"
#include "base/thread.h"
#include "log/consumer.h"

enum log_flush { LOG_FLUSH_NONE, LOG_FLUSH_ASKED };

struct log {
	_Atomic int level;		 /* the highest that is logged; -1: none */
	struct log_sinks *_Atomic sinks; /* what producers format for; changed by the consumer */
	_Atomic bool threaded;		 /* the writer is the consumer, and no producer is */
	struct lock lock;		 /* else: its holder is the consumer */
	struct log_consumer consumer;

	/* To the writer. */
	struct eventcount wake;
	struct log_sinks *_Atomic request; /* switch to these; NULL: done */
	_Atomic bool stopping;
	int64_t stop_ns;	/* the deadline; written before `stopping` */
	_Atomic uint32_t flush; /* enum log_flush: a thread waits for the writer here */

	/* From the writer. */
	struct eventcount served;

	/* The owner's. */
	unsigned workers;   /* those below have files */
	unsigned receivers; /* all have files */
	int kept_stderr;    /* see log_sinks_open_stderr() */
	bool running;	    /* the writer */
	struct thread_prologue prologue;
	struct start_latch latch;
	pthread_t writer;
};

void log_set_level(struct log *log, const struct log_settings *settings);

/* Make the consumer use these sinks, which it takes. Thread: owner. */
void log_use_sinks(struct log *log, struct log_sinks *sinks);

/* The thread that writes gets SIGPIPE and SIGXFSZ. The writer has both blocked; a thread of
 * the program, which may not know that it writes, must not die of a log line. */
void log_hold_signals(sigset_t *ret_before, sigset_t *ret_held);
void log_release_signals(const sigset_t *before, const sigset_t *held);

#endif
