/* A client: a socket that is connected to the server, and its requests. */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include "load/options.h"
#include "load/tally.h"

enum load_matching { LOAD_UNKNOWN, LOAD_BY_NUMBER, LOAD_IN_ORDER };

struct load_client {
	int fd; /* -1: none */
	enum load_matching matching;
	struct load_window window;
	uint64_t next_due; /* open loop: which of all requests it sends next */
};

/* A socket of client `index`. Its buffers are as large as the kernel lets them be. -errno of bind(2)
 * or connect(2), among others: one line on stderr says what. */
int load_client_open(const struct load_options *options, uint32_t index, int *ret_fd);

/* Answers that were lost since the socket's buffer was full. */
uint64_t load_client_drops(int fd);

#endif
