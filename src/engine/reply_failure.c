/* A reply that could not be sent. */
#include <errno.h>

#include "engine/reply.h"

/* ENETUNREACH over IPv4, and EINVAL over IPv6 before Linux 4.15, may mean that our own address is gone. */
static int send_error_cause(struct reply_batch *batch, const union addr *local, int error)
{
	if (error != ENETUNREACH && error != EINVAL)
		return error;
	if (!addr_same_host(&batch->source, local)) {
		batch->source = *local;
		batch->source_gone = !socket_is_local(local);
	}
	return batch->source_gone ? EADDRNOTAVAIL : error;
}

void reply_count_failure(struct reply_batch *batch, const struct datagram *request, int error,
	struct ledger *results)
{
	error = send_error_cause(batch, &request->local, error);
	if (batch->losses != NULL)
		loss_note(&batch->losses[ledger_send_failure(error)], request, 0, error);
	batch->error = error;
	results->failed[ledger_send_failure(error)]++;
}
