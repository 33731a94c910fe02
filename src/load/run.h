/* A run: requests for a while, and what became of them. */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "load/kernel.h"
#include "load/options.h"
#include "load/payload.h"
#include "load/tally.h"

#define LOAD_SAMPLES_MAX 600

/* The counts up to a moment of a run. */
struct load_sample {
	int64_t ns;
	uint64_t due, sent, answered;
};

struct load_result {
	enum load_mode mode;
	double seconds; /* of requests that are counted */
	uint64_t due;	/* how many should have been sent; in a closed loop, how many were */
	uint64_t send_errors;
	int send_error;	  /* the last: an errno */
	uint64_t refused; /* times that nobody listened */
	uint64_t bytes_received;
	uint64_t client_drops; /* answers lost in our own buffers */
	size_t size;	       /* of a request */
	double cpu_percent;    /* ours */
	struct load_tally tally;
	struct load_kernel server; /* what changed there */
	struct load_sample samples[LOAD_SAMPLES_MAX];
	unsigned samples_count;
};

/* Make a run of mode LOAD_OPEN or LOAD_CLOSED. -errno: one line on stderr says what. */
int load_run(const struct load_options *options, const struct load_payload *payload,
	struct load_result *ret_result);

/* End the run early, and have none begin. Thread: any, async-signal-safe. */
void load_run_stop(void);
bool load_run_is_stopped(void);

#endif
