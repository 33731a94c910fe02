/* Appends each datagram to a file, as a line, and answers none. One write for each, so the lines of several workers do
 * not mix. */
#include <dgram.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct dgram_parameter parameters[] = {
	{ "path", DGRAM_TEXT, .required = true, .minimum = 1, .maximum = 4095,
		.sentence = "The file that the lines are appended to." },
};

struct sink {
	int fd;
};

static int open_sink(void *context, const struct dgram_start *start, void **ret_sink)
{
	struct sink *sink = malloc(sizeof(*sink));

	(void)context;
	if (sink == NULL)
		return -ENOMEM;
	sink->fd = open(start->values[0].text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (sink->fd < 0) {
		int error = -errno;

		dgram_log(start, DGRAM_LOG_ERROR, "cannot open", "%s", start->values[0].text);
		free(sink);
		return error;
	}
	*ret_sink = sink;
	return 0;
}

static void close_sink(void *state)
{
	struct sink *sink = state;

	close(sink->fd);
	free(sink);
}

static ssize_t append(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	const struct sink *sink = state;
	struct iovec line[] = { { (void *)request->data, request->length }, { "\n", 1 } };
	ssize_t written = writev(sink->fd, line, 2);

	(void)reply, (void)size;
	if (written < 0)
		return -errno;
	return (size_t)written == request->length + 1 ? DGRAM_NO_REPLY : -ENOSPC;
}

static const struct dgram_handler sink = {
	.abi = DGRAM_ABI,
	.name = "sink",
	.handle = append,
	.open = open_sink,
	.close = close_sink,
	.parameters = parameters,
	.parameters_count = 1,
};
DGRAM_PLUGIN(sink);
