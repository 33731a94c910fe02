/* The machine's own addresses: read at the start, and again when they may have changed. */
#include <errno.h>

#include "guard/own_addresses.h"
#include "server/server.h"

int server_own_make(struct dgram_server *server)
{
	bool needed = false;

	for (unsigned i = 0; i < server->sockets_count; i++)
		needed |= addr_is_wildcard(&server->listeners[i].endpoint.addr);
	return needed ? own_addresses_new(&server->own) : 0;
}

static const char *hint_of(int error)
{
	switch (error) {
	case -EAFNOSUPPORT:
	case -EACCES:
	case -EPERM:
		return "allow AF_NETLINK: see RestrictAddressFamilies in systemd.exec(5)";
	case -EOVERFLOW:
		return "this machine has more than 16384 local addresses and prefixes";
	default:
		return "they are asked for again each second";
	}
}

void server_own_read(struct dgram_server *server)
{
	int error = notices_fd(&server->notices) < 0 ? notices_open(&server->notices) : 0;

	if (error == 0)
		error = own_addresses_read(server->own);
	if (error < 0 && server->own_error == 0)
		log_event(server->ring, EVENT_OWN_ADDRESSES_UNKNOWN,
			LOG_FIELDS(log_errno("error", -error), log_text("hint", hint_of(error))));
	server->own_error = error;
}

bool server_own_is_due(const struct dgram_server *server)
{
	switch (server->own_error) {
	case 0:
	case -EAFNOSUPPORT:
	case -EACCES:
	case -EPERM:
	case -EOVERFLOW:
		return false;
	default:
		return true;
	}
}
