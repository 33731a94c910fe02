/* What the kernel says of a server's sockets, for the public. */
#include <errno.h>
#include <stdlib.h>

#include "server/server.h"

static uint64_t buffer_bytes(int fd, int option)
{
	int bytes = 0;
	socklen_t length = sizeof(bytes);

	(void)getsockopt(fd, SOL_SOCKET, option, &bytes, &length);
	return (uint64_t)bytes;
}

int dgram_server_socket_stats(
	struct dgram_server *server, size_t number, struct dgram_socket_stats **ret_stats)
{
	struct dgram_socket_stats *stats;
	const struct socket *socket;
	union addr bound;

	if (number >= server->sockets_count)
		return -ENOENT;
	socket = &server->sockets[number];
	if (socket->fd < 0)
		return -EBADF;
	if (!socket_is_bound(socket))
		return -EADDRNOTAVAIL;
	stats = calloc(1, sizeof(*stats));
	if (stats == NULL)
		return -ENOMEM;
	bound = socket_address(socket);
	memcpy(&stats->address, &bound, sizeof(bound));
	stats->service = server->services[server->listeners[number].service].name;
	stats->receive_buffer_bytes = buffer_bytes(socket->fd, SO_RCVBUF);
	stats->send_buffer_bytes = buffer_bytes(socket->fd, SO_SNDBUF);
	stats->held = server->listeners[number].held;
	stats->dropped_by_kernel = socket_kernel_drops(socket);
	*ret_stats = stats;
	return 0;
}
