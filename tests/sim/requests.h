/* Requests served one batch after the other, with nothing else around them: what the product's own
 * code costs for each can be counted. */
#ifndef SIM_REQUESTS_H
#define SIM_REQUESTS_H

#include <stdbool.h>

struct run;

/* Serve `count` of them from so many addresses; false: these words say nothing. */
bool requests_run(const char *count, const char *mode, const char *addresses);

/* What is counted: so many batches, each received, run and answered. */
__attribute__((noinline)) void requests_serve(struct run *run, unsigned batches);

#endif
