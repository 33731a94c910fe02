/* Requests served one batch after the other, with nothing else around them: what the product's own
 * code costs for each can be counted. */
#ifndef SIM_REQUESTS_H
#define SIM_REQUESTS_H

#include <dgram.h>
#include <stdbool.h>

struct run;

/* Serve `count` requests from this number of addresses, by an echo that is linked in, or by that of a plug-in
 * (NULL: none). False: not a count, mode, number or plug-in. */
bool requests_run(const char *count, const char *mode, const char *addresses, const char *plugin);

/* A world with one service, served by "workers", "assisted" or "inline"; NULL: no such mode. */
struct run *requests_begin(
	const char *mode, unsigned addresses, const struct dgram_handler *handler);
void requests_end(struct run *run);

/* What is counted: `batches` of `size` requests each, received, run and answered. */
__attribute__((noinline)) void requests_serve(struct run *run, unsigned batches, unsigned size);

#endif
