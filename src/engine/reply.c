/* DESIGN: replies of one length to one client, from one address, are coalesced into one message, which
 * the kernel splits into datagrams again (UDP_SEGMENT), because nine tenths of a reply's cost is its passage
 * through the kernel. They are coalesced over the whole batch, because the queue deals clients out in
 * turn. What goes from one address to one client never changes its order.
 *
 *	sending a message	what happens
 *	sent			its replies count as replied
 *	EAGAIN, ENOBUFS		once a batch, waits ROOM_WAIT_MS at most and tries again
 *	others, coalesced	split: each of its replies is tried alone
 *	others, single		counts as failed, by the errno's reason; goes on with the next message
 *
 * When the first reply of a split message is sent after EIO, EINVAL or EMSGSIZE, it was the coalescing
 * that the kernel, the device or the path did not bear. Then gso_bytes_max falls below that length (after
 * EIO to 0) for GSO_RETRY_BATCHES batches, because that may change. An IPv6 path's MTU may be forged
 * (socket_open.c), so EINVAL and EMSGSIZE then count for that route alone. */
#include "engine/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sys.h"

/* Waiting holds up the answers to other clients. 212,992 bytes, the smallest default buffer, leave in 2
 * ms at 1 Gbit/s. */
#define ROOM_WAIT_MS 5

/* To try again costs one system call and one split in 65,536 batches. At 200,000 requests a second, in
 * batches of 32, a path that became better is used again after 10 s. */
#define GSO_RETRY_BATCHES 65536

/* The kernel takes no message longer than a datagram may be, headers included, */
#define MESSAGE_BYTES_MAX 65000u
_Static_assert(QUEUE_BATCH_MAX <= 64, "and splits it into at most UDP_MAX_SEGMENTS datagrams");

/* Where slots have no room for replies, so much is collected, and the reply that exceeds it: the longest message, or
 * a batch of replies of a kilobyte. */
#define BUFFERS_BYTES 65536u

/* Bytes of the buffers that a reply takes: never two in one cache line, and an empty one has a place of
 * its own, too. */
static size_t reply_room(size_t length)
{
	return (length | 63) + 1;
}

static size_t buffers_bytes(size_t reply_bytes, size_t slot_bytes)
{
	size_t longest = reply_room(reply_bytes), most = longest * (QUEUE_BATCH_MAX - 1);

	if (reply_bytes <= slot_bytes)
		return longest;
	return (most < BUFFERS_BYTES ? most : BUFFERS_BYTES) + longest;
}

size_t reply_batch_bytes(const struct reply_batch *batch)
{
	return sizeof(*batch) + batch->buffers_bytes;
}

static void lift_gso_limits(struct reply_batch *batch)
{
	batch->gso_bytes_max = batch->reply_bytes;
	if (batch->gso_bytes_max > MESSAGE_BYTES_MAX)
		batch->gso_bytes_max = MESSAGE_BYTES_MAX;
	batch->gso_bytes_sure = batch->gso_bytes_max;
	memset(batch->narrow, 0, sizeof(batch->narrow));
}

int reply_batch_new(size_t reply_bytes, size_t slot_bytes, struct reply_batch **ret_batch)
{
	struct reply_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return -ENOMEM;
	batch->reply_bytes = reply_bytes;
	batch->in_slots = reply_bytes <= slot_bytes;
	batch->buffers_bytes = buffers_bytes(reply_bytes, slot_bytes);
	lift_gso_limits(batch);
	batch->buffers = mmap(NULL, batch->buffers_bytes, PROT_READ | PROT_WRITE,
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
	munmap(batch->buffers, batch->buffers_bytes);
	free(batch);
}

/* --- coalescing */

/* From which socket, in the lowest 16 bits, to which client, in a word. Routes differ where the words do. They are
 * equal where the words are, except for IPv6, and for our address on a wildcard socket. */
static uint64_t route_of(const struct datagram *request)
{
	const union addr *client = &request->client;
	uint64_t word = addr_word(client);
	uint32_t last;

	if (client->sa.sa_family != AF_INET) {
		memcpy(&last, &client->in6.sin6_addr.s6_addr[12], sizeof(last));
		word = (uint64_t)last << 32 | (uint32_t)word;
	}
	return (word & ~(uint64_t)UINT16_MAX) | request->socket;
}

static bool is_route_exact(const struct datagram *request, const struct socket *socket)
{
	return request->client.sa.sa_family == AF_INET && !socket->wildcard;
}

static bool same_v6(const union addr *a, const union addr *b)
{
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

/* What the word leaves out. */
static bool same_ends(const struct datagram *a, const struct datagram *b)
{
	if (a->client.sa.sa_family == AF_INET)
		return a->local.in.sin_addr.s_addr == b->local.in.sin_addr.s_addr;
	return same_v6(&a->client, &b->client) && same_v6(&a->local, &b->local);
}

/* Fibonacci hashing: the highest bits of the product depend on all bits of the word. */
static unsigned hash_place(uint64_t route)
{
	return (unsigned)(route * 0x9e3779b97f4a7c15u >> (64 - REPLY_PLACES_LOG2));
}

/* The newest message of this route, or NULL. Only the newest: a reply must not overtake another. */
static struct reply_message *find_message(
	struct reply_batch *batch, const struct datagram *request, uint64_t route, unsigned newest)
{
	for (unsigned i = newest; i > 0; i = batch->messages[i - 1].older) {
		struct reply_message *message = &batch->messages[i - 1];

		if (message->route == route &&
			(message->exact || same_ends(message->request, request)))
			return message;
	}
	return NULL;
}

static bool is_narrow(const struct reply_batch *batch, uint64_t route, size_t length)
{
	const struct reply_path *path = &batch->narrow[hash_place(route)];

	return path->route == route && length > path->gso_bytes_max;
}

/* How many replies of this length may be coalesced with a first one. */
static unsigned coalesce_room(
	const struct reply_batch *batch, const struct socket *socket, uint64_t route, size_t length)
{
	if (!socket->segments || length == 0)
		return 0;
	if (length > batch->gso_bytes_sure &&
		(length > batch->gso_bytes_max || is_narrow(batch, route, length)))
		return 0;
	if (length <= MESSAGE_BYTES_MAX / QUEUE_BATCH_MAX)
		return QUEUE_BATCH_MAX - 1;
	return MESSAGE_BYTES_MAX / (unsigned)length - 1;
}

void reply_add(struct reply_batch *batch, struct datagram *request, size_t length)
{
	size_t used;

	batch->requests[batch->count] = request;
	batch->replies[batch->count++] =
		(struct iovec){ .iov_base = batch->next_buffer, .iov_len = length };
	if (batch->in_slots) {
		batch->next_buffer = request->data;
		return;
	}
	batch->next_buffer += reply_room(length);
	used = (size_t)(batch->next_buffer - batch->buffers);
	batch->full = used + reply_room(batch->reply_bytes) > batch->buffers_bytes;
}

static void begin_message(
	struct reply_batch *batch, unsigned number, uint64_t route, unsigned char *newest)
{
	const struct datagram *request = batch->requests[number];
	const struct socket *socket = &batch->sockets[request->socket];
	size_t length = batch->replies[number].iov_len;

	batch->messages[batch->messages_count++] = (struct reply_message){
		.route = route,
		.request = request,
		.length = (uint32_t)length,
		.replies = 1,
		.room = coalesce_room(batch, socket, route, length),
		.first = (unsigned char)number,
		.last = (unsigned char)number,
		.older = *newest,
		.exact = is_route_exact(request, socket),
	};
	*newest = (unsigned char)batch->messages_count;
}

static void make_messages(struct reply_batch *batch)
{
	for (unsigned number = 0, count = batch->count; number < count; number++) {
		const struct datagram *request = batch->requests[number];
		size_t length = batch->replies[number].iov_len;
		uint64_t route = route_of(request);
		unsigned char *newest = &batch->places[hash_place(route)];
		struct reply_message *message = find_message(batch, request, route, *newest);

		if (message == NULL || message->length != length || message->room == 0) {
			begin_message(batch, number, route, newest);
			continue;
		}
		batch->next[message->last] = (unsigned char)number;
		message->last = (unsigned char)number;
		message->replies++;
		message->room--;
	}
	memset(batch->places, 0, sizeof(batch->places));
}

/* Write the ancillary data of a message. Returns its length. */
static size_t write_control(const struct reply_batch *batch, const struct reply_message *message,
	struct send_control *control)
{
	size_t used = 0;

	if (batch->sockets[message->request->socket].wildcard)
		used = socket_source(&message->request->local, control);
	if (message->replies > 1)
		used = socket_segment((uint16_t)message->length, control, used);
	return used;
}

/* Put the replies of a message one behind the other. Returns the place behind them. */
static struct iovec *gather(
	const struct reply_batch *batch, const struct reply_message *message, struct iovec *vector)
{
	unsigned number = message->first;

	for (unsigned replies = message->replies; replies > 0; replies--) {
		*vector++ = batch->replies[number];
		number = batch->next[number];
	}
	return vector;
}

static void prepare_headers(struct reply_batch *batch)
{
	const unsigned count = batch->messages_count;
	struct iovec *vector = batch->vectors;

	for (unsigned i = 0; i < count; i++) {
		const struct reply_message *message = &batch->messages[i];
		struct msghdr *header = &batch->headers[i].msg_hdr;

		header->msg_name = (void *)(uintptr_t)&message->request->client;
		header->msg_namelen = message->request->addr_bytes;
		header->msg_iov = &batch->replies[message->first];
		header->msg_iovlen = message->replies;
		header->msg_controllen = 0;
		if (message->exact && message->replies == 1)
			continue;
		header->msg_control = &batch->controls[i];
		header->msg_controllen = write_control(batch, message, &batch->controls[i]);
		header->msg_iov = vector;
		vector = gather(batch, message, vector);
	}
}

/* Make each reply of message `i` a message of its own, and return how many there are. All use the ancillary
 * data of the first, rewritten for a single reply. */
static unsigned split_message(struct reply_batch *batch, unsigned i)
{
	struct reply_message message = batch->messages[i];
	struct msghdr header = batch->headers[i].msg_hdr;
	unsigned replies = message.replies, after = batch->messages_count - i - 1;

	message.replies = 1;
	header.msg_controllen = write_control(batch, &message, header.msg_control);
	memmove(&batch->messages[i + replies], &batch->messages[i + 1],
		after * sizeof(batch->messages[0]));
	memmove(&batch->headers[i + replies], &batch->headers[i + 1],
		after * sizeof(batch->headers[0]));
	header.msg_iovlen = 1;
	for (unsigned k = 0; k < replies; k++, header.msg_iov++) {
		batch->messages[i + k] = message;
		batch->headers[i + k].msg_hdr = header;
	}
	batch->messages_count += replies - 1;
	return replies;
}

/* --- sending */

static bool wait_for_room(struct reply_batch *batch, int fd)
{
	struct pollfd poll = { .fd = fd, .events = POLLOUT };

	if (batch->waited || batch->impatient)
		return false;
	batch->waited = true;
	(void)sys_wait(&poll, 1, ROOM_WAIT_MS);
	return true;
}

static void log_not_joined(struct reply_batch *batch, const struct reply_message *message,
	size_t longer_than, int error)
{
	uint64_t suppressed;

	if (!log_limit_pass(&batch->gso_log_limit, sys_monotonic_ns(), &suppressed))
		return;
	log_event(batch->log, EVENT_REPLIES_NOT_JOINED,
		LOG_FIELDS(log_addr("client", &message->request->client),
			log_uint("longer_than", longer_than), log_errno("error", error),
			log_uint("suppressed", suppressed)));
}

static void lower_path_limit(struct reply_batch *batch, uint64_t route, size_t gso_bytes_max)
{
	batch->narrow[hash_place(route)] =
		(struct reply_path){ .route = route, .gso_bytes_max = gso_bytes_max };
}

/* The first reply of the message at `i` was sent once it was split, after this error. Longer messages of
 * the batch, which were coalesced before that was known, say nothing new. */
static void lower_gso_limit(struct reply_batch *batch, unsigned i, int error)
{
	const struct reply_message *message = &batch->messages[i];
	size_t gso_bytes_max = error == EIO ? 0 : message->length - 1;

	if (error != EIO && error != EINVAL && error != EMSGSIZE)
		return;
	if (gso_bytes_max >= batch->gso_bytes_max ||
		is_narrow(batch, message->route, message->length))
		return;
	if (error != EIO && message->request->client.sa.sa_family == AF_INET6)
		lower_path_limit(batch, message->route, gso_bytes_max);
	else
		batch->gso_bytes_max = gso_bytes_max;
	if (gso_bytes_max < batch->gso_bytes_sure)
		batch->gso_bytes_sure = gso_bytes_max;
	batch->gso_retry_batches = GSO_RETRY_BATCHES;
	log_not_joined(batch, message, gso_bytes_max, error);
}

static void restore_gso_limit(struct reply_batch *batch)
{
	if (batch->gso_retry_batches == 0 || --batch->gso_retry_batches > 0)
		return;
	lift_gso_limits(batch);
}

static unsigned count_replies(const struct reply_batch *batch, unsigned first, unsigned end)
{
	unsigned replies = 0;

	if (end - first == batch->messages_count)
		return batch->count;
	for (unsigned i = first; i < end; i++)
		replies += batch->messages[i].replies;
	return replies;
}

/* Is it worth trying the same again? */
static bool try_again(struct reply_batch *batch, int fd, int error)
{
	return (error == EAGAIN || error == ENOBUFS) && wait_for_room(batch, fd);
}

/* Send messages `first` up to `end`, all of one socket; returns their end, which moves when
 * some were split. An error is the first unsent message's. */
static unsigned send_run(
	struct reply_batch *batch, unsigned first, unsigned end, struct ledger *results)
{
	int fd = batch->sockets[batch->messages[first].request->socket].fd;
	int split_error = 0; /* the error for which the message at `first` was split */

	while (first < end) {
		int sent = sys_send(fd, &batch->headers[first], end - first);

		if (sent < 0 && try_again(batch, fd, -sent))
			continue;
		if (sent > 0) {
			if (split_error != 0)
				lower_gso_limit(batch, first, split_error);
			results->replied += count_replies(batch, first, first + (unsigned)sent);
			first += (unsigned)sent;
		} else if (batch->messages[first].replies > 1) {
			end += split_message(batch, first) - 1;
			split_error = -sent;
			continue;
		} else {
			reply_count_failure(
				batch, batch->messages[first++].request, -sent, results);
		}
		split_error = 0;
	}
	return end;
}

/* The end of those messages from `first` on that leave from one socket. */
static unsigned find_run(const struct reply_batch *batch, unsigned first)
{
	const unsigned count = batch->messages_count;
	const uint16_t socket = (uint16_t)batch->messages[first].route;
	unsigned end = first + 1;

	while (end < count && (uint16_t)batch->messages[end].route == socket)
		end++;
	return end;
}

void reply_send(struct reply_batch *batch, struct ledger *results)
{
	unsigned first = 0;

	make_messages(batch);
	prepare_headers(batch);
	restore_gso_limit(batch);
	batch->waited = false;
	batch->error = 0;
	batch->source.sa.sa_family = AF_UNSPEC;
	while (first < batch->messages_count)
		first = send_run(batch, first, find_run(batch, first), results);
	batch->count = 0;
	batch->messages_count = 0;
	batch->next_buffer = batch->buffers;
	batch->full = false;
}
