/* One line on a terminal while a run goes on; nothing elsewhere. */
#ifndef LOAD_PROGRESS_H
#define LOAD_PROGRESS_H

#include "load/run.h"

struct load_progress {
	bool wanted, shown;
	int64_t shown_ns;
	uint64_t sent, answered; /* as they were then */
	struct histogram latency;
};

void load_progress_begin(struct load_progress *ret_progress, const struct load_options *options);

/* Anew, twice a second: the rates and latencies since the last time. */
void load_progress_show(struct load_progress *progress, struct load_result *result, int64_t now_ns);

/* Take the line away. */
void load_progress_end(struct load_progress *progress);

#endif
