/* The limit that the figures are held against: a bare loop, recvmmsg and sendmmsg, 64 at a time, no
 * timestamps, no local address, no books. Usage: bare_echo PORT. Ends by a signal. */
#include "bench/peers/peer.h"

#define BATCH 64
#define BYTES 2048

static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_in clients[BATCH];
static char buffers[BATCH][BYTES];

static void receive_and_send(int fd)
{
	int received, sent = 0;

	for (int i = 0; i < BATCH; i++) {
		vectors[i].iov_len = BYTES;
		messages[i].msg_hdr.msg_namelen = sizeof(clients[i]);
	}
	received = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
	for (int i = 0; i < received; i++)
		vectors[i].iov_len = messages[i].msg_len;
	while (sent < received) {
		int count = sendmmsg(fd, messages + sent, (unsigned)(received - sent), 0);

		sent += count > 0 ? count : 1;
	}
}

int main(int argc, char **argv)
{
	int fd = peer_socket(argc > 1 ? argv[1] : "0");

	for (int i = 0; i < BATCH; i++) {
		vectors[i].iov_base = buffers[i];
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &clients[i], .msg_iov = &vectors[i], .msg_iovlen = 1
		};
	}
	for (;;)
		receive_and_send(fd);
}
