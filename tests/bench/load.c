/* A closed loop of echo requests over loopback: CLIENTS sockets, each with IN_FLIGHT requests of
 * BYTES on their way, until SECONDS are over. A request without an answer after 200 ms counts as
 * lost, and is replaced. Prints "answered N lost N seconds S". Usage: load PORT CLIENTS IN_FLIGHT
 * BYTES SECONDS */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 512
#define IN_FLIGHT_MAX 64
#define BYTES_MAX 2048
#define LOST_NS 200000000LL

struct client {
	int fd;
	unsigned in_flight;
	int64_t heard_ns;
};

static struct client clients[CLIENTS_MAX];
static struct pollfd polls[CLIENTS_MAX];
static struct mmsghdr requests[IN_FLIGHT_MAX], replies[IN_FLIGHT_MAX];
static struct iovec request_vectors[IN_FLIGHT_MAX], reply_vectors[IN_FLIGHT_MAX];
static char request_bytes[BYTES_MAX], reply_bytes[IN_FLIGHT_MAX][BYTES_MAX];

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("load");
		exit(1);
	}
	return fd;
}

static void fill(struct client *client, unsigned in_flight)
{
	int sent;

	if (client->in_flight >= in_flight)
		return;
	sent = sendmmsg(client->fd, requests, in_flight - client->in_flight, MSG_DONTWAIT);
	client->in_flight += sent > 0 ? (unsigned)sent : 0;
}

static unsigned take_replies(struct client *client)
{
	int count = recvmmsg(client->fd, replies, IN_FLIGHT_MAX, MSG_DONTWAIT, NULL);

	if (count <= 0)
		return 0;
	client->heard_ns = now_ns();
	client->in_flight -= (unsigned)count < client->in_flight ? (unsigned)count
								 : client->in_flight;
	return (unsigned)count;
}

static unsigned give_up(struct client *client)
{
	unsigned lost = client->in_flight;

	if (lost == 0 || now_ns() - client->heard_ns < LOST_NS)
		return 0;
	client->in_flight = 0;
	client->heard_ns = now_ns();
	return lost;
}

static void prepare(unsigned bytes)
{
	for (unsigned i = 0; i < IN_FLIGHT_MAX; i++) {
		request_vectors[i] = (struct iovec){ request_bytes, bytes };
		reply_vectors[i] = (struct iovec){ reply_bytes[i], BYTES_MAX };
		requests[i].msg_hdr =
			(struct msghdr){ .msg_iov = &request_vectors[i], .msg_iovlen = 1 };
		replies[i].msg_hdr =
			(struct msghdr){ .msg_iov = &reply_vectors[i], .msg_iovlen = 1 };
	}
}

static void run(unsigned count, unsigned in_flight, double seconds)
{
	int64_t begin_ns = now_ns(), end_ns = begin_ns + (int64_t)(seconds * 1e9);
	uint64_t answered = 0, lost = 0;

	while (now_ns() < end_ns) {
		for (unsigned i = 0; i < count; i++)
			fill(&clients[i], in_flight);
		(void)poll(polls, count, 10);
		for (unsigned i = 0; i < count; i++) {
			if (polls[i].revents != 0)
				answered += take_replies(&clients[i]);
			lost += give_up(&clients[i]);
		}
	}
	printf("answered %llu lost %llu seconds %.3f\n", (unsigned long long)answered,
		(unsigned long long)lost, (double)(now_ns() - begin_ns) / 1e9);
}

int main(int argc, char **argv)
{
	unsigned count, in_flight, bytes;

	if (argc != 6)
		return 64;
	count = (unsigned)atoi(argv[2]);
	in_flight = (unsigned)atoi(argv[3]);
	bytes = (unsigned)atoi(argv[4]);
	if (count > CLIENTS_MAX || in_flight > IN_FLIGHT_MAX || bytes > BYTES_MAX)
		return 64;
	prepare(bytes);
	for (unsigned i = 0; i < count; i++) {
		clients[i] = (struct client){ .fd = connect_to((uint16_t)atoi(argv[1])),
			.heard_ns = now_ns() };
		polls[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
	}
	run(count, in_flight, atof(argv[5]));
	return 0;
}
