/* Opening a server: its sockets, with the rights that it was started with; then its log and its services. */
#include <errno.h>
#include <string.h>

#include "server/server.h"

int server_bind_log(struct dgram_server *server, const struct dgram_options *options)
{
	struct log_settings settings = server_options_log(options);
	int error = log_set_workers(server->log, server_workers(server, options));

	if (error == 0 && server->state > SERVER_NEW &&
		log_has_target(server->log, settings.target))
		error = log_restyle(server->log, &settings);
	else if (error == 0)
		error = log_apply(server->log, &settings);
	if (error < 0)
		log_event(server->ring, EVENT_CANNOT_OPEN_LOG,
			LOG_FIELDS(
				log_text("target", settings.target), log_errno("error", -error)));
	atomic_store(&server->pool.shared.log_requests,
		log_enabled(server->ring, (enum log_level)EVENT_REQUEST_LEVEL));
	return error;
}

static int open_services(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++) {
		int error = handler_open(&server->services[i].handler, server->ring);

		if (error == 0)
			continue;
		log_event(server->ring, EVENT_CANNOT_OPEN_SERVICE,
			LOG_FIELDS(log_text("service", server->services[i].name),
				log_errno("error", -error)));
		return error;
	}
	return 0;
}

static void open_sockets(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i += server->listeners[i].receivers)
		(void)server_listen_open(server, &server->listeners[i], &server->sockets[i]);
}

/* All its hosts have been tried. */
static int settle_service(struct dgram_server *server, unsigned service)
{
	const bool waits = server->services[service].on_missing_address == DGRAM_MISSING_WAIT ||
			   server_late_has_address(server, service);
	int error = 0;

	for (unsigned i = 0; i < server->sockets_count; i += server->listeners[i].receivers) {
		struct listener *host = &server->listeners[i];
		int result;

		if (host->service != service || host->missing == 0)
			continue;
		result = waits ? server_late_begin(server, host) : host->missing;
		if (!waits)
			server_listen_log_missing(server, host, EVENT_CANNOT_LISTEN);
		if (error == 0)
			error = result;
	}
	return error;
}

/* That it is missing may do no harm: settle_service() tells. */
static int settle_host(struct dgram_server *server, const struct listener *host)
{
	if (host->missing == 0)
		server_listen_log(server, host, &server->sockets[host - server->listeners]);
	else if (server_late_is_missing(host->missing) &&
		 server->services[host->service].on_missing_address != DGRAM_MISSING_FAIL)
		return 0;
	else
		server_listen_log_missing(server, host, EVENT_CANNOT_LISTEN);
	return host->missing;
}

/* What becomes of those that could not be opened. */
static int settle_sockets(struct dgram_server *server)
{
	int error = 0;

	for (unsigned i = 0; error == 0 && i < server->sockets_count;
		i += server->listeners[i].receivers)
		error = settle_host(server, &server->listeners[i]);
	for (unsigned i = 0; error == 0 && i < server->services_count; i++)
		error = settle_service(server, i);
	return error;
}

void server_bind_undo(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++) {
		struct receiver *receiver = &server->listeners[i].receiver;

		if (atomic_load(&receiver->offered))
			socket_close(&receiver->next);
		atomic_store(&receiver->offered, false);
		socket_close(&server->sockets[i]);
	}
	for (unsigned i = 0; i < server->services_count; i++)
		handler_close(&server->services[i].handler);
}

int server_bind(struct dgram_server *server)
{
	const struct dgram_options *options = &server->options;
	int error = 0;

	if (server->state != SERVER_NEW)
		return -EALREADY;
	open_sockets(server);
	server->options.inherited_count = 0;
	if (options->on_bound != NULL)
		error = options->on_bound(options->start_context);
	if (error == 0)
		error = server_bind_log(server, options);
	if (error == 0 && server->own != NULL)
		server_own_read(server);
	if (error == 0)
		error = settle_sockets(server);
	if (error == 0)
		error = open_services(server);
	if (error < 0) {
		server_bind_undo(server);
		return error;
	}
	server_network_open(server);
	server->state = SERVER_BOUND;
	return 0;
}

int dgram_server_bind(struct dgram_server *server)
{
	int error = server_owner_enter(server);

	if (error < 0)
		return error;
	error = server_bind(server);
	server_owner_leave(server);
	return error;
}

static int find_socket(
	struct dgram_server *server, size_t service, size_t host, const struct socket **ret_socket)
{
	for (unsigned i = 0; i < server->sockets_count; i++) {
		if (server->listeners[i].service != service || server->listeners[i].host != host ||
			server->listeners[i].reuseport_index != 0)
			continue;
		if (server->sockets[i].fd < 0)
			return -EBADF;
		if (!socket_is_bound(&server->sockets[i]))
			return -EADDRNOTAVAIL;
		*ret_socket = &server->sockets[i];
		return 0;
	}
	return -ENOENT;
}

int dgram_server_fileno(struct dgram_server *server, size_t service, size_t host)
{
	const struct socket *socket;
	int error = find_socket(server, service, host, &socket);

	return error < 0 ? error : socket->fd;
}

int dgram_server_socket(struct dgram_server *server, size_t number)
{
	if (number >= server->sockets_count)
		return -ENOENT;
	if (server->sockets[number].fd < 0)
		return -EBADF;
	if (!socket_is_bound(&server->sockets[number]))
		return -EADDRNOTAVAIL;
	atomic_store(&server->listeners[number].shared, true);
	return server->sockets[number].fd;
}

void dgram_server_keep_sockets(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		atomic_store(&server->listeners[i].shared, server->listeners[i].held);
}

int dgram_server_address(struct dgram_server *server, size_t service, size_t host,
	struct sockaddr_storage *ret_address)
{
	const struct socket *socket;
	int error = find_socket(server, service, host, &socket);
	union addr address;

	if (error < 0)
		return error;
	address = socket_address(socket);
	memset(ret_address, 0, sizeof(*ret_address));
	memcpy(ret_address, &address, sizeof(address));
	return 0;
}
