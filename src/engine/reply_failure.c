/* A reply that could not be sent. */
#include <errno.h>

#include "base/sys.h"
#include "engine/reply.h"

static void log_failure(struct reply_batch *batch, const struct datagram *request, int error)
{
	uint64_t suppressed;

	if (!log_limit_pass(&batch->fail_limit, sys_monotonic_ns(), &suppressed))
		return;
	log_event(batch->log, EVENT_REPLY_NOT_SENT,
		LOG_FIELDS(log_addr("client", &request->client),
			log_text("reason", ledger_failure_names[ledger_send_failure(error)]),
			log_errno("error", error), log_uint("suppressed", suppressed)));
}

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
	log_failure(batch, request, error);
	batch->error = error;
	results->failed[ledger_send_failure(error)]++;
}
