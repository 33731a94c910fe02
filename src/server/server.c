/* A server's beginning and end. */
#include "server/server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

const char *dgram_version(void)
{
	return DGRAM_VERSION;
}

int dgram_server_new(const struct dgram_options *options, struct dgram_server **ret_server)
{
	int error = server_check_options(options);
	struct dgram_server *server;

	if (error < 0)
		return error;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return -ENOMEM;
	server->stop_fd = server->now_fd = server->done_fd = server->deaf_fd = -1;
	pool_init(&server->pool);
	error = server_copy_options(server, options);
	if (error == 0)
		error = cpus_parse(options->cpus, &server->cpus);
	if (error == 0)
		error = server_make(server, options->services);
	if (error < 0) {
		dgram_server_free(server);
		return error;
	}
	*ret_server = server;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void dgram_server_free(struct dgram_server *server)
{
	if (server == NULL)
		return;
	if (server->state == SERVER_STARTED) {
		dgram_server_shutdown(server);
		dgram_server_shutdown(server);
		(void)dgram_server_serve_forever(server);
	}
	if (server->state == SERVER_ABANDONED)
		return;
	if (server->alone)
		server_stop_alone(server);
	server_close(server);
	for (unsigned i = 0; i < server->sockets_count; i++) {
		receiver_release(&server->listeners[i].receiver);
		worker_free(server->listeners[i].receiver.worker);
	}
	for (unsigned i = 0; i < server->services_count; i++) {
		struct datagram_list left = { 0 };

		if (server->services[i].queue != NULL) {
			queue_discard(server->services[i].queue, &left);
			slab_give(server->slab, &left);
		}
		queue_free(server->services[i].queue);
		free(server->services[i].handler.values);
		free(server->services[i].name);
	}
	pool_destroy(&server->pool);
	slab_free(server->slab);
	log_free(server->log);
	close_fd(server->stop_fd);
	close_fd(server->now_fd);
	close_fd(server->done_fd);
	close_fd(server->deaf_fd);
	free(server->services);
	free(server->sockets);
	free(server->listeners);
	free(server->polls);
	free(server->log_target);
	free(server);
}
