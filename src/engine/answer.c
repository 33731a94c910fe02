#include "engine/answer.h"

#include <errno.h>

void answer_hold_back(
	struct answer *answer, const struct datagram *request, enum ledger_drop reason)
{
	answer->results->dropped[reason]++;
	if (answer->losses != NULL)
		loss_note(&answer->losses[reason], request, 0, 0);
}

int answer_now(
	struct answer *answer, const struct datagram *request, const void *data, size_t length)
{
	const struct departure departure = { request, &request->client, data, length };
	const struct reply reply = { request, data, length, .extra = answer->length >= 0 };
	enum ledger_drop verdict = door_check(answer->door, &departure);

	if (!reply.extra)
		answer->length = (ssize_t)length;
	if (verdict == DOOR_PASS)
		return reply_now(answer->replies, &reply, answer->results);
	if (!reply.extra)
		answer_hold_back(answer, request, verdict);
	return -EDQUOT;
}

int answer_may_send(struct answer *answer, const struct departure *departure)
{
	return door_check(answer->door, departure) == DOOR_PASS ? 0 : -EDQUOT;
}
