/* Memory that the daemon shares with one child that runs a handler of ours: a window of requests, what became of each,
 * and what the handler asks of its host meanwhile. Who has written something rings: the daemon by a byte on the child's
 * stream, and the child by an eventfd. Who has an eventfd may have others wait for it, so the daemon never writes it,
 * and says with each read that it does not wait.
 *
 *	the daemon	writes requests and `asked`, then counts `rounds`
 *	the child	marks each as `begun`, runs it if it is still asked, writes its result, and counts it as `done`
 *	the child	to have its host do something: writes `call`, sets `calling`, and waits until that is 0
 *
 * The daemon believes nothing: it reads each word of the child's once, and then checks it. Thread: whose child it
 * is, as children.h says. */
#ifndef PROCESS_SHARED_H
#define PROCESS_SHARED_H

#include <stdatomic.h>
#include <time.h>

#include "base/addr.h"
#include "engine/handler.h"

#define SHARED_WINDOW 32u

/* The child's descriptors of it. */
enum { SHARED_MEMORY = 3, SHARED_TOLD, SHARED_FDS = 2 };

/* The result of a request that verify() refused; others are as handler_run() has them. */
#define SHARED_REFUSED (HANDLER_REPLY_TOO_LONG - 1)

#define SHARED_EVENT_MAX 64

struct shared_slot {
	union addr client, local;
	struct timespec arrived;
	uint32_t addr_bytes, length;
};

struct shared_call {
	_Atomic uint32_t kind, level, to_length, length;
	union addr to;
	char event[SHARED_EVENT_MAX];
	int32_t result; /* the daemon's */
};

struct shared_page {
	uint32_t request_bytes, reply_bytes; /* for the child alone */
	_Atomic uint32_t rounds, asked;
	_Atomic uint32_t begun, done, calling;
	_Atomic int32_t
		results[SHARED_WINDOW]; /* together, because each line that both write travels */
	struct shared_call call;
	struct shared_slot slots[SHARED_WINDOW];
	_Alignas(64) unsigned char data[]; /* of requests, of replies, of a call */
};

struct shared {
	struct shared_page *page; /* NULL: there is none */
	size_t request_bytes, reply_bytes;
	int fds[SHARED_FDS]; /* the memory, and what the child rings; -1: closed */
};

/* What the child has said of a call, which points into this. The data may still change. */
struct shared_said {
	struct handler_call call;
	union addr to;
	char event[SHARED_EVENT_MAX];
};

/* New, sealed, and for the longest of both. -errno. */
int shared_new(struct shared *shared, size_t request_bytes, size_t reply_bytes);

/* The child's side of it. -errno. */
int shared_attach(struct shared *shared);

/* Zeroed is fine. */
void shared_free(struct shared *shared);

/* Address space that it takes. */
size_t shared_bytes(size_t request_bytes, size_t reply_bytes);

void *shared_request(const struct shared *shared, unsigned index);
void *shared_reply(const struct shared *shared, unsigned index);
void *shared_call_data(const struct shared *shared);

/* The longest that a call may have. */
size_t shared_call_bytes(const struct shared *shared);

/* Does the child wait for its host? Then what for: NULL, or what is wrong with it. */
bool shared_is_called(const struct shared *shared);
const char *shared_hear(const struct shared *shared, struct shared_said *ret_said);

/* It goes on with this, once it is rung for. */
void shared_answer(const struct shared *shared, int result);

/* Ring for the child of this stream. */
void shared_ring(int stream);

/* Ring for the daemon, which has heard it then. */
void shared_tell(const struct shared *shared);
void shared_hush(const struct shared *shared);

#endif
