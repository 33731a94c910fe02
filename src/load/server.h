/* What the kernel counts for the server's socket, if the server is on this machine. */
#ifndef LOAD_SERVER_H
#define LOAD_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct load_server {
	bool local;	      /* the server is on this machine; otherwise the counts are 0 */
	uint64_t drops;	      /* datagrams that found the socket's buffer full */
	uint64_t queue_bytes; /* of the datagrams in the buffer, the kernel's overhead included */
};

void load_server_read(const union addr *address, struct load_server *ret_server);

#endif
