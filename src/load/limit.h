/* What kept a run from the limits of loss and latency: where to look first. */
#ifndef LOAD_LIMIT_H
#define LOAD_LIMIT_H

#include "load/run.h"

enum load_limit {
	LOAD_LIMIT_NONE,
	LOAD_LIMIT_CLIENT,  /* dgramload itself, or the buffers of its sockets */
	LOAD_LIMIT_KERNEL,  /* the buffer of the server's socket */
	LOAD_LIMIT_QUEUE,   /* the server received requests and did not answer them */
	LOAD_LIMIT_WORKERS, /* all requests were answered, but too late */
	LOAD_LIMIT_SERVER,  /* one of the last three, on another machine */
};

extern const char *const load_limit_names[];
extern const char *const load_limit_sentences[];

/* What kept the run from options->max_loss_percent and options->max_p99_ns. Latencies that are unknown
 * are not judged. */
enum load_limit load_limit_find(const struct load_options *options, struct load_result *result);

/* What kept the server from them: how late we sent is not its fault, so latencies count from when the
 * requests were sent. LOAD_LIMIT_CLIENT: we did not offer what we should, so it tells nothing. */
enum load_limit load_limit_find_server(
	const struct load_options *options, struct load_result *result);

/* Lost and late requests in percent of those sent. */
double load_limit_loss_percent(const struct load_result *result);

#define LOAD_REMARKS_MAX 12

/* Sentences about what makes the figures less reliable than they seem. */
struct load_remarks {
	unsigned count;
	char texts[LOAD_REMARKS_MAX][200];
};

void load_limit_remark(struct load_result *result, struct load_remarks *ret_remarks);

#endif
