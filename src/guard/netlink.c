#include "guard/netlink.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int netlink_open(struct netlink *netlink, unsigned groups)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };

	netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (netlink->fd < 0 || bind(netlink->fd, (const struct sockaddr *)(const void *)&address,
				       sizeof(address)) < 0)
		return -errno;
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->fd >= 0)
		close(netlink->fd);
	netlink->fd = -1;
}

ssize_t netlink_receive(struct netlink *netlink)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_length = sizeof(from);
	ssize_t length;

	do {
		length = recvfrom(netlink->fd, netlink->buffer, sizeof(netlink->buffer),
			MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)(void *)&from, &from_length);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	if ((size_t)length > sizeof(netlink->buffer))
		return -EMSGSIZE;
	return from.nl_pid == 0 ? length : 0;
}

const struct nlmsghdr *netlink_next(const struct netlink *netlink, size_t length, size_t *at)
{
	const struct nlmsghdr *message = (const void *)(netlink->buffer + *at);

	if (*at + sizeof(*message) > length || message->nlmsg_len < sizeof(*message) ||
		message->nlmsg_len > length - *at)
		return NULL;
	*at += NLMSG_ALIGN(message->nlmsg_len);
	return message;
}

const void *netlink_payload(const struct nlmsghdr *message, size_t bytes)
{
	return message->nlmsg_len >= NLMSG_HDRLEN + bytes ? (const char *)message + NLMSG_HDRLEN
							  : NULL;
}

const void *netlink_attribute(
	const void *attributes, size_t length, unsigned type, size_t bytes, size_t *ret_length)
{
	const char *start = attributes;
	struct rtattr attribute;

	for (size_t at = 0; at + sizeof(attribute) <= length; at += RTA_ALIGN(attribute.rta_len)) {
		memcpy(&attribute, start + at, sizeof(attribute));
		if (attribute.rta_len < sizeof(attribute) || attribute.rta_len > length - at)
			return NULL;
		if ((attribute.rta_type & NLA_TYPE_MASK) != type ||
			attribute.rta_len < RTA_LENGTH(bytes))
			continue;
		if (ret_length != NULL)
			*ret_length = attribute.rta_len - RTA_LENGTH(0);
		return start + at + RTA_LENGTH(0);
	}
	return NULL;
}

const struct rtmsg *netlink_local_route(const struct nlmsghdr *message)
{
	const struct rtmsg *route = netlink_payload(message, sizeof(*route));

	if (route == NULL ||
		(message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE))
		return NULL;
	return route->rtm_type == RTN_LOCAL || route->rtm_type == RTN_ANYCAST ? route : NULL;
}

static int ask_for(struct netlink *netlink, const struct netlink_question *question)
{
	struct nlmsghdr header = {
		.nlmsg_len = (uint32_t)(sizeof(header) + question->bytes),
		.nlmsg_type = question->type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.nlmsg_seq = ++netlink->sequence,
	};
	unsigned char request[64];

	assert(header.nlmsg_len <= sizeof(request));
	memcpy(request, &header, sizeof(header));
	memcpy(request + sizeof(header), question->what, question->bytes);
	return send(netlink->fd, request, header.nlmsg_len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Is this message the last of an answer, and what does it say? */
static bool is_end(const struct nlmsghdr *message, int *ret_error)
{
	const int *error = netlink_payload(message, sizeof(*error));

	if (message->nlmsg_type != NLMSG_DONE && message->nlmsg_type != NLMSG_ERROR)
		return false;
	*ret_error = error != NULL && *error < 0 ? *error : 0;
	return true;
}

/* Those of the answer among the messages received. Returns 0 or -errno; *more becomes false at the end. */
static int take_received(
	struct netlink *netlink, size_t length, bool *more, netlink_take *take, void *context)
{
	const struct nlmsghdr *message;
	size_t at = 0;
	int result = 0;

	while (*more && (message = netlink_next(netlink, length, &at)) != NULL) {
		int error = 0;

		if (message->nlmsg_seq != netlink->sequence)
			continue;
		if (is_end(message, &error))
			*more = false;
		else if (result == 0)
			error = take(context, message);
		if (message->nlmsg_flags & NLM_F_DUMP_INTR)
			error = -EINTR;
		if (result == 0)
			result = error;
	}
	return result == 0 && *more && at < length ? -EBADMSG : result;
}

/* To the end of the answer, even if it is of no use any more: the next question comes behind it. */
int netlink_list(struct netlink *netlink, const struct netlink_question *question,
	netlink_take *take, void *context)
{
	int result = ask_for(netlink, question);
	bool more = result == 0;

	while (more) {
		ssize_t length = netlink_receive(netlink);
		int error;

		if (length < 0)
			return (int)length;
		error = take_received(netlink, (size_t)length, &more, take, context);
		if (result == 0)
			result = error;
	}
	return result;
}
