/* The progress of a run, on stderr: on a terminal one line that changes, and with --progress a line, or
 * with --json an object on a line, every so often. */
#ifndef LOAD_PROGRESS_H
#define LOAD_PROGRESS_H

#include "load/options.h"
#include "load/window.h"

struct load_progress {
	const struct load_options *options;
	int64_t every_ns; /* 0: nothing is shown */
	bool in_place;	  /* each line replaces the last one */
	/* The counts when it was last shown. */
	int64_t ns;
	uint64_t sent, answered;
	struct histogram latency;
};

/* Begin with zeros. */
void load_progress_init(struct load_progress *progress, const struct load_options *options);

/* Show what has changed since the last time, if it is time for that. */
void load_progress_show(
	struct load_progress *progress, struct load_counters *counters, int64_t now_ns);

/* The run is over: a line that changes goes. */
void load_progress_end(const struct load_progress *progress);

#endif
