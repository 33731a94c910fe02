/* A run: requests are sent for a while, and what became of them is counted. */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "load/options.h"
#include "load/payload.h"
#include "load/server.h"
#include "load/window.h"

#define LOAD_SAMPLES_MAX 600

/* The counts up to a moment of the run. */
struct load_sample {
	int64_t ns;
	uint64_t due, answered;
};

struct load_result {
	enum load_mode mode;
	double seconds; /* of sending, without the warm-up */
	uint64_t
		due; /* requests that should have been sent; in a closed loop, those that were tried */
	uint64_t send_errors;
	int send_error;	       /* the last one: an errno */
	uint64_t refused;      /* how often nobody listened */
	uint64_t windows_full; /* how often a socket had too many requests in flight to send more */
	uint64_t bytes_received;
	uint64_t client_drops; /* answers lost in our own buffers */
	size_t size;	       /* of a request */
	double cpu_percent;    /* of one processor, used by dgramload */
	double wait_percent;   /* of the time, in which dgramload waited for a processor */
	struct load_counters counters;
	struct load_server server; /* drops: during the run; queue_bytes: when sending ended */
	struct load_sample samples[LOAD_SAMPLES_MAX];
	unsigned samples_count;
};

/* Run an open or a closed loop. -errno: one line on stderr says what failed. */
int load_run(const struct load_options *options, const struct load_payload *payload,
	struct load_result *ret_result);

/* A count a second; 0 when the run took no time. */
double load_run_rate(const struct load_result *result, uint64_t count);

/* End the current run early, and let no other begin. Thread: any, async-signal-safe. */
void load_run_stop(void);
bool load_run_is_stopped(void);

#endif
