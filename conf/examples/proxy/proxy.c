/* Passes requests on to another server, and its answers back. Each request has a socket of its own, so an answer that
 * comes after the time-out finds nobody, and is not taken for that of a later request. */
#include <arpa/inet.h>
#include <dgram.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESS, PORT, TIMEOUT_MS, PARAMETERS };

static const struct dgram_parameter parameters[PARAMETERS] = {
	[ADDRESS] = { "address", DGRAM_TEXT, .minimum = 2, .maximum = INET6_ADDRSTRLEN,
		.text = "127.0.0.1", .sentence = "The numeric address of the other server." },
	[PORT] = { "port", DGRAM_WHOLE, .required = true, .minimum = 1, .maximum = 65535,
		.sentence = "Its port." },
	[TIMEOUT_MS] = { "timeout_ms", DGRAM_WHOLE, .minimum = 1, .maximum = 60000, .initial = 1000,
		.sentence = "How long an answer is waited for, in milliseconds." },
};

struct upstream {
	struct sockaddr_storage address;
	socklen_t length;
	int timeout_ms;
};

static int set_up(void *context, const struct dgram_start *start, void **ret_upstream)
{
	const char *text = start->values[ADDRESS].text;
	in_port_t port = htons((in_port_t)start->values[PORT].number);
	struct upstream *upstream = calloc(1, sizeof(*upstream));
	struct sockaddr_in *v4;
	struct sockaddr_in6 *v6;

	(void)context;
	if (upstream == NULL)
		return -ENOMEM;
	v4 = (struct sockaddr_in *)&upstream->address;
	v6 = (struct sockaddr_in6 *)&upstream->address;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		upstream->length = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port;
		upstream->length = sizeof(*v6);
	} else {
		dgram_log(start, DGRAM_LOG_ERROR, "no address", "%s", text);
		free(upstream);
		return -EINVAL;
	}
	upstream->timeout_ms = (int)start->values[TIMEOUT_MS].number;
	*ret_upstream = upstream;
	return 0;
}

/* Of a connected socket: the kernel drops what others send, and tells of a closed port at once. */
static ssize_t ask(
	int fd, const struct dgram_request *request, void *reply, size_t size, int timeout_ms)
{
	struct pollfd answer = { .fd = fd, .events = POLLIN };
	ssize_t length;
	int ready;

	if (send(fd, request->data, request->length, 0) < 0)
		return -errno;
	ready = poll(&answer, 1, timeout_ms);
	if (ready <= 0)
		return ready == 0 ? -ETIMEDOUT : -errno;
	length = recv(fd, reply, size, MSG_TRUNC);
	if (length < 0)
		return -errno;
	return (size_t)length <= size ? length : -EMSGSIZE;
}

static ssize_t pass_on(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	const struct upstream *upstream = state;
	int fd = socket(upstream->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t length;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&upstream->address, upstream->length) < 0)
		length = -errno;
	else
		length = ask(fd, request, reply, size, upstream->timeout_ms);
	close(fd);
	return length;
}

static const struct dgram_handler proxy = {
	.abi = DGRAM_ABI,
	.name = "proxy",
	.handle = pass_on,
	.open = set_up,
	.close = free,
	.parameters = parameters,
	.parameters_count = PARAMETERS,
};
DGRAM_PLUGIN(proxy);
