/* Station 6: the replies of a batch. They are collected in buffers of their own, so a reply never
 * aliases its request, and sent with as few system calls as the sockets allow. A reply that cannot
 * be sent costs only itself. Thread: the worker that owns the batch. */
#ifndef PIPELINE_REPLY_H
#define PIPELINE_REPLY_H

#include <stddef.h>

#include "base/log.h"
#include "core/datagram.h"
#include "core/ledger.h"
#include "core/queue.h"
#include "pipeline/socket.h"

struct reply_batch {
	/* Set by the owner. */
	const struct socket *sockets; /* by number */
	struct log_ring *log;

	/* Its own. */
	size_t buffer_bytes;
	unsigned char *buffers; /* QUEUE_BATCH_MAX of them */
	unsigned count;
	bool waited; /* for room in the socket's buffer: once a batch is enough */
	struct datagram *requests[QUEUE_BATCH_MAX];
	struct mmsghdr messages[QUEUE_BATCH_MAX];
	struct iovec vectors[QUEUE_BATCH_MAX];
	struct socket_control controls[QUEUE_BATCH_MAX];
	struct log_limit fail_limit;
};

/* Room for a batch of replies of at most `reply_bytes` each. -ENOMEM. */
int reply_batch_new(size_t reply_bytes, struct reply_batch **ret_batch);

/* NULL is fine. */
void reply_batch_free(struct reply_batch *batch);

/* Bytes of address space that a batch takes. */
size_t reply_batch_bytes(size_t reply_bytes);

/* Where the next reply goes. */
void *reply_buffer(struct reply_batch *batch);

/* The buffer now holds a reply of `length` bytes to `request`, which is borrowed until
 * reply_send(). */
void reply_add(struct reply_batch *batch, struct datagram *request, size_t length);

/* Send all, and count in `results` how each fared. Waits at most 5 ms, when a socket's buffer is
 * full. */
void reply_send(struct reply_batch *batch, struct ledger *results);

#endif
