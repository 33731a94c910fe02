/* Which replies of a batch leave as one message. */
#include <string.h>

#include "pipeline/reply.h"

/* The kernel takes a message apart into so many at most (UDP_MAX_SEGMENTS; 128 since Linux 6.9),
 * and takes no longer one. */
#define SEGMENTS_MAX 64u
#define MESSAGE_BYTES_MAX 65000u

/* The place where a client's messages are found. The last byte, in which neighbours differ, has to
 * be the lowest: a product mixes upwards only. */
static unsigned place_of(const union addr *client)
{
	uint32_t word = client->in.sin_addr.s_addr;

	if (client->sa.sa_family == AF_INET6)
		memcpy(&word, &client->in6.sin6_addr.s6_addr[12], sizeof(word));
	return (ntohl(word) * 0x9e3779b1u ^ addr_port(client) * 0x85ebca6bu) >> 16 &
	       (REPLY_PLACES - 1);
}

/* From the same address to the same client? */
static bool same_way(
	const struct socket *sockets, const struct datagram *a, const struct datagram *b)
{
	return a->socket == b->socket && addr_port(&a->client) == addr_port(&b->client) &&
	       addr_same_host(&a->client, &b->client) &&
	       (!sockets[a->socket].wildcard || addr_same_host(&a->local, &b->local));
}

/* The newest message to this client, or NULL: an older one would be overtaken. */
static struct reply_message *find(
	struct reply_batch *batch, const struct datagram *request, unsigned place)
{
	for (unsigned i = batch->places[place]; i > 0; i = batch->messages[i - 1].older)
		if (same_way(batch->sockets, batch->messages[i - 1].request, request))
			return &batch->messages[i - 1];
	return NULL;
}

static bool may_join(
	const struct reply_batch *batch, const struct reply_message *message, size_t length)
{
	return message->length == length && length > 0 && length <= batch->join_bytes_max &&
	       message->replies < SEGMENTS_MAX &&
	       (message->replies + 1) * length <= MESSAGE_BYTES_MAX;
}

void reply_join(struct reply_batch *batch, struct datagram *request, unsigned number)
{
	unsigned place = place_of(&request->client);
	size_t length = batch->replies[number].iov_len;
	struct reply_message *message = NULL;

	if (batch->sockets[request->socket].segments)
		message = find(batch, request, place);
	if (message != NULL && may_join(batch, message, length)) {
		batch->next[message->last] = number;
		message->last = number;
		message->replies++;
		return;
	}
	batch->messages[batch->messages_count++] = (struct reply_message){
		.request = request,
		.length = length,
		.replies = 1,
		.first = number,
		.last = number,
		.older = batch->places[place],
	};
	batch->places[place] = (unsigned char)batch->messages_count;
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

		*header = (struct msghdr){
			.msg_name = &message->request->client,
			.msg_namelen = addr_length(&message->request->client),
			.msg_iov = vector,
			.msg_iovlen = message->replies,
			.msg_control = &batch->controls[i],
			.msg_controllen = write_control(batch, message, &batch->controls[i]),
		};
		for (unsigned replies = message->replies; replies > 0; replies--) {
			*vector++ = batch->replies[number];
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
