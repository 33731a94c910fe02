/* A reply that does not wait for its batch. */
#include "engine/reply.h"

int reply_now(struct reply_batch *batch, const struct reply *reply, struct ledger *results)
{
	unsigned char *next_buffer = batch->next_buffer;
	struct loss *losses = batch->losses;
	struct ledger own = { 0 };

	if (batch->count > 0)
		reply_send(batch, results);
	batch->requests[0] = reply->request;
	batch->replies[0] = (struct iovec){ .iov_base = (void *)(uintptr_t)reply->data,
		.iov_len = reply->length };
	batch->count = 1;
	if (reply->extra)
		batch->losses = NULL;
	reply_send(batch, &own);
	batch->losses = losses;
	batch->next_buffer = next_buffer;
	if (reply->extra)
		results->replies_extra += own.replied;
	else
		ledger_add(results, &own);
	return -batch->error;
}
