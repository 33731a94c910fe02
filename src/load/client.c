#include "load/client.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (4 << 20) /* about 5,000 datagrams of 32 bytes, at 768 bytes each */

/* Returns `error` after one line about it. */
static int report_error(const char *doing, const union addr *address, int error)
{
	char text[ADDR_TEXT_MAX];

	addr_format(address, text);
	if (addr_port(address) == 0)
		*strrchr(text, ':') = '\0';
	(void)fprintf(
		stderr, "dgramload: cannot %s %s: %s\n", doing, text, strerrordesc_np(-error));
	return error;
}

/* With CAP_NET_ADMIN the size may exceed net.core.rmem_max. The size that is granted is not checked,
 * because drops are counted. */
static void enlarge(int fd, int forced, int usual)
{
	int bytes = BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, usual, &bytes, sizeof(bytes));
}

static int set_up(const struct load_options *options, uint32_t index, int fd)
{
	union addr source;

	enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (options->sources.count > 0) {
		load_address_get_source(&options->sources, index, &source);
		if (bind(fd, &source.sa, addr_length(&source)) < 0)
			return report_error("use the source address", &source, -errno);
	}
	if (connect(fd, &options->server.sa, addr_length(&options->server)) < 0)
		return report_error("send to", &options->server, -errno);
	return 0;
}

int load_client_open(const struct load_options *options, uint32_t index, int *ret_fd)
{
	int fd = socket(options->server.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return report_error("open a socket for", &options->server, -errno);
	error = set_up(options, index, fd);
	if (error < 0) {
		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

uint64_t load_client_drops(int fd)
{
	uint32_t values[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(values);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &length) < 0)
		return 0;
	return values[SK_MEMINFO_DROPS];
}
