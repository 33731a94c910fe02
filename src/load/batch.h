/* A batch sends requests or receives answers of one socket, up to LOAD_BATCH with one system call.
 * All sockets share one batch. */
#ifndef LOAD_BATCH_H
#define LOAD_BATCH_H

#include "load/payload.h"

#define LOAD_BATCH LOAD_VARIANTS

struct load_batch;

/* `segments`: send each batch as one segmented send (UDP_SEGMENT). The payload must outlive the
 * batch. Free it with free(). NULL: out of memory. */
struct load_batch *load_batch_new(const struct load_payload *payload, bool segments);

/* Stamp and send `count` requests, at most LOAD_BATCH, numbered from `first` on. Returns how many
 * the kernel took, or -errno of the first. */
int load_batch_send(struct load_batch *batch, int fd, uint64_t first, unsigned count);

/* Receive up to LOAD_BATCH answers. Returns how many, or -errno. */
int load_batch_receive(struct load_batch *batch, int fd);

/* Answer `index` of those just received: as much of it as the functions of load_payload need. */
struct load_answer load_batch_answer(const struct load_batch *batch, unsigned index);

#endif
