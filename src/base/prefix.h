/* Address prefixes, of both families, and rules about them. An IPv4 address that is written as IPv6 is IPv4. */
#ifndef BASE_PREFIX_H
#define BASE_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* An address as a number, the first byte on top; of IPv4 in the last 32 bits of `low`. */
struct prefix_address {
	uint64_t high, low;
};

struct prefix {
	bool v6;
	unsigned char bits; /* 0 to 32, or to 128 */
	struct prefix_address first, last;
};

/* What is wrong with a text, and which bytes of it. */
#define PREFIX_MESSAGE_MAX 160
struct prefix_error {
	char message[PREFIX_MESSAGE_MAX];
	size_t offset, length;
};

/* "192.0.2.0/24", "2001:db8::/32"; an address alone has all of its bits. -EINVAL: *ret_error. */
int prefix_parse(const char *text, struct prefix *ret_prefix, struct prefix_error *ret_error);

/* "255.255.255.255/32" and what IPv6 needs, with its NUL. Returns `text`. */
#define PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4)
const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_MAX]);

/* What a prefix says of the addresses in it that no longer one has. */
struct prefix_rule {
	struct prefix prefix;
	bool allow;
	unsigned number; /* the caller's */
};

/* In the order of their first addresses, IPv4 before IPv6, a shorter prefix before what is in it; of one prefix those
 * that deny first, by their numbers. */
void prefix_sort(struct prefix_rule *rules, size_t count);

/* Are these neighbours, sorted, of one prefix, and say two things of it? */
bool prefix_contradicts(const struct prefix_rule *rule, const struct prefix_rule *next);

static inline int prefix_address_compare(struct prefix_address a, struct prefix_address b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low < b.low ? -1 : a.low > b.low;
}

static inline bool prefix_same(const struct prefix *a, const struct prefix *b)
{
	return a->v6 == b->v6 && a->bits == b->bits &&
	       prefix_address_compare(a->first, b->first) == 0;
}

static inline uint64_t prefix_word(const void *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return be64toh(word);
}

/* Of an IPv6 address. */
static inline struct prefix_address prefix_address_of(const struct in6_addr *address)
{
	return (struct prefix_address){ prefix_word(&address->s6_addr[0]),
		prefix_word(&address->s6_addr[8]) };
}

/* Is it an IPv4 address that is written as IPv6? Then its last 32 bits are that. */
static inline bool prefix_address_is_v4(struct prefix_address address)
{
	return address.high == 0 && address.low >> 32 == 0xffff;
}

#endif
