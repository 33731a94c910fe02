/* Sends COUNT requests, each from the next of ADDRESSES addresses, 127.0.0.1 + FIRST and up, by one
 * socket, at most 256 without an answer. When no answer comes for a second, what is unanswered counts as
 * lost until its answer comes after all. 1000 lost ones end the walk. Prints "answered N lost N
 * overflowed N": the last are answers for which this socket's buffer had no room.
 * Usage: address_walk PORT COUNT FIRST ADDRESSES */
#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64u
#define WINDOW 256u
#define LOST_MAX 1000u
#define PATIENCE_MS 1000

struct control {
	_Alignas(struct cmsghdr) unsigned char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static struct mmsghdr requests[BATCH], answers[BATCH];
static struct control controls[BATCH];
static struct iovec request_vector = { "an echo of 32 bytes, as it is sent", 32 };
static struct iovec answer_vectors[BATCH];
static char bytes[BATCH][64];
static struct sockaddr_in server;
static uint64_t first, addresses;

static void set_source(struct msghdr *header, uint32_t address)
{
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(address) };
	struct cmsghdr *control = CMSG_FIRSTHDR(header);

	control->cmsg_level = IPPROTO_IP;
	control->cmsg_type = IP_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(control), &info, sizeof(info));
}

static void prepare(void)
{
	for (unsigned i = 0; i < BATCH; i++) {
		requests[i].msg_hdr = (struct msghdr){ .msg_name = &server,
			.msg_namelen = sizeof(server),
			.msg_iov = &request_vector,
			.msg_iovlen = 1,
			.msg_control = &controls[i],
			.msg_controllen = sizeof(controls[i]) };
		answer_vectors[i] = (struct iovec){ bytes[i], sizeof(bytes[i]) };
		answers[i].msg_hdr =
			(struct msghdr){ .msg_iov = &answer_vectors[i], .msg_iovlen = 1 };
	}
}

static unsigned send_some(int fd, uint64_t number, unsigned count)
{
	int sent;

	for (unsigned i = 0; i < count; i++)
		set_source(&requests[i].msg_hdr,
			INADDR_LOOPBACK + (uint32_t)(first + (number + i) % addresses));
	sent = sendmmsg(fd, requests, count, MSG_DONTWAIT);
	return sent > 0 ? (unsigned)sent : 0;
}

static unsigned receive_some(int fd)
{
	int count = recvmmsg(fd, answers, BATCH, MSG_DONTWAIT, NULL);

	return count > 0 ? (unsigned)count : 0;
}

static unsigned overflowed(int fd)
{
	unsigned info[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(info);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size);
	return info[SK_MEMINFO_DROPS];
}

static void walk(int fd, uint64_t count)
{
	struct pollfd poll_in = { .fd = fd, .events = POLLIN };
	uint64_t sent = 0, answered = 0, lost = 0;

	while (answered + lost < count && lost < LOST_MAX) {
		uint64_t room = WINDOW - (sent - answered - lost);
		uint64_t left = count - sent < room ? count - sent : room;
		unsigned now = left < BATCH ? (unsigned)left : BATCH;

		if (now > 0 && (now == BATCH || now == count - sent || room == WINDOW))
			sent += send_some(fd, sent, now);
		if (poll(&poll_in, 1, PATIENCE_MS) == 0)
			lost = sent - answered;
		else
			answered += receive_some(fd);
		if (lost > sent - answered)
			lost = sent - answered;
	}
	printf("answered %llu lost %llu overflowed %u\n", (unsigned long long)answered,
		(unsigned long long)lost, overflowed(fd));
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

	if (argc != 5)
		return 64;
	server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(argv[1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ||
		bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0) {
		perror("address_walk");
		return 1;
	}
	prepare();
	first = strtoull(argv[3], NULL, 10);
	addresses = strtoull(argv[4], NULL, 10);
	walk(fd, strtoull(argv[2], NULL, 10));
	return 0;
}
