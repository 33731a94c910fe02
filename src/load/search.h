/* The search of --find-max: the highest rate whose loss and p99 are within the limits.
 *
 * What else runs on the machine makes a try worse, never better. So a rate holds if it does in one of
 * several tries, and a try in which dgramload itself was late tells nothing. At the edge rates are
 * tried again, and how much the tries differ is part of the result. */
#ifndef LOAD_SEARCH_H
#define LOAD_SEARCH_H

#include "load/limit.h"

#define LOAD_STEPS_MAX 64

/* A try of a rate. */
struct load_step {
	double rate, answered;	     /* a second */
	double loss_percent, p99_us; /* the latter since requests were sent */
	bool latency_known;
	enum load_limit limit;
};

struct load_search {
	struct load_step steps[LOAD_STEPS_MAX];
	unsigned steps_count;
	double max_rate;       /* the highest rate that held in a try; 0: none did */
	double failed_rate;    /* the lowest one above it; 0: none was tried */
	double steady_rate;    /* the highest rate that held in each try; 0: none did */
	enum load_limit limit; /* of failed_rate */
};

/* `ret_result` is that of max_rate, or of a try that failed if no rate held. -errno: one line on
 * stderr says what failed. */
int load_search(const struct load_options *options, const struct load_payload *payload,
	struct load_search *ret_search, struct load_result *ret_result);

#endif
