#include "guard/own_addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "guard/netlink.h"
#include "guard/prefixes.h"

/* A list during which a route changed is read again, this often. */
#define DUMP_TRIES 16

#define LOOPBACK_INTERFACE 1u

struct own_addresses {
	struct netlink
		netlink; /* kept, so that a list needs no descriptor when there is none left */
	struct lock lock;
	const struct prefixes *known; /* under the lock; NULL: none are */
	struct prefixes sets[2];
};

int own_addresses_new(struct own_addresses **ret_own)
{
	struct own_addresses *own = calloc(1, sizeof(*own));

	if (own == NULL)
		return -ENOMEM;
	own->netlink.fd = -1;
	lock_init(&own->lock);
	*ret_own = own;
	return 0;
}

void own_addresses_free(struct own_addresses *own)
{
	if (own == NULL)
		return;
	netlink_close(&own->netlink);
	lock_destroy(&own->lock);
	free(own);
}

size_t own_addresses_bytes(void)
{
	return sizeof(struct own_addresses);
}

bool own_addresses_hold(struct own_addresses *own, const union addr *address)
{
	bool held;

	lock_take(&own->lock);
	held = own->known == NULL || prefixes_hold(own->known, address);
	lock_release(&own->lock);
	return held;
}

static void publish(struct own_addresses *own, const struct prefixes *known)
{
	lock_take(&own->lock);
	own->known = known;
	lock_release(&own->lock);
}

/* --- messages of the kernel */

/* Copy the route's attribute of this type, where it has one. */
static void get_attribute(const struct nlmsghdr *message, unsigned type, void *to, size_t bytes)
{
	const size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct rtmsg));
	const void *found = netlink_attribute(
		(const char *)message + at, message->nlmsg_len - at, type, bytes, NULL);

	if (found != NULL)
		memcpy(to, found, bytes);
}

/* A default route of type local is in a table of its own where a proxy takes over what firewall rules
 * mark (TPROXY): what we send is not marked. */
static bool is_for_marked(const struct nlmsghdr *message, const struct rtmsg *route)
{
	uint32_t table = route->rtm_table;

	get_attribute(message, RTA_TABLE, &table, sizeof(table));
	return route->rtm_dst_len == 0 && table != RT_TABLE_LOCAL && table != RT_TABLE_MAIN &&
	       table != RT_TABLE_DEFAULT;
}

/* Returns 0, or -EOVERFLOW. */
static int add_route(void *context, const struct nlmsghdr *message)
{
	struct prefixes *prefixes = context;
	const struct rtmsg *route = netlink_local_route(message);
	union addr address = { 0 };
	uint32_t interface = 0;

	if (route == NULL || is_for_marked(message, route))
		return 0;
	address.sa.sa_family = route->rtm_family;
	get_attribute(message, RTA_OIF, &interface, sizeof(interface));
	if (route->rtm_family == AF_INET && route->rtm_dst_len <= 32) {
		get_attribute(message, RTA_DST, &address.in.sin_addr, 4);
	} else if (route->rtm_family == AF_INET6 && route->rtm_dst_len <= 128) {
		get_attribute(message, RTA_DST, &address.in6.sin6_addr, 16);
		address.in6.sin6_scope_id = interface == LOOPBACK_INTERFACE ? 0 : interface;
	} else {
		return 0;
	}
	return prefixes_add(prefixes, &address, route->rtm_dst_len) ? 0 : -EOVERFLOW;
}

/* --- the list as a whole */

static int dump_once(struct own_addresses *own, struct prefixes *prefixes)
{
	static const struct rtmsg kinds[] = {
		{ .rtm_family = AF_INET, .rtm_type = RTN_LOCAL },
		{ .rtm_family = AF_INET6, .rtm_type = RTN_LOCAL },
		{ .rtm_family = AF_INET6, .rtm_type = RTN_ANYCAST },
	};
	int error = 0;

	prefixes_clear(prefixes);
	for (size_t i = 0; error == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct netlink_question question = { RTM_GETROUTE, sizeof(kinds[i]),
			&kinds[i] };

		error = netlink_list(&own->netlink, &question, add_route, prefixes);
	}
	return error;
}

/* With NETLINK_GET_STRICT_CHK (Linux 4.20) the kernel lists only the type asked for: a router may have a
 * million others. */
static int open_netlink(struct own_addresses *own)
{
	const int on = 1;
	int error = netlink_open(&own->netlink, 0);

	if (error < 0)
		netlink_close(&own->netlink);
	else
		(void)setsockopt(
			own->netlink.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return error;
}

/* Into the set that is not in use. */
int own_addresses_read(struct own_addresses *own)
{
	struct prefixes *spare = &own->sets[own->known == &own->sets[0] ? 1 : 0];
	int error = own->netlink.fd < 0 ? open_netlink(own) : 0;

	if (error == 0)
		error = dump_once(own, spare);
	for (int i = 1; error == -EINTR && i < DUMP_TRIES; i++)
		error = dump_once(own, spare);
	if (error == 0)
		prefixes_merge(spare);
	publish(own, error == 0 ? spare : NULL);
	return error;
}
