#include "guard/notices.h"

#include <errno.h>
#include <linux/rtnetlink.h>

/* What is read at once. What is left makes poll(2) return again. */
#define READ_MAX 64

/* IPv4 routes, because a notice of an address comes before the route that makes it ours (Linux 6.18); and a
 * device that is deleted takes its IPv4 routes along without a word. */
#define GROUPS                                                                      \
	(RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_IFADDR | \
		RTMGRP_IPV6_IFADDR)

#define ALL ((unsigned)NOTICES_ADDRESSES | (unsigned)NOTICES_INTERFACES)

void notices_init(struct notices *notices)
{
	notices->netlink.fd = -1;
}

int notices_open(struct notices *notices)
{
	int error = netlink_open(&notices->netlink, GROUPS);

	if (error < 0)
		notices_close(notices);
	return error;
}

void notices_close(struct notices *notices)
{
	netlink_close(&notices->netlink);
}

int notices_fd(const struct notices *notices)
{
	return notices->netlink.fd;
}

/* Not routes elsewhere, which a router changes all the time. Addresses that an interface's flags change have
 * notices of their own. */
static unsigned subject_of(const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return netlink_local_route(message) != NULL ? NOTICES_ADDRESSES : 0;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return NOTICES_ADDRESSES;
	case RTM_NEWLINK:
		return NOTICES_INTERFACES;
	case RTM_DELLINK:
		return ALL;
	default:
		return 0;
	}
}

static unsigned subjects_of(const struct netlink *netlink, size_t length)
{
	const struct nlmsghdr *message;
	unsigned changed = 0;
	size_t at = 0;

	while ((message = netlink_next(netlink, length, &at)) != NULL)
		changed |= subject_of(message);
	return changed;
}

/* ENOBUFS: notices were lost. */
unsigned notices_take(struct notices *notices)
{
	unsigned changed = 0;

	for (unsigned i = 0; i < READ_MAX; i++) {
		ssize_t length = netlink_receive(&notices->netlink);

		if (length == -EAGAIN)
			break;
		changed |= length < 0 ? ALL : subjects_of(&notices->netlink, (size_t)length);
	}
	return changed;
}
