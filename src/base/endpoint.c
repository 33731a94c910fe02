#include "base/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What the kernel takes for the name of an interface (dev_valid_name() there). */
static bool is_interface_name(const char *name)
{
	return strlen(name) < IF_NAMESIZE && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       name[strcspn(name, "/: \t\n\v\f\r")] == '\0';
}

static bool is_multicast(const union addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return IN_MULTICAST(ntohl(addr->in.sin_addr.s_addr));
	return IN6_IS_ADDR_MULTICAST(&addr->in6.sin6_addr);
}

static bool is_link_local(const union addr *addr)
{
	return addr->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&addr->in6.sin6_addr);
}

enum endpoint_verdict endpoint_parse(const char *text, uint16_t port, struct endpoint *ret_endpoint)
{
	struct endpoint endpoint = { .interface = "" };
	const char *name;

	if (addr_parse_named(text, port, &endpoint.addr, &name) < 0)
		return ENDPOINT_NO_ADDRESS;
	if (is_multicast(&endpoint.addr))
		return ENDPOINT_MULTICAST;
	if (endpoint.addr.sa.sa_family == AF_INET6 &&
		IN6_IS_ADDR_V4MAPPED(&endpoint.addr.in6.sin6_addr))
		return ENDPOINT_MAPPED;
	if (name != NULL && !is_interface_name(name))
		return ENDPOINT_INTERFACE;
	if (name != NULL)
		(void)snprintf(endpoint.interface, sizeof(endpoint.interface), "%s", name);
	else if (is_link_local(&endpoint.addr) && endpoint.addr.in6.sin6_scope_id == 0)
		return ENDPOINT_NO_SCOPE;
	*ret_endpoint = endpoint;
	return ENDPOINT_POSSIBLE;
}

const char *endpoint_explain(enum endpoint_verdict verdict)
{
	switch (verdict) {
	case ENDPOINT_MULTICAST:
		return "a multicast address cannot answer; listen on the address of an interface";
	case ENDPOINT_MAPPED:
		return "an IPv4 address is written as such, without ::ffff:";
	case ENDPOINT_NO_SCOPE:
		return "a link-local address needs its interface, as in \"fe80::1%eth0\"";
	case ENDPOINT_INTERFACE:
		return "no network interface can have this name";
	default:
		return "must be a numeric IPv4 or IPv6 address; names are not looked up";
	}
}

/* Two names can be those of one interface, and so can a name and a number: only a machine knows. */
static bool excludes(const struct endpoint *a, const struct endpoint *b)
{
	if (is_link_local(&a->addr) && is_link_local(&b->addr) &&
		strcmp(a->interface, b->interface) != 0)
		return false;
	return addr_port(&a->addr) != 0 && addr_excludes(&a->addr, &b->addr);
}

size_t endpoint_find_rival(const struct endpoint *endpoints, size_t index)
{
	size_t rival = 0;

	while (rival < index && !excludes(&endpoints[rival], &endpoints[index]))
		rival++;
	return rival;
}

bool endpoint_follows_interface(const struct endpoint *endpoint)
{
	return endpoint->interface[0] != '\0' && is_link_local(&endpoint->addr);
}

int endpoint_resolve(const struct endpoint *endpoint, union addr *ret_addr)
{
	union addr addr = endpoint->addr;

	if (endpoint->interface[0] != '\0') {
		addr.in6.sin6_scope_id = if_nametoindex(endpoint->interface);
		if (addr.in6.sin6_scope_id == 0)
			return -errno;
	}
	*ret_addr = addr;
	return 0;
}

const char *endpoint_format(const struct endpoint *endpoint, char text[static ADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];

	if (endpoint->interface[0] == '\0')
		return addr_format(&endpoint->addr, text);
	(void)inet_ntop(AF_INET6, &endpoint->addr.in6.sin6_addr, host, sizeof(host));
	(void)snprintf(text, ADDR_TEXT_MAX, "[%s%%%s]:%u", host, endpoint->interface,
		addr_port(&endpoint->addr));
	return text;
}
