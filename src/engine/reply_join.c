/* Which replies of a batch leave as one message. */
#include <string.h>

#include "engine/reply.h"

/* The kernel takes a message apart into so many at most (UDP_MAX_SEGMENTS; 128 since Linux 6.9),
 * and takes no longer one. */
#define SEGMENTS_MAX 64u
#define MESSAGE_BYTES_MAX 65000u

/* From which socket to which client, in a word. Where the words differ the ways do; where they are
 * equal the ways are, but for IPv6, and for the address of ours on a wildcard socket. */
static uint64_t way_of(const struct datagram *request)
{
	const union addr *client = &request->client;
	uint32_t word;

	if (client->sa.sa_family == AF_INET)
		word = client->in.sin_addr.s_addr;
	else
		memcpy(&word, &client->in6.sin6_addr.s6_addr[12], sizeof(word));
	return (uint64_t)word << 32 | (uint64_t)client->in.sin_port << 16 | request->socket;
}

/* Does the way tell all? */
static bool is_plain(const struct datagram *request, const struct socket *socket)
{
	return request->client.sa.sa_family == AF_INET && !socket->wildcard;
}

/* As the kernel wrote them. */
static bool same_v6(const union addr *a, const union addr *b)
{
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

/* The rest, where it does not. */
static bool same_ends(const struct datagram *a, const struct datagram *b)
{
	if (a->client.sa.sa_family == AF_INET)
		return a->local.in.sin_addr.s_addr == b->local.in.sin_addr.s_addr;
	return same_v6(&a->client, &b->client) && same_v6(&a->local, &b->local);
}

/* The place where a client's messages are found: by the highest bits, on which all others bear. */
static unsigned place_of(uint64_t way)
{
	return (unsigned)(way * 0x9e3779b97f4a7c15u >> (64 - REPLY_PLACES_LOG2));
}

/* The newest message of this way, or NULL: an older one would be overtaken. */
static struct reply_message *find(
	struct reply_batch *batch, const struct datagram *request, uint64_t way, unsigned newest)
{
	for (unsigned i = newest; i > 0; i = batch->messages[i - 1].older) {
		struct reply_message *message = &batch->messages[i - 1];

		if (message->way == way && (message->plain || same_ends(message->request, request)))
			return message;
	}
	return NULL;
}

/* So many of this length may join a first one. */
static unsigned room_beside(
	const struct reply_batch *batch, const struct socket *socket, size_t length)
{
	if (!socket->segments || length == 0 || length > batch->join_bytes_max ||
		length > MESSAGE_BYTES_MAX)
		return 0;
	if (length * SEGMENTS_MAX <= MESSAGE_BYTES_MAX)
		return SEGMENTS_MAX - 1;
	return MESSAGE_BYTES_MAX / (unsigned)length - 1;
}

void reply_add(struct reply_batch *batch, struct datagram *request, size_t length)
{
	const struct socket *socket = &batch->sockets[request->socket];
	uint64_t way = way_of(request);
	unsigned char *newest = &batch->places[place_of(way)];
	struct reply_message *message = find(batch, request, way, *newest);
	unsigned number = batch->count++;

	batch->replies[number] = batch->next_buffer;
	batch->next_buffer += reply_room(length);
	if (message != NULL && message->length == length && message->room > 0) {
		batch->next[message->last] = number;
		message->last = number;
		message->replies++;
		message->room--;
		return;
	}
	batch->messages[batch->messages_count++] = (struct reply_message){
		.way = way,
		.request = request,
		.length = length,
		.replies = 1,
		.room = room_beside(batch, socket, length),
		.first = number,
		.last = number,
		.older = *newest,
		.plain = is_plain(request, socket),
	};
	*newest = (unsigned char)batch->messages_count;
}

/* Write the ancillary data of a message. Returns its length. */
static size_t write_control(const struct reply_batch *batch, const struct reply_message *message,
	struct socket_control *control)
{
	size_t used = 0;

	if (batch->sockets[message->request->socket].wildcard)
		used = socket_source(&message->request->local, control);
	if (message->replies > 1)
		used = socket_segment((uint16_t)message->length, control, used);
	return used;
}

void reply_prepare(struct reply_batch *batch)
{
	struct iovec *vector = batch->vectors;

	for (unsigned i = 0; i < batch->messages_count; i++) {
		const struct reply_message *message = &batch->messages[i];
		struct msghdr *header = &batch->headers[i].msg_hdr;
		unsigned number = message->first;

		header->msg_name = &message->request->client;
		header->msg_namelen = addr_length(&message->request->client);
		header->msg_iov = vector;
		header->msg_iovlen = message->replies;
		header->msg_control = &batch->controls[i];
		header->msg_controllen = 0;
		if (!message->plain || message->replies > 1)
			header->msg_controllen = write_control(batch, message, &batch->controls[i]);
		for (unsigned replies = message->replies; replies > 0; replies--) {
			vector->iov_base = batch->replies[number];
			vector->iov_len = message->length;
			vector++;
			number = batch->next[number];
		}
	}
	memset(batch->places, 0, sizeof(batch->places));
}

/* All of them can use the ancillary data of the whole, which now is that of one. */
unsigned reply_take_apart(struct reply_batch *batch, unsigned i)
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
