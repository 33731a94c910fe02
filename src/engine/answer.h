/* How a request is answered: each reply, and each datagram that its handler sends besides, asks the door whether it
 * may leave. Thread: the handler's. */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include "core/loss.h"
#include "engine/reply.h"
#include "guard/door.h"

/* What is the same for all requests of a batch, and how one was answered so far. */
struct answer {
	struct door *door;
	struct reply_batch *replies; /* NULL: it cannot be answered, in verify() */
	struct ledger *results;
	struct loss *losses; /* by enum ledger_drop, for examples; NULL: they are not the books' */
	size_t bytes_max;
	ssize_t length; /* of the first reply, if that did not wait for its batch; -1: there was none */
};

/* For answer_give() and answer_now() alone: the first reply to this request was held back. */
void answer_hold_back(
	struct answer *answer, const struct datagram *request, enum ledger_drop reason);

/* next_buffer of the replies holds the first reply to this request, which is borrowed until they are sent. */
static inline void answer_give(struct answer *answer, struct datagram *request, size_t length)
{
	const struct departure departure = { request, &request->client,
		answer->replies->next_buffer, length };
	enum ledger_drop verdict = door_check(answer->door, &departure);

	if (verdict == DOOR_PASS)
		reply_add(answer->replies, request, length);
	else
		answer_hold_back(answer, request, verdict);
}

/* Send this reply, the first or a further one, without waiting for its batch. -EDQUOT: it was held back; other
 * errors as reply_now() has them. */
int answer_now(
	struct answer *answer, const struct datagram *request, const void *data, size_t length);

/* May the request's handler send this besides? 0 or -EDQUOT. */
int answer_may_send(struct answer *answer, const struct departure *departure);

#endif
