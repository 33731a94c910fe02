#include "guard/own_addresses.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "guard/prefixes.h"

/* The kernel gives at most this at once (af_netlink.c). */
#define BUFFER_BYTES 32768u

/* A list during which a route changed is read again, this often. */
#define DUMP_TRIES 16

/* What is read of the notices at once. Those that are left make poll(2) return again. */
#define NOTICES_MAX 64

#define LOOPBACK_INTERFACE 1u

/* A flush of a device that is deleted tells of no IPv4 route, but of the device. */
#define GROUPS                                                                      \
	(RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_IFADDR | \
		RTMGRP_IPV6_IFADDR)

struct own_addresses {
	int notices_fd;
	int dump_fd; /* of its own: so a dump meets no notice, and needs no descriptor later */
	uint32_t sequence;
	bool stale; /* what is known is older than a change */
	struct lock lock;
	const struct prefixes *known; /* under the lock; NULL: none are */
	struct prefixes sets[2];
	_Alignas(struct nlmsghdr) unsigned char buffer[BUFFER_BYTES];
};

int own_addresses_new(struct own_addresses **ret_own)
{
	struct own_addresses *own = calloc(1, sizeof(*own));

	if (own == NULL)
		return -ENOMEM;
	own->notices_fd = own->dump_fd = -1;
	own->stale = true;
	lock_init(&own->lock);
	*ret_own = own;
	return 0;
}

void own_addresses_free(struct own_addresses *own)
{
	if (own == NULL)
		return;
	if (own->notices_fd >= 0)
		close(own->notices_fd);
	if (own->dump_fd >= 0)
		close(own->dump_fd);
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

/* The number of bytes received; 0: nothing was there, or it was not the kernel's. -errno. */
static ssize_t receive_messages(struct own_addresses *own, int fd)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_length = sizeof(from);
	ssize_t length;

	do {
		length = recvfrom(fd, own->buffer, sizeof(own->buffer), MSG_DONTWAIT | MSG_TRUNC,
			(struct sockaddr *)(void *)&from, &from_length);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	if ((size_t)length > sizeof(own->buffer))
		return -EMSGSIZE;
	return from.nl_pid == 0 ? length : 0;
}

/* The message at `at`, or NULL: there is no whole one. */
static const struct nlmsghdr *message_at(const struct own_addresses *own, size_t length, size_t at)
{
	const struct nlmsghdr *message = (const void *)(own->buffer + at);

	if (at + sizeof(*message) > length || message->nlmsg_len < sizeof(*message) ||
		message->nlmsg_len > length - at)
		return NULL;
	return message;
}

/* What a message says after its header, or NULL: less than this. */
static const void *payload_of(const struct nlmsghdr *message, size_t bytes)
{
	return message->nlmsg_len >= NLMSG_HDRLEN + bytes ? (const char *)message + NLMSG_HDRLEN
							  : NULL;
}

/* The route of a message about one that leads to this machine, or NULL. */
static const struct rtmsg *local_route(const struct nlmsghdr *message)
{
	const struct rtmsg *route = payload_of(message, sizeof(*route));

	if (route == NULL ||
		(message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE))
		return NULL;
	if (route->rtm_type != RTN_LOCAL && route->rtm_type != RTN_ANYCAST)
		return NULL;
	return route;
}

/* Copy the attribute of this type, where the route has it in this length. */
static void get_attribute(
	const struct nlmsghdr *message, unsigned short type, void *to, size_t bytes)
{
	const char *start = (const char *)message;
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct rtmsg));

	while (at + sizeof(struct rtattr) <= message->nlmsg_len) {
		struct rtattr attribute;

		memcpy(&attribute, start + at, sizeof(attribute));
		if (attribute.rta_len < sizeof(attribute) ||
			attribute.rta_len > message->nlmsg_len - at)
			return;
		if (attribute.rta_type == type && attribute.rta_len == RTA_LENGTH(bytes))
			memcpy(to, start + at + RTA_LENGTH(0), bytes);
		at += RTA_ALIGN(attribute.rta_len);
	}
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
static int add_route(struct prefixes *prefixes, const struct nlmsghdr *message)
{
	const struct rtmsg *route = local_route(message);
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

static int ask_for(struct own_addresses *own, unsigned char family, unsigned char type)
{
	const struct {
		struct nlmsghdr header;
		struct rtmsg route;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETROUTE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = ++own->sequence },
		.route = { .rtm_family = family, .rtm_type = type },
	};

	return send(own->dump_fd, &request, sizeof(request), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* One message of the answer. Returns 0 or -errno; more are to come, even then, where *ret_more says so. */
static int take_listed(const struct nlmsghdr *message, struct prefixes *prefixes, bool *ret_more)
{
	const int *error = payload_of(message, sizeof(*error));
	bool ends = message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR;

	*ret_more = !ends;
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR;
	if (ends)
		return error != NULL ? *error : 0;
	return add_route(prefixes, message);
}

/* Read the answer to its end, even if it is of no use any more: the next question comes behind it. */
static int read_answer(struct own_addresses *own, struct prefixes *prefixes)
{
	bool more = true;
	int result = 0;

	while (more) {
		ssize_t length = receive_messages(own, own->dump_fd);
		const struct nlmsghdr *message;
		size_t at = 0;

		if (length < 0)
			return (int)length;
		while (more && (message = message_at(own, (size_t)length, at)) != NULL) {
			int error = message->nlmsg_seq == own->sequence
					    ? take_listed(message, prefixes, &more)
					    : 0;

			at += NLMSG_ALIGN(message->nlmsg_len);
			if (result == 0)
				result = error;
		}
		if (more && result == 0 && at < (size_t)length)
			result = -EBADMSG;
	}
	return result;
}

static int dump_once(struct own_addresses *own, struct prefixes *prefixes)
{
	static const struct {
		unsigned char family, type;
	} kinds[] = {
		{ AF_INET, RTN_LOCAL },
		{ AF_INET6, RTN_LOCAL },
		{ AF_INET6, RTN_ANYCAST },
	};
	int error = 0;

	prefixes_clear(prefixes);
	for (size_t i = 0; error == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		error = ask_for(own, kinds[i].family, kinds[i].type);
		if (error == 0)
			error = read_answer(own, prefixes);
	}
	return error;
}

/* Into the set that is not in use. */
static int dump(struct own_addresses *own)
{
	struct prefixes *spare = &own->sets[own->known == &own->sets[0] ? 1 : 0];
	int error = -EINTR;

	for (int i = 0; error == -EINTR && i < DUMP_TRIES; i++)
		error = dump_once(own, spare);
	own->stale = error < 0;
	if (error == 0)
		prefixes_settle(spare);
	publish(own, error == 0 ? spare : NULL);
	return error;
}

/* --- changes */

static int open_netlink(unsigned groups, int *ret_fd)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };

	*ret_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (*ret_fd < 0 ||
		bind(*ret_fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

/* With NETLINK_GET_STRICT_CHK (Linux 4.20) the kernel lists only the type asked for: a router may have a
 * million others. */
int own_addresses_open(struct own_addresses *own)
{
	const int on = 1;
	int error = open_netlink(GROUPS, &own->notices_fd);

	if (error == 0)
		error = open_netlink(0, &own->dump_fd);
	if (error < 0)
		return error;
	(void)setsockopt(own->dump_fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return dump(own);
}

int own_addresses_fd(const struct own_addresses *own)
{
	return own->notices_fd;
}

/* Not of routes elsewhere, which a router changes all the time, nor of an interface's counters and flags:
 * addresses and routes that these change have notices of their own. */
static bool concerns_us(const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return local_route(message) != NULL;
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_DELLINK:
		return true;
	default:
		return false;
	}
}

static void note_changes(struct own_addresses *own, size_t length)
{
	const struct nlmsghdr *message;

	for (size_t at = 0; (message = message_at(own, length, at)) != NULL;
		at += NLMSG_ALIGN(message->nlmsg_len))
		own->stale |= concerns_us(message);
}

int own_addresses_follow(struct own_addresses *own)
{
	for (unsigned i = 0; i < NOTICES_MAX; i++) {
		ssize_t length = receive_messages(own, own->notices_fd);

		if (length == -EAGAIN)
			break;
		if (length < 0)
			own->stale = true; /* ENOBUFS: notices were lost */
		else
			note_changes(own, (size_t)length);
	}
	return own->stale ? dump(own) : 0;
}
