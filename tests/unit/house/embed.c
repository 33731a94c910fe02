/* A program of somebody else's: one handler, one request to it, and the books. It has functions
 * named as some of ours are, which must not clash with the static library's. */
#include <dgram.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct dgram_server *server;

int queue_push(void);
int log_new(void);

int queue_push(void)
{
	return 1;
}

int log_new(void)
{
	return 2;
}

static ssize_t shout(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	const unsigned char *data = request->data;
	char *text = reply;

	(void)state;
	if (request->length > reply_size)
		return DGRAM_NO_REPLY;
	for (size_t i = 0; i < request->length; i++)
		text[i] = (char)toupper(data[i]);
	dgram_server_shutdown(server);
	return (ssize_t)request->length;
}

static const struct dgram_handler handler = { .abi = DGRAM_ABI, .name = "shout", .handle = shout };

/* Sends the request before anybody serves: it waits in the socket. */
static int ask(void)
{
	struct sockaddr_storage address;
	int fd;

	if (dgram_server_bind(server) < 0 || dgram_server_address(server, 0, 0, &address) < 0)
		return -1;
	fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		send(fd, "hello", 5, 0) != 5)
		return -1;
	return fd;
}

static int serve(int fd)
{
	struct dgram_service_stats *stats;
	bool right;
	char answer[16] = "";

	if (dgram_server_serve_forever(server) < 0 || dgram_server_stats(server, 0, &stats) < 0)
		return 1;
	right = stats->received == 1 && stats->replied == 1;
	dgram_stats_free(stats);
	if (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) != 5 || memcmp(answer, "HELLO", 5) != 0)
		return 1;
	return right ? 0 : 1;
}

int main(void)
{
	struct dgram_service service;
	struct dgram_options options;
	int fd;
	int result = 1;

	dgram_service_init(&service, DGRAM_ABI);
	service.handler = &handler;
	dgram_options_init(&options, DGRAM_ABI);
	options.services = &service;
	options.services_count = 1;
	if (dgram_server_new(&options, &server) < 0)
		return 1;
	fd = ask();
	if (fd >= 0) {
		result = serve(fd);
		close(fd);
	}
	dgram_server_free(server);
	if (result != 0)
		fprintf(stderr, "embed: libdgram %s did not serve\n", dgram_version());
	return result + queue_push() - 1 + log_new() - 2;
}
