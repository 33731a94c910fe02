#include "bench/overload/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define BYTES 32
#define NS_PER_S 1000000000LL

/* What a datagram carries. */
struct token {
	uint32_t crowd, number;
};

struct source_choice {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

struct wire {
	struct sockaddr_in server;
	int64_t begin_ns;
	int epoll;
	struct crowd *crowds[WIRE_CROWDS_MAX];
	int *fds[WIRE_CROWDS_MAX]; /* by source */
	unsigned crowds_count;
	char bytes[BATCH][BYTES];
	struct iovec vectors[BATCH];
	struct mmsghdr messages[BATCH];
	struct source_choice choices[BATCH];
};

int wire_new(uint16_t port, struct wire **ret_wire)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (wire == NULL)
		return -ENOMEM;
	wire->server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (unsigned i = 0; i < BATCH; i++)
		wire->vectors[i] = (struct iovec){ wire->bytes[i], BYTES };
	wire->epoll = epoll_create1(0);
	if (wire->epoll < 0) {
		free(wire);
		return -errno;
	}
	*ret_wire = wire;
	return 0;
}

static int64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void wire_begin(struct wire *wire)
{
	wire->begin_ns = monotonic_ns();
}

int64_t wire_now_ns(const struct wire *wire)
{
	return monotonic_ns() - wire->begin_ns;
}

/* --- sockets */

static int await_answers(const struct wire *wire, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	int bytes = 1 << 22;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0 ||
		epoll_ctl(wire->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	return 0;
}

/* Answers to forged requests pile up in a socket of the least size, and are lost there. */
static int open_shared(const struct wire *wire, bool forged, int *ret_fd)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int bytes = 1;

	*ret_fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (*ret_fd < 0 || bind(*ret_fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	if (!forged)
		return await_answers(wire, *ret_fd);
	if (setsockopt(*ret_fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0)
		return -errno;
	return 0;
}

static int open_client(const struct wire *wire, struct in_addr address, int *ret_fd)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr = address };

	*ret_fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (*ret_fd < 0 || bind(*ret_fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
		connect(*ret_fd, (const struct sockaddr *)&wire->server, sizeof(wire->server)) < 0)
		return -errno;
	return await_answers(wire, *ret_fd);
}

int wire_add(struct wire *wire, struct crowd *crowd)
{
	unsigned index = wire->crowds_count++;
	int error = 0;

	wire->crowds[index] = crowd;
	wire->fds[index] = calloc(crowd->shared ? 1 : crowd->sources, sizeof(int));
	if (wire->fds[index] == NULL)
		return -ENOMEM;
	if (crowd->shared)
		return open_shared(wire, crowd->forged, wire->fds[index]);
	for (uint32_t i = 0; error == 0 && i < crowd->sources; i++)
		error = open_client(wire, crowd_address(crowd, i), &wire->fds[index][i]);
	return error;
}

/* --- requests */

/* By source, so that those of one socket are sent at once. */
static void sort(const struct crowd *crowd, uint32_t *numbers, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		uint32_t number = numbers[i], source = crowd->requests[number].source;
		unsigned at = i;

		for (; at > 0 && crowd->requests[numbers[at - 1]].source > source; at--)
			numbers[at] = numbers[at - 1];
		numbers[at] = number;
	}
}

static void choose_source(struct wire *wire, unsigned at, struct in_addr address)
{
	struct msghdr *header = &wire->messages[at].msg_hdr;
	struct in_pktinfo info = { .ipi_spec_dst = address };
	struct cmsghdr *choice;

	header->msg_name = &wire->server;
	header->msg_namelen = sizeof(wire->server);
	header->msg_control = &wire->choices[at];
	header->msg_controllen = sizeof(wire->choices[at]);
	choice = CMSG_FIRSTHDR(header);
	choice->cmsg_len = CMSG_LEN(sizeof(info));
	choice->cmsg_level = IPPROTO_IP;
	choice->cmsg_type = IP_PKTINFO;
	memcpy(CMSG_DATA(choice), &info, sizeof(info));
}

static void write_message(
	struct wire *wire, const struct crowd *crowd, uint32_t number, unsigned at)
{
	struct token token = { crowd->index, number };

	memcpy(wire->bytes[at], &token, sizeof(token));
	wire->messages[at].msg_hdr =
		(struct msghdr){ .msg_iov = &wire->vectors[at], .msg_iovlen = 1 };
	if (crowd->shared)
		choose_source(wire, at, crowd_address(crowd, crowd->requests[number].source));
}

bool wire_send(struct wire *wire, struct crowd *crowd)
{
	uint32_t numbers[BATCH];
	unsigned count = crowd_take_due(crowd, wire_now_ns(wire), numbers, BATCH);

	if (!crowd->shared)
		sort(crowd, numbers, count);
	for (unsigned i = 0; i < count; i++)
		write_message(wire, crowd, numbers[i], i);
	for (unsigned first = 0, end; first < count; first = end) {
		uint32_t source = crowd->shared ? 0 : crowd->requests[numbers[first]].source;
		int sent;

		for (end = first + 1; end < count; end++)
			if (!crowd->shared && crowd->requests[numbers[end]].source != source)
				break;
		sent = sendmmsg(
			wire->fds[crowd->index][source], &wire->messages[first], end - first, 0);
		crowd->refused += end - first - (sent > 0 ? (unsigned)sent : 0);
	}
	return count == BATCH;
}

/* --- answers */

static void take_answers(struct wire *wire, int fd)
{
	char bytes[BATCH][BYTES];
	struct iovec vectors[BATCH];
	struct mmsghdr messages[BATCH];
	int count;

	for (unsigned i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ bytes[i], BYTES };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
	}
	count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		struct token token;

		memcpy(&token, bytes[i], sizeof(token));
		if (messages[i].msg_len == BYTES && token.crowd < wire->crowds_count)
			crowd_answered(wire->crowds[token.crowd], token.number, wire_now_ns(wire));
	}
}

void wire_receive(struct wire *wire, int64_t wait_ns)
{
	struct epoll_event events[BATCH];
	struct timespec wait = { 0 };
	int count;

	if (wait_ns > 0)
		wait = (struct timespec){ wait_ns / NS_PER_S, wait_ns % NS_PER_S };
	count = epoll_pwait2(wire->epoll, events, BATCH, &wait, NULL);
	for (int i = 0; i < count; i++)
		take_answers(wire, events[i].data.fd);
}
