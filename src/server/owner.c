/* The owner: the thread that is in a call which one thread at a time may make. Another may be it next, and
 * finds all that this one wrote. */
#include <errno.h>

#include "server/server.h"

/* Its address is another in each thread. */
static _Thread_local char self;

int server_owner_enter(struct dgram_server *server)
{
	const void *none = NULL;

	if (!atomic_compare_exchange_strong(&server->owner, &none, &self))
		return -EBUSY;
	server->owner_calls = 1;
	return 0;
}

int server_owner_enter_from_hook(struct dgram_server *server)
{
	if (atomic_load(&server->owner) != &self)
		return server_owner_enter(server);
	server->owner_calls++;
	return 0;
}

void server_owner_leave(struct dgram_server *server)
{
	if (--server->owner_calls == 0)
		atomic_store(&server->owner, NULL);
}
