/* Sockets of the server that this one follows: which are a host's. */
#include <string.h>

#include "server/server.h"

/* Where the kernel chose the port, the name of the service says of which it is. */
static bool is_hosts(
	const struct dgram_inherited *left, const char *service, const union addr *wanted)
{
	union addr bound;

	if (server_fds_address(left->fd, &bound) < 0)
		return false;
	if (addr_port(wanted) == 0 && strcmp(left->service, service) == 0)
		addr_set_port(&bound, 0);
	return addr_same(&bound, wanted);
}

const struct dgram_inherited *server_inherit_find(const struct dgram_server *server,
	const struct listener *host, const union addr *wanted, const struct dgram_inherited *before)
{
	const struct dgram_inherited *all = server->options.inherited;
	const char *service = server->services[host->service].name;

	for (size_t n = before != NULL ? (size_t)(before - all) + 1 : 0;
		n < server->options.inherited_count; n++)
		if (is_hosts(&all[n], service, wanted))
			return &all[n];
	return NULL;
}
