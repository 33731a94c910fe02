/* Station 6: the replies of a batch, sent with as few system calls as the sockets allow. A reply never aliases its
 * request: it is made in the slot of the request that was answered before, whose bytes nobody needs any more, or in
 * buffers of their own where replies may be longer than requests. A reply that cannot be sent costs only itself.
 * Thread: the worker that owns the batch. */
#ifndef ENGINE_REPLY_H
#define ENGINE_REPLY_H

#include <stddef.h>

#include "core/datagram.h"
#include "core/ledger.h"
#include "core/loss.h"
#include "engine/socket.h"
#include "log/log.h"
#include "queue/queue.h"

/* Hash places to find a client's messages. */
#define REPLY_PLACES_LOG2 6
#define REPLY_PLACES (1u << REPLY_PLACES_LOG2)

/* A reply that does not wait for its batch. */
struct reply {
	const struct datagram *request;
	const void *data;
	size_t length;
	bool extra; /* the request was answered before */
};

/* Replies that leave together. */
struct reply_message {
	uint64_t route;			/* to a client, from a socket: its lowest 16 bits */
	const struct datagram *request; /* of the first */
	uint32_t length;		/* of each */
	unsigned replies;
	unsigned room;		   /* for more replies */
	unsigned char first, last; /* their numbers in the batch */
	unsigned char older;	   /* 1 + the message before it in the same place; 0: none */
	bool exact; /* `route` says all: IPv4, from an address that is the socket's */
};

/* An IPv6 route on which replies longer than this are not coalesced. */
struct reply_path {
	uint64_t route;
	size_t gso_bytes_max;
};

struct reply_batch {
	/* Set by the owner. */
	const struct socket *sockets; /* by number */
	struct log_ring *log;
	struct loss
		*losses; /* by enum ledger_failure, for examples; NULL: they are not the books' */
	bool impatient;	 /* it waits for no room */

	/* Its own. */
	size_t reply_bytes;	    /* the longest */
	bool in_slots;		    /* they have room for it */
	size_t buffers_bytes;	    /* for the first reply, or for a batch of them */
	unsigned char *buffers;	    /* one behind the other: a cache holds a whole batch */
	unsigned char *next_buffer; /* where the next reply goes: reply_bytes of room */
	bool full;		    /* it has no room for another reply, and must be sent */
	size_t gso_bytes_sure;	    /* replies no longer than this are coalesced on every route; */
	size_t gso_bytes_max;	    /* longer ones than this on none, */
	unsigned gso_retry_batches; /* for this number of batches */
	struct reply_path narrow[REPLY_PLACES]; /* by the route's hash; the newest has the place */
	bool waited;				/* for room in a socket's buffer, in this batch */
	int error;	   /* of the last reply in this batch that could not be sent; 0: none */
	union addr source; /* ours, of which the kernel was asked last in this batch: */
	bool source_gone;

	unsigned count; /* of replies */
	const struct datagram *requests[QUEUE_BATCH_MAX];
	struct iovec replies[QUEUE_BATCH_MAX];
	unsigned char next[QUEUE_BATCH_MAX]; /* of the same message */
	unsigned messages_count;
	struct reply_message messages[QUEUE_BATCH_MAX];
	unsigned char places[REPLY_PLACES]; /* 1 + the newest message; 0: none */

	/* What the kernel is given, in the order of sending. */
	struct mmsghdr headers[QUEUE_BATCH_MAX];
	struct iovec vectors[QUEUE_BATCH_MAX]; /* of replies that leave together */
	struct send_control controls[QUEUE_BATCH_MAX];
	struct log_limit gso_log_limit;
};

/* Room for a batch of replies of at most `reply_bytes` each, to requests in slots of `slot_bytes`. -ENOMEM. */
int reply_batch_new(size_t reply_bytes, size_t slot_bytes, struct reply_batch **ret_batch);

/* NULL is fine. */
void reply_batch_free(struct reply_batch *batch);

/* Bytes of address space that a batch takes. */
size_t reply_batch_bytes(const struct reply_batch *batch);

/* next_buffer now holds a reply of `length` bytes to `request`, which is borrowed until reply_send(). Its data are
 * lost then. */
void reply_add(struct reply_batch *batch, struct datagram *request, size_t length);

/* Send all, and count in `results` how each fared. Waits 5 ms at most, when a socket's buffer is full, or not at
 * all if it is impatient. */
void reply_send(struct reply_batch *batch, struct ledger *results);

/* For reply_send() alone: the reply to this request was not sent, because of this errno value. */
void reply_count_failure(struct reply_batch *batch, const struct datagram *request, int error,
	struct ledger *results);

/* Send the batch up to now, and then this reply, so that none overtakes another. 0, or -errno of this reply,
 * which is counted as well. What next_buffer holds stays as it is. */
int reply_now(struct reply_batch *batch, const struct reply *reply, struct ledger *results);

#endif
