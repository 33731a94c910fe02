#include "guard/neighbours.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "guard/netlink.h"

#define LOOPBACK 1u

/* The number in an attribute; as it was, where there is none. */
static void read_number(const void *attributes, size_t length, unsigned type, uint32_t *number)
{
	const void *found = netlink_attribute(attributes, length, type, sizeof(*number), NULL);

	if (found != NULL)
		memcpy(number, found, sizeof(*number));
}

/* The table as a whole, with the defaults, which have no interface; or what holds for an interface. */
static int take_table(void *context, const struct nlmsghdr *message)
{
	const size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ndtmsg));
	struct neighbour_limits *limits = context;
	uint32_t interface = 0, queue_bytes = 0;
	const char *attributes = (const char *)message + at;
	const void *values;
	size_t length, values_length;

	if (message->nlmsg_type != RTM_NEWNEIGHTBL || message->nlmsg_len < at)
		return 0;
	length = message->nlmsg_len - at;
	read_number(attributes, length, NDTA_THRESH3, &limits->neighbours);
	values = netlink_attribute(attributes, length, NDTA_PARMS, 0, &values_length);
	if (values == NULL)
		return 0;
	read_number(values, values_length, NDTPA_IFINDEX, &interface);
	read_number(values, values_length, NDTPA_QUEUE_LENBYTES, &queue_bytes);
	if (interface != 0 && interface != LOOPBACK && queue_bytes > limits->queue_bytes)
		limits->queue_bytes = queue_bytes;
	return 0;
}

int neighbours_limits(sa_family_t family, struct neighbour_limits *ret_limits)
{
	const struct ndtmsg what = { .ndtm_family = (unsigned char)family };
	const struct netlink_question question = { RTM_GETNEIGHTBL, sizeof(what), &what };
	struct neighbour_limits limits = { 0 };
	struct netlink netlink = { .fd = -1 };
	int error = netlink_open(&netlink, 0);

	if (error == 0)
		error = netlink_list(&netlink, &question, take_table, &limits);
	netlink_close(&netlink);
	if (error < 0)
		return error;
	if (limits.queue_bytes == 0 || limits.neighbours == 0)
		return -ENOENT;
	*ret_limits = limits;
	return 0;
}
