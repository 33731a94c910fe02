/* The sources that asked most of a queue in a window, by requests and by time: the first ten of each. */
#ifndef QUEUE_TALKERS_H
#define QUEUE_TALKERS_H

#include <stdint.h>

#include "core/datagram.h"

#define TALKERS_MAX 10u

struct talker {
	struct flow_source source;
	uint64_t requests;
	int64_t served_ns;
};

/* Zeroed: nothing was looked at. */
struct talkers {
	bool begun;
	bool again; /* for the window before, if nothing is found: what is empty may begin a window, too */
	uint32_t window; /* of the flows, which it is about */
	uint32_t next;	 /* flow that is to be looked at */
	struct talker by_requests[TALKERS_MAX],
		by_time[TALKERS_MAX]; /* the most first; then zeroes */
};

void talkers_add(struct talkers *talkers, const struct talker *talker);

/* As the address of a source was: of IPv6 the /64, but the whole with a port, or link-local. */
void talkers_address(const struct flow_source *source, union addr *ret_address);

#endif
