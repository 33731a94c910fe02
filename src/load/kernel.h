/* What the kernel says of the server's socket, if that is on this machine. */
#ifndef LOAD_KERNEL_H
#define LOAD_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct load_kernel {
	bool local;	      /* the server is here: what follows is known */
	uint64_t drops;	      /* datagrams that found its buffer full */
	uint64_t queue_bytes; /* that wait in it, with what the kernel needs for each */
};

void load_kernel_read(const union addr *server, struct load_kernel *ret_kernel);

#endif
