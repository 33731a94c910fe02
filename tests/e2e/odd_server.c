/* A server for test_losses.py: its handler does to a request what the request says, or its socket has options of
 * a careless program. Writes its log to stderr, and its port to stdout. */
#include <arpa/inet.h>
#include <dgram.h>
#include <errno.h>
#include <linux/net_tstamp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is(const struct dgram_request *request, const char *word)
{
	return request->length == strlen(word) && memcmp(request->data, word, request->length) == 0;
}

static bool verify(void *state, const struct dgram_request *request)
{
	(void)state;
	return !is(request, "refuse");
}

static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	if (is(request, "fail"))
		return -EIO;
	memset(reply, 'x', size);
	return is(request, "too long") ? (ssize_t)size + 1 : (ssize_t)size;
}

static const struct dgram_handler handler = { DGRAM_ABI, "odd", .verify = verify,
	.handle = handle };

static int open_socket(const char *option)
{
	const struct sockaddr_in wildcard = { .sin_family = AF_INET };
	struct sockaddr_in loopback = { .sin_family = AF_INET };
	const int stamping = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	const unsigned char nops[40] = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1";
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool stamps = strcmp(option, "stamps") == 0;

	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (const struct sockaddr *)(stamps ? &wildcard : &loopback), sizeof(wildcard)) <
		0)
		return -1;
	if (stamps)
		(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &stamping, sizeof(stamping));
	if (strcmp(option, "options") == 0)
		(void)setsockopt(fd, IPPROTO_IP, IP_OPTIONS, nops, 20);
	return fd;
}

int main(int argc, char **argv)
{
	struct dgram_service service;
	struct dgram_options options;
	struct dgram_server *server;
	struct sockaddr_in address = { 0 };
	socklen_t length = sizeof(address);
	int fd = open_socket(argc > 1 ? argv[1] : "");

	dgram_service_init(&service, DGRAM_ABI);
	dgram_options_init(&options, DGRAM_ABI);
	service.handler = &handler;
	service.fds = &fd;
	service.fds_count = 1;
	service.max_reply_bytes = DGRAM_DATAGRAM_BYTES_MAX;
	options.services = &service;
	options.services_count = 1;
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
		dgram_server_new(&options, &server) < 0)
		return 1;
	(void)printf("%u\n", ntohs(address.sin_port));
	(void)fflush(stdout);
	return dgram_server_serve_forever(server) < 0;
}
