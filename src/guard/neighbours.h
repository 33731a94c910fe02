/* What the kernel lets wait for neighbours that do not answer: charged to the send buffers, for three seconds. */
#ifndef GUARD_NEIGHBOURS_H
#define GUARD_NEIGHBOURS_H

#include <stdint.h>
#include <sys/socket.h>

struct neighbour_limits {
	uint32_t neighbours;  /* that the kernel knows at most (gc_thresh3) */
	uint32_t queue_bytes; /* for each (unres_qlen_bytes), of the interface that allows most */
};

/* Of this family. -ENOENT: no interface but the loopback has neighbours; other errors as socket(2) and recv(2)
 * have them. Thread: any. */
int neighbours_limits(sa_family_t family, struct neighbour_limits *ret_limits);

#endif
