/* Hosts whose address comes late: a standby's, one that is still tentative, or one of an interface that is not
 * there, or was deleted and made anew.
 *
 * DESIGN: the receivers of such a host run as all others, and stop as they do, each with a socket that is bound
 * to nothing, or that hears nothing any more because it is bound to an interface that is gone. The owner's thread
 * binds new sockets once it can, and each receiver takes its one over (receiver_offer). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/server.h"

bool server_late_is_missing(int error)
{
	return error == -EADDRNOTAVAIL || error == -ENODEV || error == -EAFNOSUPPORT;
}

bool server_late_has_address(const struct dgram_server *server, unsigned service)
{
	for (unsigned i = 0; i < server->sockets_count; i += server->listeners[i].receivers)
		if (server->listeners[i].service == service && server->listeners[i].missing == 0)
			return true;
	return false;
}

static void note_counts(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++)
		atomic_store(&server->services[i].hosts_waiting,
			(unsigned)server_late_format(server, i, NULL, 0));
}

int server_late_begin(struct dgram_server *server, struct listener *host)
{
	struct socket *sockets = &server->sockets[host - server->listeners];
	int error = 0;

	server_listen_log_missing(server, host, EVENT_WAITING);
	for (unsigned i = 0; error == 0 && i < host->receivers; i++)
		error = socket_open_idle(host->endpoint.addr.sa.sa_family, &sockets[i]);
	note_counts(server);
	if (error == 0)
		return 0;
	host->missing = error;
	server_listen_log_missing(server, host, EVENT_CANNOT_LISTEN);
	return error;
}

/* --- looking for it */

static bool has_offers(const struct listener *host)
{
	for (unsigned i = 0; i < host->receivers; i++)
		if (atomic_load(&host[i].receiver.offered))
			return true;
	return false;
}

static void hand_over(
	struct dgram_server *server, struct listener *host, const struct socket *sockets)
{
	for (unsigned i = 0; i < host->receivers; i++) {
		receiver_offer(&host[i].receiver, &sockets[i]);
		if (server->state != SERVER_STARTED)
			receiver_take_over(&host[i].receiver);
	}
}

/* Its interface is there, with the number that its sockets are bound to. */
static bool is_where_it_was(const struct dgram_server *server, struct listener *host)
{
	const struct socket *socket = &server->sockets[host - server->listeners];
	union addr address;

	host->missing = endpoint_resolve(&host->endpoint, &address);
	return host->missing == 0 && socket_is_bound(socket) &&
	       socket_address(socket).in6.sin6_scope_id == address.in6.sin6_scope_id;
}

/* Another server has its socket for now, and would not hear any more at it: see socket_wake(). */
static bool is_lent(const struct listener *host)
{
	return atomic_load(&host->shared) && !host->held;
}

static bool can_be_other(const struct listener *host)
{
	return host->missing < 0 || endpoint_follows_interface(&host->endpoint);
}

/* Returns whether it has got an address, lost it, or lacks it for another reason. */
static bool look_at(struct dgram_server *server, struct listener *host)
{
	struct socket sockets[DGRAM_RECEIVERS_MAX];
	const int before = host->missing;

	if (!can_be_other(host) || has_offers(host) || is_lent(host))
		return false;
	if (endpoint_follows_interface(&host->endpoint) && is_where_it_was(server, host)) {
		if (before < 0)
			server_listen_log(server, host, &server->sockets[host - server->listeners]);
		return before < 0;
	}
	if (server_listen_open(server, host, sockets) == 0) {
		server_listen_log(server, host, sockets);
		hand_over(server, host, sockets);
		return true;
	}
	if (host->missing != before)
		server_listen_log_missing(server, host,
			server_late_is_missing(host->missing) ? EVENT_WAITING
							      : EVENT_CANNOT_LISTEN);
	return host->missing != before;
}

bool server_late_look(struct dgram_server *server)
{
	bool changed = false, missing = false;

	if (atomic_load(&server->shutdowns) > 0)
		return false;
	for (unsigned i = 0; i < server->sockets_count; i += server->listeners[i].receivers) {
		struct listener *host = &server->listeners[i];

		if (look_at(server, host))
			changed = true;
		missing |= host->missing < 0 || has_offers(host) || is_lent(host);
	}
	if (changed) {
		note_counts(server);
		server_start_log_ready(server);
		server_serve_hurry_hook(server);
	}
	return missing;
}

bool server_late_can_change(const struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i += server->listeners[i].receivers)
		if (can_be_other(&server->listeners[i]))
			return true;
	return false;
}

/* --- saying so */

static const char *reason_of(const struct listener *host)
{
	switch (host->missing) {
	case -EADDRNOTAVAIL:
		return "no such address";
	case -ENODEV:
		return "no such interface";
	case -EAFNOSUPPORT:
		return host->endpoint.addr.sa.sa_family == AF_INET6 ? "no IPv6" : "no IPv4";
	case -EADDRINUSE:
		return "port taken";
	default:
		return strerrordesc_np(-host->missing);
	}
}

size_t server_late_format(
	const struct dgram_server *server, unsigned service, char *text, size_t size)
{
	size_t count = 0, at = 0;

	for (unsigned i = 0; i < server->sockets_count; i += server->listeners[i].receivers) {
		const struct listener *host = &server->listeners[i];
		char address[ADDR_TEXT_MAX];

		if (host->missing == 0 ||
			(service != SERVER_ALL_SERVICES && host->service != service))
			continue;
		if (at < size)
			at += (size_t)snprintf(text + at, size - at, "%s%s (%s)",
				count > 0 ? ", " : "", endpoint_format(&host->endpoint, address),
				reason_of(host));
		count++;
	}
	if (count == 0 && size > 0)
		text[0] = '\0';
	return count;
}

size_t dgram_server_waiting(struct dgram_server *server, char *ret_text, size_t size)
{
	return server_late_format(server, SERVER_ALL_SERVICES, ret_text, size);
}

bool dgram_server_is_ready(struct dgram_server *server)
{
	if (server->state == SERVER_NEW)
		return false;
	for (unsigned i = 0; i < server->services_count; i++)
		if (!server_late_has_address(server, i))
			return false;
	return true;
}
