#include "engine/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sys.h"

#define ROOM_WAIT_MS 5
#define JOIN_AGAIN_BATCHES 65536

/* As much as all may take. */
static size_t room_for(size_t reply_bytes)
{
	return reply_room(reply_bytes) * QUEUE_BATCH_MAX;
}

size_t reply_batch_bytes(size_t reply_bytes)
{
	return sizeof(struct reply_batch) + room_for(reply_bytes);
}

int reply_batch_new(size_t reply_bytes, struct reply_batch **ret_batch)
{
	struct reply_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return -ENOMEM;
	batch->buffer_bytes = reply_bytes;
	batch->join_bytes_max = reply_bytes;
	batch->buffers = mmap(NULL, room_for(reply_bytes), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (batch->buffers == MAP_FAILED) {
		free(batch);
		return -ENOMEM;
	}
	batch->next_buffer = batch->buffers;
	*ret_batch = batch;
	return 0;
}

void reply_batch_free(struct reply_batch *batch)
{
	if (batch == NULL)
		return;
	munmap(batch->buffers, room_for(batch->buffer_bytes));
	free(batch);
}

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

static bool wait_for_room(struct reply_batch *batch, int fd)
{
	struct pollfd poll = { .fd = fd, .events = POLLOUT };

	if (batch->waited)
		return false;
	batch->waited = true;
	(void)sys_wait(&poll, 1, ROOM_WAIT_MS);
	return true;
}

/* The message at `i` went well once it was taken apart, after this error: what was not borne is that
 * it was joined. EIO: not at all; else it was too long. Others of the batch were joined before that
 * was known, and teach nothing new if they are longer. */
static void learn(struct reply_batch *batch, unsigned i, int error)
{
	size_t join_bytes_max = error == EIO ? 0 : batch->messages[i].length - 1;
	uint64_t suppressed;

	if (error != EIO && error != EINVAL && error != EMSGSIZE)
		return;
	if (join_bytes_max >= batch->join_bytes_max)
		return;
	batch->join_bytes_max = join_bytes_max;
	batch->join_again = JOIN_AGAIN_BATCHES;
	if (!log_limit_pass(&batch->join_limit, sys_monotonic_ns(), &suppressed))
		return;
	log_event(batch->log, EVENT_REPLIES_NOT_JOINED,
		LOG_FIELDS(log_uint("longer_than", batch->join_bytes_max),
			log_errno("error", error), log_uint("suppressed", suppressed)));
}

/* That was the way to one client, perhaps, or another network device. */
static void forget(struct reply_batch *batch)
{
	if (batch->join_again > 0 && --batch->join_again == 0)
		batch->join_bytes_max = batch->buffer_bytes;
}

static void count_failure(struct reply_batch *batch, unsigned i, int error, struct ledger *results)
{
	log_failure(batch, batch->messages[i].request, error);
	results->failed[ledger_send_failure(error)]++;
}

static unsigned count_replies(const struct reply_batch *batch, unsigned first, unsigned end)
{
	unsigned replies = 0;

	for (unsigned i = first; i < end; i++)
		replies += batch->messages[i].replies;
	return replies;
}

/* Is it worth trying the same again? ECONNREFUSED may be another client's (an ICMP message came in),
 * so it is tried twice. */
static bool try_again(struct reply_batch *batch, int fd, int error, bool *refused)
{
	bool first_time = error == ECONNREFUSED && !*refused;

	*refused |= first_time;
	return first_time || ((error == EAGAIN || error == ENOBUFS) && wait_for_room(batch, fd));
}

/* Send messages `first` up to `end`, all of one socket; returns their end, which is another when
 * some were taken apart. An error is the first unsent message's. */
static unsigned send_run(
	struct reply_batch *batch, unsigned first, unsigned end, struct ledger *results)
{
	int fd = batch->sockets[batch->messages[first].request->socket].fd;
	bool refused = false;
	int apart = 0; /* the error for which the message at `first` was taken apart */

	while (first < end) {
		int sent = sys_send(fd, &batch->headers[first], end - first);

		if (sent < 0 && try_again(batch, fd, -sent, &refused))
			continue;
		refused = false;
		if (sent > 0) {
			if (apart != 0)
				learn(batch, first, apart);
			results->replied += count_replies(batch, first, first + (unsigned)sent);
			first += (unsigned)sent;
		} else if (batch->messages[first].replies > 1) {
			end += reply_take_apart(batch, first) - 1;
			apart = -sent;
			continue;
		} else {
			count_failure(batch, first++, -sent, results);
		}
		apart = 0;
	}
	return end;
}

static bool same_socket(const struct reply_batch *batch, unsigned a, unsigned b)
{
	return (uint16_t)batch->messages[a].way == (uint16_t)batch->messages[b].way;
}

void reply_send(struct reply_batch *batch, struct ledger *results)
{
	unsigned first = 0;

	reply_prepare(batch);
	forget(batch);
	batch->waited = false;
	while (first < batch->messages_count) {
		unsigned end = first + 1;

		while (end < batch->messages_count && same_socket(batch, first, end))
			end++;
		first = send_run(batch, first, end, results);
	}
	batch->count = 0;
	batch->messages_count = 0;
	batch->next_buffer = batch->buffers;
}
