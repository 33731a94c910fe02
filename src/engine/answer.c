#include "engine/answer.h"

#include <errno.h>

static int withhold(struct answer *answer)
{
	atomic_fetch_add_explicit(&answer->door->withheld, 1, memory_order_relaxed);
	return -EDQUOT;
}

static void hold_back(
	struct answer *answer, const struct datagram *request, enum ledger_drop reason)
{
	if (answer->losses == NULL) {
		(void)withhold(answer);
		return;
	}
	answer->results->dropped[reason]++;
	loss_note(&answer->losses[reason], request, 0, 0);
}

bool answer_may_add(struct answer *answer, const struct datagram *request, size_t length)
{
	const struct departure departure = { request, &request->client,
		answer->replies->next_buffer, length, answer->counted };
	enum ledger_drop verdict = door_check(answer->door, &departure);

	answer->counted = false;
	if (verdict != DOOR_PASS)
		hold_back(answer, request, verdict);
	return verdict == DOOR_PASS;
}

void answer_end(struct answer *answer, const struct datagram *request)
{
	if (!answer->counted)
		door_count(answer->door, request);
	answer->counted = false;
	answer->length = -1;
}

int answer_now(
	struct answer *answer, const struct datagram *request, const void *data, size_t length)
{
	const struct departure departure = { request, &request->client, data, length,
		answer->counted };
	const struct reply reply = { request, data, length, .extra = answer->length >= 0 };
	enum ledger_drop verdict = door_check(answer->door, &departure);

	answer->counted = true;
	if (!reply.extra)
		answer->length = (ssize_t)length;
	if (verdict == DOOR_PASS)
		return reply_now(answer->replies, &reply, answer->results);
	if (reply.extra)
		return withhold(answer);
	hold_back(answer, request, verdict);
	return -EDQUOT;
}

int answer_may_send(struct answer *answer, const struct departure *departure)
{
	enum ledger_drop verdict = door_check(answer->door, departure);

	if (departure->to == &departure->request->client)
		answer->counted = true;
	return verdict == DOOR_PASS ? 0 : withhold(answer);
}
