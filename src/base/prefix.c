#include "base/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 32u
#define V6_BITS 128u

static int refuse_part(
	struct prefix_error *ret_error, size_t offset, size_t length, const char *message)
{
	ret_error->offset = offset;
	ret_error->length = length;
	(void)snprintf(ret_error->message, sizeof(ret_error->message), "%s", message);
	return -EINVAL;
}

/* The bits behind the first `bits` of 64. */
static uint64_t rest_of(unsigned bits)
{
	return bits >= 64 ? 0 : UINT64_MAX >> bits;
}

/* The bits of `address` behind the prefix. */
static struct prefix_address rest(bool v6, unsigned bits)
{
	if (!v6)
		return (struct prefix_address){ 0, rest_of(bits + 64 - V4_BITS) };
	return (struct prefix_address){ rest_of(bits), rest_of(bits > 64 ? bits - 64 : 0) };
}

static void set_range(struct prefix *prefix)
{
	struct prefix_address behind = rest(prefix->v6, prefix->bits);

	prefix->first.high &= ~behind.high;
	prefix->first.low &= ~behind.low;
	prefix->last.high = prefix->first.high | behind.high;
	prefix->last.low = prefix->first.low | behind.low;
}

/* The number behind the slash: one to three digits, without a zero in front. */
static bool parse_bits(const char *text, unsigned most, unsigned *ret_bits)
{
	size_t length = strspn(text, "0123456789");
	unsigned bits;

	if (length == 0 || length > 3 || text[length] != '\0' || (length > 1 && text[0] == '0'))
		return false;
	bits = (unsigned)strtoul(text, NULL, 10);
	if (bits <= most)
		*ret_bits = bits;
	return bits <= most;
}

static int refuse_host_bits(
	const struct prefix *prefix, const char *text, struct prefix_error *ret_error)
{
	char right[PREFIX_TEXT_MAX];
	struct prefix meant = *prefix;

	set_range(&meant);
	(void)snprintf(ret_error->message, sizeof(ret_error->message),
		"has bits set behind the prefix; did you mean %s?", prefix_format(&meant, right));
	ret_error->offset = 0;
	ret_error->length = strlen(text);
	return -EINVAL;
}

/* The part before the slash. */
static int parse_address(
	const char *text, size_t length, struct prefix *prefix, struct prefix_error *ret_error)
{
	char copy[INET6_ADDRSTRLEN];
	union addr address;

	if (memchr(text, '%', length) != NULL)
		return refuse_part(
			ret_error, 0, length, "a prefix is of all interfaces: leave out %");
	if (length < sizeof(copy)) {
		memcpy(copy, text, length);
		copy[length] = '\0';
	}
	if (length >= sizeof(copy) || addr_parse(copy, 0, &address) < 0)
		return refuse_part(ret_error, 0, length,
			"must be an address or a prefix, as 192.0.2.7, 192.0.2.0/24 or "
			"2001:db8::/32");
	prefix->v6 = address.sa.sa_family == AF_INET6;
	prefix->first = prefix->v6
				? prefix_address_of(&address.in6.sin6_addr)
				: (struct prefix_address){ 0, ntohl(address.in.sin_addr.s_addr) };
	return 0;
}

int prefix_parse(const char *text, struct prefix *ret_prefix, struct prefix_error *ret_error)
{
	size_t length = strcspn(text, "/");
	struct prefix_address behind;
	struct prefix prefix = { 0 };
	unsigned most, bits;

	if (parse_address(text, length, &prefix, ret_error) < 0)
		return -EINVAL;
	most = bits = prefix.v6 ? V6_BITS : V4_BITS;
	if (text[length] == '/' && !parse_bits(text + length + 1, most, &bits))
		return refuse_part(ret_error, length + 1, strlen(text) - length - 1,
			prefix.v6 ? "the length of an IPv6 prefix is a whole number from 0 to 128"
				  : "the length of an IPv4 prefix is a whole number from 0 to 32");
	prefix.bits = (unsigned char)bits;
	behind = rest(prefix.v6, bits);
	if ((prefix.first.high & behind.high) != 0 || (prefix.first.low & behind.low) != 0)
		return refuse_host_bits(&prefix, text, ret_error);
	if (prefix.v6 && prefix_address_is_v4(prefix.first)) {
		prefix.v6 = false;
		prefix.bits = (unsigned char)(bits - (V6_BITS - V4_BITS));
		prefix.first.low = (uint32_t)prefix.first.low;
	}
	set_range(&prefix);
	*ret_prefix = prefix;
	return 0;
}

const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_MAX])
{
	const uint64_t words[2] = { htobe64(prefix->first.high), htobe64(prefix->first.low) };
	const uint32_t v4 = htonl((uint32_t)prefix->first.low);
	char address[INET6_ADDRSTRLEN];

	(void)inet_ntop(prefix->v6 ? AF_INET6 : AF_INET,
		prefix->v6 ? (const void *)words : (const void *)&v4, address, sizeof(address));
	(void)snprintf(text, PREFIX_TEXT_MAX, "%s/%u", address, prefix->bits);
	return text;
}

static int compare_rules(const void *a, const void *b)
{
	const struct prefix_rule *one = a, *other = b;
	int order = one->prefix.v6 - other->prefix.v6;

	if (order == 0)
		order = prefix_address_compare(one->prefix.first, other->prefix.first);
	if (order == 0)
		order = one->prefix.bits - other->prefix.bits;
	if (order == 0)
		order = one->allow - other->allow;
	return order != 0 ? order : (one->number > other->number) - (one->number < other->number);
}

void prefix_sort(struct prefix_rule *rules, size_t count)
{
	if (count > 0)
		qsort(rules, count, sizeof(*rules), compare_rules);
}

bool prefix_contradicts(const struct prefix_rule *rule, const struct prefix_rule *next)
{
	return rule->allow != next->allow && prefix_same(&rule->prefix, &next->prefix);
}
