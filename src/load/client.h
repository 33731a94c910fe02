/* A client: a socket that is connected to the server, and its requests. */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include "load/options.h"
#include "load/window.h"

/* How answers are matched to requests. */
enum load_matching { LOAD_UNKNOWN, LOAD_BY_NUMBER, LOAD_IN_ORDER };

struct load_client {
	int fd; /* -1: none */
	enum load_matching matching;
	struct load_window window;
	uint64_t next_due; /* open loop: the next request of the schedule that this client sends */
};

/* Make the socket of client `index`, with buffers as large as the kernel allows. -errno, of bind(2)
 * or connect(2) for example: one line on stderr says what failed. */
int load_client_open(const struct load_options *options, uint32_t index, int *ret_fd);

/* How many answers were lost because the socket's buffer was full. */
uint64_t load_client_drops(int fd);

#endif
