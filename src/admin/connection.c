#include "admin/connection.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/sys.h"

struct connection {
	struct link link; /* under the endpoint's lock, as is end_ns */
	int fd;
	int64_t end_ns; /* CLOCK_MONOTONIC */
};

struct connection *connection_begin(struct admin *admin, int fd)
{
	struct connection *connection = malloc(sizeof(*connection));

	if (connection == NULL) {
		(void)shutdown(fd, SHUT_RDWR);
		return NULL;
	}
	connection->fd = fd;
	connection->end_ns = sys_monotonic_ns() + CONNECTION_REQUEST_S * NS_PER_S;
	lock_take(&admin->lock);
	link_append(&admin->connections, &connection->link);
	lock_release(&admin->lock);
	return connection;
}

static void end_at(struct admin *admin, struct connection *connection, int64_t end_ns)
{
	if (connection == NULL)
		return;
	lock_take(&admin->lock);
	connection->end_ns = end_ns;
	lock_release(&admin->lock);
}

void connection_wait(struct admin *admin, struct connection *connection)
{
	end_at(admin, connection, INT64_MAX);
}

void connection_answer(struct admin *admin, struct connection *connection)
{
	end_at(admin, connection, sys_monotonic_ns() + CONNECTION_ANSWER_S * NS_PER_S);
}

/* The last one to end wakes admin_close(). */
void connection_end(struct admin *admin, struct connection *connection)
{
	bool last;

	if (connection == NULL)
		return;
	lock_take(&admin->lock);
	link_remove(&connection->link);
	last = link_is_empty(&admin->connections) && admin->lingers;
	lock_release(&admin->lock);
	free(connection);
	if (last)
		(void)eventfd_write(admin->questions.fd, 1);
}

/* Under the lock, because after connection_end() the descriptor is closed, and may be another's. */
void connection_shut_late(struct admin *admin, int64_t now_ns)
{
	lock_take(&admin->lock);
	for (struct link *each = admin->connections.next; each != &admin->connections;
		each = each->next) {
		const struct connection *connection = LINK_OWNER(each, struct connection, link);

		if (connection->end_ns <= now_ns)
			(void)shutdown(connection->fd, SHUT_RDWR);
	}
	lock_release(&admin->lock);
}
