/* Requests served one batch after the other, with nothing else around them: what the product's own
 * code costs for each can be counted. */
#ifndef SIM_REQUESTS_H
#define SIM_REQUESTS_H

#include <stdbool.h>

struct run;

/* Serve `count` requests from this number of addresses. False: not a count, mode or number. */
bool requests_run(const char *count, const char *mode, const char *addresses);

/* A world with one service, served by "workers", "assisted" or "inline"; NULL: no such mode. */
struct run *requests_begin(const char *mode, unsigned addresses);
void requests_end(struct run *run);

/* What is counted: `batches` of `size` requests each, received, run and answered. */
__attribute__((noinline)) void requests_serve(struct run *run, unsigned batches, unsigned size);

#endif
