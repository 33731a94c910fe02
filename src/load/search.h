/* The search of --find-max: the highest rate whose loss and p99 are within the limits. */
#ifndef LOAD_SEARCH_H
#define LOAD_SEARCH_H

#include "load/limit.h"

#define LOAD_STEPS_MAX 64

/* A rate that was tried. */
struct load_step {
	double rate, answered; /* a second */
	double loss_percent, p99_us;
	enum load_limit limit;
};

struct load_search {
	struct load_step steps[LOAD_STEPS_MAX];
	unsigned steps_count;
	double max_rate;       /* the highest rate that passed; 0: none did */
	double failed_rate;    /* the lowest rate that failed; 0: none did */
	enum load_limit limit; /* of failed_rate */
};

/* `ret_result` is that of max_rate, or of failed_rate if no rate passed. -errno: one line on stderr
 * says what failed. */
int load_search(const struct load_options *options, const struct load_payload *payload,
	struct load_search *ret_search, struct load_result *ret_result);

#endif
