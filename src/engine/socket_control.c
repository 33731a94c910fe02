/* The ancillary data of messages: what comes with one, and what is sent with one. */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "engine/socket.h"

/* The local address of a datagram that came to a wildcard socket. ipi_spec_dst is ours also where
 * the datagram was sent to a broadcast address. */
static void take_local_v4(struct datagram *datagram, const struct in_pktinfo *info)
{
	datagram->local.in.sin_addr = info->ipi_spec_dst;
}

static void take_local_v6(struct datagram *datagram, const struct in6_pktinfo *info)
{
	if (IN6_IS_ADDR_MULTICAST(&info->ipi6_addr))
		return;
	datagram->local.in6.sin6_addr = info->ipi6_addr;
	if (IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
		datagram->local.in6.sin6_scope_id = info->ipi6_ifindex;
}

static void take(struct datagram *datagram, const struct cmsghdr *control)
{
	const void *data = CMSG_DATA(control);

	if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS)
		datagram->timestamp = *(const struct timespec *)data;
	else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO)
		take_local_v4(datagram, data);
	else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO)
		take_local_v6(datagram, data);
}

/* The control message at `at` of those that the kernel wrote, or NULL: there is none. */
static const struct cmsghdr *control_at(const struct msghdr *header, size_t at)
{
	const char *bytes = header->msg_control;
	const struct cmsghdr *control = (const struct cmsghdr *)(const void *)(bytes + at);

	if (at + sizeof(*control) > header->msg_controllen || control->cmsg_len < sizeof(*control))
		return NULL;
	return control;
}

void socket_take_control(struct datagram *datagram, const struct msghdr *header)
{
	const struct cmsghdr *control;

	for (size_t at = 0; (control = control_at(header, at)) != NULL;
		at += CMSG_ALIGN(control->cmsg_len))
		take(datagram, control);
}

size_t socket_train_segment(const struct msghdr *header)
{
	const struct cmsghdr *control;

	for (size_t at = 0; (control = control_at(header, at)) != NULL;
		at += CMSG_ALIGN(control->cmsg_len))
		if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
			int bytes;

			memcpy(&bytes, CMSG_DATA(control), sizeof(bytes));
			return (size_t)bytes;
		}
	return 0;
}

static size_t source_v4(const union addr *local, struct cmsghdr *control)
{
	struct in_pktinfo info = { .ipi_spec_dst = local->in.sin_addr };

	control->cmsg_level = IPPROTO_IP;
	control->cmsg_type = IP_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(control), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

static size_t source_v6(const union addr *local, struct cmsghdr *control)
{
	struct in6_pktinfo info = {
		.ipi6_addr = local->in6.sin6_addr,
		.ipi6_ifindex = local->in6.sin6_scope_id,
	};

	control->cmsg_level = IPPROTO_IPV6;
	control->cmsg_type = IPV6_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(control), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

/* An interface other than 0 would override the IPv4 source (ip(7)); a link-local one needs it. */
size_t socket_source(const union addr *local, struct socket_control *control)
{
	memset(control, 0, sizeof(*control));
	if (addr_is_wildcard(local))
		return 0;
	if (local->sa.sa_family == AF_INET6)
		return source_v6(local, (struct cmsghdr *)(void *)control);
	return source_v4(local, (struct cmsghdr *)(void *)control);
}

size_t socket_segment(uint16_t bytes, struct socket_control *control, size_t used)
{
	struct cmsghdr *header = (struct cmsghdr *)(void *)(control->bytes + used);

	*header = (struct cmsghdr){
		.cmsg_level = IPPROTO_UDP,
		.cmsg_type = UDP_SEGMENT,
		.cmsg_len = CMSG_LEN(sizeof(bytes)),
	};
	memcpy(CMSG_DATA(header), &bytes, sizeof(bytes));
	return used + CMSG_SPACE(sizeof(bytes));
}
