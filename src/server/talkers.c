/* Who asks most of a service, for the public. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "server/server.h"

struct talkers_copy {
	struct dgram_talkers talkers;
	struct dgram_talker by_requests[TALKERS_MAX], by_time[TALKERS_MAX];
};

static unsigned prefix_of(const union addr *address)
{
	if (address->sa.sa_family == AF_INET)
		return 32;
	return address->in6.sin6_port != 0 || IN6_IS_ADDR_LINKLOCAL(&address->in6.sin6_addr) ? 128
											     : 64;
}

static size_t copy_list(const struct talker *from, struct dgram_talker *to)
{
	union addr address;
	size_t i = 0;

	for (; i < TALKERS_MAX && from[i].requests > 0; i++) {
		talkers_address(&from[i].source, &address);
		memcpy(&to[i].source, &address, sizeof(address));
		to[i].prefix = prefix_of(&address);
		to[i].requests = from[i].requests;
		to[i].busy_ns = (uint64_t)from[i].served_ns;
	}
	return i;
}

int dgram_server_talkers(
	struct dgram_server *server, size_t service, struct dgram_talkers **ret_talkers)
{
	struct talkers found = { 0 };
	struct talkers_copy *copy;
	struct queue *queue;
	int64_t now_ns = sys_monotonic_ns();

	if (service >= server->services_count)
		return -ENOENT;
	copy = calloc(1, sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	queue = server->services[service].queue;
	while (queue != NULL && queue_rank(queue, now_ns, &found))
		;
	copy->talkers.name = server->services[service].name;
	copy->talkers.by_requests = copy->by_requests;
	copy->talkers.by_time = copy->by_time;
	copy->talkers.by_requests_count = copy_list(found.by_requests, copy->by_requests);
	copy->talkers.by_time_count = copy_list(found.by_time, copy->by_time);
	*ret_talkers = &copy->talkers;
	return 0;
}
