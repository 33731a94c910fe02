/* Requests out and answers in, up to LOAD_BATCH of one socket at once; one is shared by all
 * sockets. */
#ifndef LOAD_BATCH_H
#define LOAD_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/payload.h"

#define LOAD_BATCH LOAD_VARIANTS

struct load_batch;

/* `segments`: a batch is one segmented send (UDP_SEGMENT). The payload must outlive it; -ENOMEM. */
int load_batch_new(
	const struct load_payload *payload, bool segments, struct load_batch **ret_batch);
void load_batch_free(struct load_batch *batch);

/* Stamp and send `count` requests, at most LOAD_BATCH, numbered from `first` on. How many the kernel
 * took, or -errno of the first. */
int load_batch_send(struct load_batch *batch, int fd, uint64_t first, unsigned count);

/* Receive up to LOAD_BATCH answers: how many, or -errno. */
int load_batch_receive(struct load_batch *batch, int fd);

/* Answer `index` of those just received: as much of it as can be compared, and its true length. */
const uint8_t *load_batch_answer(
	const struct load_batch *batch, unsigned index, size_t *ret_length);

#endif
