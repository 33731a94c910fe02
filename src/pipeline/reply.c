#include "pipeline/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sys.h"

#define ROOM_WAIT_MS 5

/* One after the other, but never two in one cache line. */
static size_t buffer_bytes(size_t reply_bytes)
{
	return (reply_bytes + 63) / 64 * 64;
}

size_t reply_batch_bytes(size_t reply_bytes)
{
	return sizeof(struct reply_batch) + buffer_bytes(reply_bytes) * QUEUE_BATCH_MAX;
}

int reply_batch_new(size_t reply_bytes, struct reply_batch **ret_batch)
{
	struct reply_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return -ENOMEM;
	batch->buffer_bytes = reply_bytes;
	batch->buffers = mmap(NULL, buffer_bytes(reply_bytes) * QUEUE_BATCH_MAX,
		PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (batch->buffers == MAP_FAILED) {
		free(batch);
		return -ENOMEM;
	}
	*ret_batch = batch;
	return 0;
}

void reply_batch_free(struct reply_batch *batch)
{
	if (batch == NULL)
		return;
	munmap(batch->buffers, buffer_bytes(batch->buffer_bytes) * QUEUE_BATCH_MAX);
	free(batch);
}

void *reply_buffer(struct reply_batch *batch)
{
	return batch->buffers + batch->count * buffer_bytes(batch->buffer_bytes);
}

void reply_add(struct reply_batch *batch, struct datagram *request, size_t length)
{
	unsigned i = batch->count;
	bool wildcard = batch->sockets[request->socket].wildcard;

	batch->requests[i] = request;
	batch->vectors[i] = (struct iovec){ .iov_base = reply_buffer(batch), .iov_len = length };
	batch->messages[i].msg_hdr = (struct msghdr){
		.msg_name = &request->client,
		.msg_namelen = addr_length(&request->client),
		.msg_iov = &batch->vectors[i],
		.msg_iovlen = 1,
	};
	if (wildcard) {
		batch->messages[i].msg_hdr.msg_control = &batch->controls[i];
		batch->messages[i].msg_hdr.msg_controllen =
			socket_source(&request->local, &batch->controls[i]);
	}
	batch->count++;
}

static void log_failure(struct reply_batch *batch, const struct datagram *request, int error)
{
	uint64_t suppressed;

	if (!log_limit_pass(&batch->fail_limit, sys_monotonic_ns(), &suppressed))
		return;
	log_event(batch->log, LOG_LEVEL_WARN, "reply not sent",
		LOG_FIELDS(log_addr("client", &request->client),
			log_text("reason", ledger_failure_names[ledger_send_failure(error)]),
			log_errno("error", error), log_uint("suppressed", suppressed)));
}

static bool wait_for_room(struct reply_batch *batch, int fd)
{
	struct pollfd poll = { .fd = fd, .events = POLLOUT };

	if (batch->waited)
		return false;
	batch->waited = true;
	(void)sys_wait(&poll, 1, ROOM_WAIT_MS);
	return true;
}

/* Send messages `first` up to `end`, all of one socket. An error is the first unsent message's, but
 * for ECONNREFUSED, which may be another client's (an ICMP message came in), so that one is tried
 * twice. */
static void send_run(
	struct reply_batch *batch, unsigned first, unsigned end, struct ledger *results)
{
	int fd = batch->sockets[batch->requests[first]->socket].fd;
	bool refused = false;

	while (first < end) {
		int sent = sys_send(fd, &batch->messages[first], end - first);

		if (sent > 0) {
			first += (unsigned)sent;
			results->replied += (unsigned)sent;
			refused = false;
			continue;
		}
		if ((sent == -EAGAIN || sent == -ENOBUFS) && wait_for_room(batch, fd))
			continue;
		if (sent == -ECONNREFUSED && !refused) {
			refused = true;
			continue;
		}
		log_failure(batch, batch->requests[first], -sent);
		results->failed[ledger_send_failure(-sent)]++;
		refused = false;
		first++;
	}
}

void reply_send(struct reply_batch *batch, struct ledger *results)
{
	unsigned first = 0;

	batch->waited = false;
	while (first < batch->count) {
		unsigned end = first + 1;

		while (end < batch->count &&
			batch->requests[end]->socket == batch->requests[first]->socket)
			end++;
		send_run(batch, first, end, results);
		first = end;
	}
	batch->count = 0;
}
