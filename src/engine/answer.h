/* How a request is answered: each reply, and each datagram that its handler sends besides, asks the door whether it
 * may leave. Thread: the handler's. */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include "core/loss.h"
#include "engine/reply.h"
#include "guard/door.h"

/* What is the same for all requests of a batch, and how the present one was answered so far. */
struct answer {
	struct door *door;
	struct reply_batch *replies; /* NULL: it cannot be answered, in verify() */
	struct ledger *results;
	struct loss *losses; /* by enum ledger_drop, for examples; NULL: they are not the books' */
	size_t bytes_max;
	ssize_t length; /* of the first reply, if that did not wait for its batch; -1: there was none */
	bool unasked; /* a first reply may be added without answer_may_add() */
	bool counted; /* what came with the request is, at the door */
};

/* Last thing for a request: may the reply that next_buffer holds, the first one, be added? If not, it is in the
 * books. */
bool answer_may_add(struct answer *answer, const struct datagram *request, size_t length);

/* Last thing for a request to which no reply was added. */
void answer_end(struct answer *answer, const struct datagram *request);

/* Send this reply, the first or a further one, without waiting for its batch. -EDQUOT: it was held back; other
 * errors as reply_now() has them. */
int answer_now(
	struct answer *answer, const struct datagram *request, const void *data, size_t length);

/* May the handler send this besides, to this client or another? 0 or -EDQUOT. */
int answer_may_send(struct answer *answer, const struct departure *departure);

#endif
