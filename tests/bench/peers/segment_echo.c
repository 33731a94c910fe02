/* The bare loop, but adjacent replies of the same length to the same client leave as one message that
 * the kernel cuts up (UDP_SEGMENT). Usage: segment_echo PORT. Ends by a signal. */
#include "bench/peers/peer.h"

#include <netinet/udp.h>
#include <string.h>

#define BATCH 64
#define BYTES 2048
#define JOINED_MAX 65000 /* of bytes in one message; the kernel takes 64 segments at least */

struct control {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(uint16_t))];
};

static struct mmsghdr requests[BATCH], replies[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_in clients[BATCH];
static struct control controls[BATCH];
static char buffers[BATCH][BYTES];

static int same_client(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* How many of the requests from `first` on can be answered by one message. */
static int count_alike(int first, int received)
{
	size_t length = vectors[first].iov_len;
	int next = first + 1;

	while (next < received && length > 0 && vectors[next].iov_len == length &&
		(size_t)(next - first + 1) * length <= JOINED_MAX &&
		same_client(&clients[first], &clients[next]))
		next++;
	return next - first;
}

static struct msghdr join(int first, int count)
{
	struct msghdr reply = { .msg_name = &clients[first],
		.msg_namelen = sizeof(clients[first]),
		.msg_iov = &vectors[first],
		.msg_iovlen = (size_t)count };

	if (count > 1) {
		uint16_t length = (uint16_t)vectors[first].iov_len;
		struct cmsghdr *header;

		reply.msg_control = &controls[first];
		reply.msg_controllen = sizeof(controls[first]);
		header = CMSG_FIRSTHDR(&reply);
		header->cmsg_level = SOL_UDP;
		header->cmsg_type = UDP_SEGMENT;
		header->cmsg_len = CMSG_LEN(sizeof(length));
		memcpy(CMSG_DATA(header), &length, sizeof(length));
	}
	return reply;
}

static int join_replies(int received)
{
	int joined = 0;

	for (int first = 0, count; first < received; first += count) {
		count = count_alike(first, received);
		replies[joined++].msg_hdr = join(first, count);
	}
	return joined;
}

static void receive_and_send(int fd)
{
	int received, joined, sent = 0;

	for (int i = 0; i < BATCH; i++) {
		vectors[i].iov_len = BYTES;
		requests[i].msg_hdr.msg_namelen = sizeof(clients[i]);
	}
	received = recvmmsg(fd, requests, BATCH, MSG_WAITFORONE, NULL);
	for (int i = 0; i < received; i++)
		vectors[i].iov_len = requests[i].msg_len;
	joined = join_replies(received);
	while (sent < joined) {
		int count = sendmmsg(fd, replies + sent, (unsigned)(joined - sent), 0);

		sent += count > 0 ? count : 1;
	}
}

int main(int argc, char **argv)
{
	int fd = peer_socket(argc > 1 ? argv[1] : "0");

	for (int i = 0; i < BATCH; i++) {
		vectors[i].iov_base = buffers[i];
		requests[i].msg_hdr = (struct msghdr){
			.msg_name = &clients[i], .msg_iov = &vectors[i], .msg_iovlen = 1
		};
	}
	for (;;)
		receive_and_send(fd);
}
