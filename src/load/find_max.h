/* The search for the highest rate whose loss and p99 are below the limits. */
#ifndef LOAD_FIND_MAX_H
#define LOAD_FIND_MAX_H

#include "load/verdict.h"

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
	double max_rate;       /* the highest that passed; 0: none did */
	enum load_limit limit; /* of the lowest above it that did not */
};

/* `ret_result`: of the best step. -errno: one line on stderr says what. */
int load_find_max(const struct load_options *options, const struct load_payload *payload,
	struct load_search *ret_search, struct load_result *ret_result);

#endif
