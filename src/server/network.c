/* The machine's network, as it changes.
 *
 * DESIGN: the owner's thread takes in what the kernel tells, and looks for itself each second while something is
 * missing, because there are no notices of some changes: that a port or memory is free again, a setting of the
 * kernel, the route that makes a broadcast address ours. */
#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

/* A look costs 20 us for each host that waits. */
#define LOOK_NS NS_PER_S

static void plan_at(struct dgram_server *server, int64_t due_ns)
{
	server->next_look_ns = due_ns;
	events_set(&server->events, &server->look_timer, due_ns);
}

static void plan(struct dgram_server *server, bool missing)
{
	bool untold = server_network_fd(server) < 0 && server_late_can_change(server);

	plan_at(server, missing || untold || server_own_is_due(server)
				? sys_monotonic_ns() + LOOK_NS
				: INT64_MAX);
}

/* What came before the notices were asked for, the first look finds. */
void server_network_open(struct dgram_server *server)
{
	bool late = server_late_can_change(server);

	if (late && server_network_fd(server) < 0)
		(void)notices_open(&server->notices);
	plan(server, false);
	if (late)
		plan_at(server, 0);
}

int server_network_fd(const struct dgram_server *server)
{
	return notices_fd(&server->notices);
}

void server_network_follow(struct dgram_server *server)
{
	unsigned changed = notices_take(&server->notices);

	if (server->own != NULL && (changed & NOTICES_ADDRESSES))
		server_own_read(server);
	if (changed != 0)
		plan(server, server_late_look(server));
}

void server_network_look(struct dgram_server *server)
{
	if (server_own_is_due(server))
		server_own_read(server);
	plan(server, server_late_look(server));
}
