#include "base/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"

/* A decimal number of 32 bits and nothing else: strtoul(3) would take signs and blanks. */
static bool parse_number(const char *text, uint32_t *ret_number)
{
	uint64_t number = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9')
			return false;
		number = number * 10 + (uint64_t)(*c - '0');
		if (number > UINT32_MAX)
			return false;
	}
	*ret_number = (uint32_t)number;
	return *text != '\0';
}

/* The text behind "%": a number, or else a name. */
static int parse_scope(const char *text, uint32_t *ret_scope, const char **ret_name)
{
	if (*text == '\0')
		return -EINVAL;
	if (!parse_number(text, ret_scope))
		*ret_name = text;
	return 0;
}

static int parse_v4(const char *text, union addr *addr)
{
	addr->in.sin_family = AF_INET;
	return inet_pton(AF_INET, text, &addr->in.sin_addr) == 1 ? 0 : -EINVAL;
}

static int parse_v6(const char *text, union addr *addr, const char **ret_name)
{
	char host[INET6_ADDRSTRLEN];
	const char *scope = strchr(text, '%');
	size_t length = scope == NULL ? strlen(text) : (size_t)(scope - text);

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	addr->in6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET6, host, &addr->in6.sin6_addr) != 1)
		return -EINVAL;
	return scope == NULL ? 0 : parse_scope(scope + 1, &addr->in6.sin6_scope_id, ret_name);
}

int addr_parse_named(const char *text, uint16_t port, union addr *ret_addr, const char **ret_name)
{
	const char *name = NULL;
	union addr addr;
	int error;

	memset(&addr, 0, sizeof(addr));
	error = strchr(text, ':') == NULL ? parse_v4(text, &addr) : parse_v6(text, &addr, &name);
	if (error < 0)
		return error;
	addr_set_port(&addr, port);
	*ret_addr = addr;
	*ret_name = name;
	return 0;
}

int addr_parse(const char *text, uint16_t port, union addr *ret_addr)
{
	const char *name;
	union addr addr;
	int error = addr_parse_named(text, port, &addr, &name);

	if (error < 0)
		return error;
	if (name != NULL) {
		addr.in6.sin6_scope_id = if_nametoindex(name);
		if (addr.in6.sin6_scope_id == 0)
			return -ENODEV;
	}
	*ret_addr = addr;
	return 0;
}

static void format_scope(uint32_t scope, char text[static 1 + IF_NAMESIZE])
{
	char name[IF_NAMESIZE];

	if (scope == 0)
		text[0] = '\0';
	else if (if_indextoname(scope, name) != NULL)
		(void)snprintf(text, 1 + IF_NAMESIZE, "%%%s", name);
	else
		(void)snprintf(text, 1 + IF_NAMESIZE, "%%%u", scope);
}

static void format_v4(const union addr *addr, char *at)
{
	const uint8_t *bytes = (const uint8_t *)&addr->in.sin_addr;

	for (unsigned i = 0; i < 4; i++) {
		at = decimal_put(at, bytes[i]);
		*at++ = i < 3 ? '.' : ':';
	}
	*decimal_put(at, addr_port(addr)) = '\0';
}

const char *addr_format(const union addr *addr, char text[static ADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];
	char scope[1 + IF_NAMESIZE];

	if (addr->sa.sa_family == AF_INET) {
		format_v4(addr, text);
	} else {
		assert(addr->sa.sa_family == AF_INET6);
		(void)inet_ntop(AF_INET6, &addr->in6.sin6_addr, host, sizeof(host));
		format_scope(addr->in6.sin6_scope_id, scope);
		(void)snprintf(text, ADDR_TEXT_MAX, "[%s%s]:%u", host, scope, addr_port(addr));
	}
	return text;
}

/* The IPv4 address in host order, also of a v4-mapped one. */
static bool get_v4(const union addr *addr, uint32_t *ret_v4)
{
	uint32_t v4;

	if (addr->sa.sa_family == AF_INET)
		v4 = addr->in.sin_addr.s_addr;
	else if (IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr))
		memcpy(&v4, &addr->in6.sin6_addr.s6_addr[12], sizeof(v4));
	else
		return false;
	*ret_v4 = ntohl(v4);
	return true;
}

bool addr_is_wildcard(const union addr *addr)
{
	uint32_t v4;

	if (get_v4(addr, &v4))
		return v4 == INADDR_ANY;
	return IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr);
}

bool addr_is_loopback(const union addr *addr)
{
	uint32_t v4;

	if (get_v4(addr, &v4))
		return v4 >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
}

bool addr_is_multicast(const union addr *addr)
{
	uint32_t v4;

	if (get_v4(addr, &v4))
		return IN_MULTICAST(v4);
	return IN6_IS_ADDR_MULTICAST(&addr->in6.sin6_addr);
}

/* Only link-local addresses mean different hosts in different scopes; of all others the kernel
 * ignores it. */
static bool same_scope(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	if (!IN6_IS_ADDR_LINKLOCAL(&a->sin6_addr) && !IN6_IS_ADDR_MC_LINKLOCAL(&a->sin6_addr))
		return true;
	return a->sin6_scope_id == b->sin6_scope_id;
}

bool addr_same_host(const union addr *a, const union addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
	       same_scope(&a->in6, &b->in6);
}

bool addr_excludes(const union addr *a, const union addr *b)
{
	return a->sa.sa_family == b->sa.sa_family && addr_same_port(a, b) &&
	       (addr_is_wildcard(a) || addr_is_wildcard(b) || addr_same_host(a, b));
}
