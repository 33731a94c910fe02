/* The limit that the figures are held against: a bare loop, recvmmsg and sendmmsg, 64 at a time, no
 * timestamps, no local address, no books. Usage: bare_echo PORT. Ends by a signal. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64
#define BYTES 2048

static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_in clients[BATCH];
static char buffers[BATCH][BYTES];

static int open_socket(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int bytes = 4 << 20;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("bare_echo");
		exit(1);
	}
	return fd;
}

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
	int fd = open_socket(argc > 1 ? argv[1] : "0");

	for (int i = 0; i < BATCH; i++) {
		vectors[i].iov_base = buffers[i];
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &clients[i], .msg_iov = &vectors[i], .msg_iovlen = 1
		};
	}
	for (;;)
		receive_and_send(fd);
}
