/* Station 6: the replies of a batch. They are collected in buffers of their own, so a reply never
 * aliases its request, and sent with as few system calls as the sockets allow.
 *
 * DESIGN: replies of one length to one client, from one address, leave as one message, which the
 * kernel takes apart into datagrams again (UDP_SEGMENT): nine tenths of what a reply costs is its way
 * through the kernel. They are grouped over the batch, for the queue deals clients out in turn; what
 * goes from one address to one client never changes its order. A message that fails is taken apart
 * here, and each of its replies tried alone, so one that cannot be sent costs only itself; when it was
 * the joining that the kernel, the device or the way there did not bear, such replies are not joined
 * for a while. Thread: the worker that
 * owns the batch. */
#ifndef ENGINE_REPLY_H
#define ENGINE_REPLY_H

#include <stddef.h>

#include "log/log.h"
#include "core/datagram.h"
#include "core/ledger.h"
#include "queue/queue.h"
#include "engine/socket.h"

/* Places to look for a client's message. */
#define REPLY_PLACES_LOG2 6
#define REPLY_PLACES (1u << REPLY_PLACES_LOG2)

/* Replies that leave together. */
struct reply_message {
	uint64_t way;		  /* to a client, from a socket: that is its lowest 16 bits */
	struct datagram *request; /* of the first */
	size_t length;		  /* of each */
	unsigned replies;
	unsigned room;	      /* for so many more */
	unsigned first, last; /* of their numbers */
	unsigned older;	      /* 1 + the message before it in the same place; 0: none */
	bool plain;	      /* `way` tells all: IPv4, from an address that is the socket's */
};

struct reply_batch {
	/* Set by the owner. */
	const struct socket *sockets; /* by number */
	struct log_ring *log;

	/* Its own. */
	size_t buffer_bytes;
	unsigned char *buffers; /* replies one behind the other: a cache holds a whole batch */
	unsigned char *next_buffer;
	size_t join_bytes_max; /* the kernel did not bear longer ones joined, */
	unsigned join_again;   /* and is not asked again for so many batches */
	bool waited;	       /* for room in the socket's buffer: once a batch is enough */

	unsigned count; /* of replies */
	unsigned char *replies[QUEUE_BATCH_MAX];
	unsigned next[QUEUE_BATCH_MAX]; /* of the same message */
	unsigned messages_count;
	struct reply_message messages[QUEUE_BATCH_MAX];
	unsigned char places[REPLY_PLACES]; /* 1 + the newest message of these clients; 0: none */

	/* What the kernel is given, in the order of sending. */
	struct mmsghdr headers[QUEUE_BATCH_MAX];
	struct iovec vectors[QUEUE_BATCH_MAX];
	struct socket_control controls[QUEUE_BATCH_MAX];
	struct log_limit fail_limit;
	struct log_limit join_limit;
};

/* Room for a batch of replies of at most `reply_bytes` each. -ENOMEM. */
int reply_batch_new(size_t reply_bytes, struct reply_batch **ret_batch);

/* NULL is fine. */
void reply_batch_free(struct reply_batch *batch);

/* Bytes of address space that a batch takes. */
size_t reply_batch_bytes(size_t reply_bytes);

/* Bytes that a reply takes of the buffers: never two in one cache line, and an empty one has a place
 * of its own, too. */
static inline size_t reply_room(size_t length)
{
	return (length / 64 + 1) * 64;
}

/* Where the next reply goes. */
static inline void *reply_buffer(const struct reply_batch *batch)
{
	return batch->next_buffer;
}

/* reply_join.c: that buffer now holds a reply of `length` bytes to `request`, which is borrowed until
 * reply_send(). */
void reply_add(struct reply_batch *batch, struct datagram *request, size_t length);

/* Send all, and count in `results` how each fared. Waits at most 5 ms, when a socket's buffer is
 * full. */
void reply_send(struct reply_batch *batch, struct ledger *results);

/* reply_join.c, for reply.c: make ready what the kernel is given; make each reply of message `i` one of
 * its own, and return how many there are. */
void reply_prepare(struct reply_batch *batch);
unsigned reply_take_apart(struct reply_batch *batch, unsigned i);

#endif
