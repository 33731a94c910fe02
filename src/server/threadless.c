/* Serving without any thread: at most one batch at a time, in the owner's. */
#include <errno.h>
#include <limits.h>

#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

/* Worker `i` of those that work in the owner's thread: of the inline receivers theirs, and last the first of
 * the pool; NULL: there is none. */
static struct worker *threadless_worker(struct dgram_server *server, unsigned i)
{
	struct receiver *receiver;

	if (i == server->sockets_count)
		return server->pool.members[0].worker;
	receiver = &server->listeners[i].receiver;
	return receiver->service->queue == NULL ? receiver->worker : NULL;
}

void server_threadless_stop(struct dgram_server *server)
{
	for (unsigned i = 0; i <= server->sockets_count; i++)
		if (threadless_worker(server, i) != NULL)
			worker_stop(threadless_worker(server, i));
	server->threadless = false;
}

static int start_threadless(struct dgram_server *server)
{
	int error = server->state == SERVER_NEW ? server_bind(server) : 0;

	if (error < 0 || server->threadless)
		return error;
	error = server_outside_make(server);
	for (unsigned i = 0; error == 0 && i < server->services_count; i++)
		if (server->services[i].outside != NULL)
			error = -EOPNOTSUPP;
	if (error < 0)
		return error;
	for (unsigned i = 0; i < server->services_count; i++)
		if (server->services[i].queue != NULL)
			queue_end_assist(server->services[i].queue);
	for (unsigned i = 0; error == 0 && i <= server->sockets_count; i++) {
		struct worker *worker = threadless_worker(server, i);

		error = worker != NULL ? worker_start(worker) : 0;
		if (error < 0)
			handler_log_refusal(worker->refused, server->ring, error);
	}
	if (error < 0)
		server_threadless_stop(server);
	server->threadless = error == 0;
	return error;
}

/* Serve a batch of what arrived at a socket, at most `most`; and in the same call what was taken from the
 * kernel with it. */
static int handle_batch(struct dgram_server *server, struct receiver *receiver, unsigned most)
{
	struct worker *worker = server->pool.members[0].worker;
	unsigned received = 0;
	int count;

	do {
		receiver->batch.most = most - received < SOCKET_BATCH ? most - received
								      : SOCKET_BATCH;
		count = receiver_step(receiver);
		received += count > 0 ? (unsigned)count : 0;
		while (worker != NULL && worker_step(worker) == WORKER_WORKED)
			;
	} while (count > 0 && received < most && socket_batch_holds_more(&receiver->batch));
	return received > 0 ? (int)received : count;
}

/* Until the end of the timeout, or the next look at the network. */
static int time_left_ms(const struct dgram_server *server, int64_t end_ns)
{
	int64_t until_ns = end_ns < server->next_look_ns ? end_ns : server->next_look_ns;
	int64_t left_ns = until_ns - sys_monotonic_ns();

	if (until_ns == INT64_MAX)
		return -1;
	return left_ns > 0 ? (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

/* As sys_wait(), for a socket or the end; changes of the machine's network are taken in meanwhile. */
static int wait_for_request(struct dgram_server *server, int timeout_ms)
{
	struct pollfd *end = &server->polls[server->sockets_count], *notices = end + 1;
	int64_t end_ns = timeout_ms < 0 ? INT64_MAX : sys_monotonic_ns() + timeout_ms * NS_PER_MS;
	int ready;

	for (unsigned i = 0; i < server->sockets_count; i++)
		server->polls[i] = (struct pollfd){ .fd = server->sockets[i].fd, .events = POLLIN };
	*end = (struct pollfd){ .fd = server->stop.watch.fd, .events = POLLIN };
	*notices = (struct pollfd){ .fd = server_network_fd(server), .events = POLLIN };
	for (;;) {
		ready = sys_wait(
			server->polls, server->sockets_count + 2, time_left_ms(server, end_ns));
		if (ready > 0 && notices->revents != 0) {
			server_network_follow(server);
			ready--;
		} else if (sys_monotonic_ns() >= server->next_look_ns) {
			server_network_look(server);
		} else {
			return ready;
		}
		if (ready != 0 || sys_monotonic_ns() >= end_ns)
			return ready;
	}
}

/* Was more taken from a kernel's socket than the last call was to serve? No poll(2) tells of it. */
static bool holds_more(const struct dgram_server *server)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (socket_batch_holds_more(&server->listeners[i].receiver.batch))
			return true;
	return false;
}

/* What has arrived at any socket, from another one on each time. */
static int handle_ready(struct dgram_server *server, unsigned most)
{
	unsigned received = 0, first = server->next_socket;
	int error = 0;

	for (unsigned i = 0; i < server->sockets_count && received < most; i++) {
		unsigned number = (first + i) % server->sockets_count;
		struct receiver *receiver = &server->listeners[number].receiver;
		int count = 0;

		if (server->polls[number].revents != 0 || socket_batch_holds_more(&receiver->batch))
			count = handle_batch(server, receiver, most - received);
		received += count > 0 ? (unsigned)count : 0;
		error = count < 0 ? count : error;
		server->next_socket = number + 1;
	}
	return received > 0 ? (int)received : error;
}

static int handle_request(struct dgram_server *server, unsigned most, int timeout_ms)
{
	int result = server->state >= SERVER_STARTED ? -EBUSY : start_threadless(server);

	if (result == 0 && atomic_load(&server->shutdowns) > 0)
		result = -ESHUTDOWN;
	if (result == 0)
		result = wait_for_request(server, holds_more(server) ? 0 : timeout_ms);
	if (result < 0)
		return result;
	result = handle_ready(server, most > 0 ? most : UINT_MAX);
	server_losses_catch_up(server);
	return result == 0 && atomic_load(&server->shutdowns) > 0 ? -ESHUTDOWN : result;
}

int dgram_server_handle_request(struct dgram_server *server, unsigned most, int timeout_ms)
{
	int result = server_owner_enter(server);

	if (result < 0)
		return result;
	result = handle_request(server, most, timeout_ms);
	server_owner_leave(server);
	return result;
}
