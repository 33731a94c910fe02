/* The machine's own addresses: read at the start, and followed by the owner's thread. */
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
		return "they are asked for again when an address or a route changes";
	}
}

static void log_unknown(struct dgram_server *server, int error)
{
	if (error < 0 && !server->own_unknown)
		log_event(server->ring, EVENT_OWN_ADDRESSES_UNKNOWN,
			LOG_FIELDS(log_errno("error", -error), log_text("hint", hint_of(error))));
	server->own_unknown = error < 0;
}

void server_own_open(struct dgram_server *server)
{
	if (server->own != NULL)
		log_unknown(server, own_addresses_open(server->own));
}

int server_own_fd(const struct dgram_server *server)
{
	return server->own != NULL ? own_addresses_fd(server->own) : -1;
}

void server_own_follow(struct dgram_server *server)
{
	log_unknown(server, own_addresses_follow(server->own));
}
