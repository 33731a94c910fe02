#include "load/address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOCALHOST "127.0.0.1"

/* A decimal number up to `most` and nothing else: strtoul(3) would take signs and blanks. */
static bool parse_decimal(const char *text, unsigned long most, unsigned long *ret_number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_number = strtoul(text, &end, 10);
	return *end == '\0' && errno == 0 && *ret_number <= most;
}

/* An IPv6 address has brackets, an IPv4 address has none. */
static int parse_host(const char *text, size_t length, uint16_t port, union addr *ret_server)
{
	char host[ADDR_TEXT_MAX];
	bool brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';

	if (length >= sizeof(host) || brackets != (memchr(text, ':', length) != NULL))
		return -EINVAL;
	if (brackets) {
		text++;
		length -= 2;
	}
	memcpy(host, text, length);
	host[length] = '\0';
	return addr_parse(host, port, ret_server);
}

int load_address_parse_server(const char *text, union addr *ret_server)
{
	const char *colon = strrchr(text, ':');
	const char *port_text = colon == NULL ? text : colon + 1;
	unsigned long port;

	if (!parse_decimal(port_text, UINT16_MAX, &port) || port == 0)
		return -EINVAL;
	if (colon == NULL || strncmp(text, "localhost:", (size_t)(colon - text) + 1) == 0)
		return addr_parse(LOCALHOST, (uint16_t)port, ret_server);
	return parse_host(text, (size_t)(colon - text), (uint16_t)port, ret_server);
}

/* The last 32 bits of an address, in network byte order. */
static uint32_t *tail_of(union addr *address)
{
	if (address->sa.sa_family == AF_INET)
		return &address->in.sin_addr.s_addr;
	return &address->in6.sin6_addr.s6_addr32[3];
}

static uint32_t get_tail(union addr address)
{
	return ntohl(*tail_of(&address));
}

/* How many addresses there are from `first` to the last one with the same `prefix` bits. */
static int count_network(const union addr *first, const char *prefix, uint64_t *ret_count)
{
	unsigned long bits = first->sa.sa_family == AF_INET ? 32 : 128;
	unsigned long prefix_bits;
	uint32_t mask;

	if (!parse_decimal(prefix, bits, &prefix_bits))
		return -EINVAL;
	if (bits - prefix_bits >= 32)
		return -ERANGE;
	mask = (uint32_t)((1ull << (bits - prefix_bits)) - 1);
	*ret_count = (get_tail(*first) | mask) - get_tail(*first) + 1ull;
	return 0;
}

static int count_range(const union addr *first, const char *last_text, uint64_t *ret_count)
{
	union addr last, same;
	int error = addr_parse(last_text, 0, &last);

	if (error < 0)
		return error;
	same = last;
	if (last.sa.sa_family == first->sa.sa_family)
		*tail_of(&same) = htonl(get_tail(*first));
	if (!addr_same_host(&same, first) || get_tail(last) < get_tail(*first))
		return -EINVAL;
	*ret_count = get_tail(last) - get_tail(*first) + 1ull;
	return 0;
}

int load_address_parse_sources(const char *text, struct load_sources *ret_sources)
{
	size_t length = strcspn(text, "/-");
	struct load_sources sources;
	char first[ADDR_TEXT_MAX];
	uint64_t count = 1;
	int error;

	if (length >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, length);
	first[length] = '\0';
	error = addr_parse(first, 0, &sources.first);
	if (error == 0 && text[length] == '/')
		error = count_network(&sources.first, text + length + 1, &count);
	else if (error == 0 && text[length] == '-')
		error = count_range(&sources.first, text + length + 1, &count);
	if (error < 0)
		return error;
	if (count > LOAD_SOURCES_MAX)
		return -ERANGE;
	sources.count = (uint32_t)count;
	*ret_sources = sources;
	return 0;
}

void load_address_get_source(
	const struct load_sources *sources, uint32_t index, union addr *ret_address)
{
	*ret_address = sources->first;
	*tail_of(ret_address) = htonl(get_tail(sources->first) + index % sources->count);
}
