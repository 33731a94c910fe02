/* Socket addresses: IPv4 and IPv6, with port and scope. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <endian.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* The room a socket address of either family needs, and no more. */
union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
	"the port's place");
_Static_assert(offsetof(struct sockaddr_in, sin_addr) + sizeof(struct in_addr) == sizeof(uint64_t),
	"addr_word() has all of an IPv4 address");

/* "[" + INET6_ADDRSTRLEN + "%" + IF_NAMESIZE + "]:65535" + NUL */
#define ADDR_TEXT_MAX 80

/* Numeric text to an address: "127.0.0.1", "::1", "fe80::1%eth0". -EINVAL: not an address (names
 * are never looked up); -ENODEV: no interface of that name. */
int addr_parse(const char *text, uint16_t port, union addr *ret_addr);

/* The same without a look at this machine: *ret_name is the part of the text that names an interface, or NULL,
 * and the scope is left 0 then. */
int addr_parse_named(const char *text, uint16_t port, union addr *ret_addr, const char **ret_name);

/* "127.0.0.1:20000", "[::1]:20000", "[fe80::1%eth0]:20000"; the scope as a number where the
 * interface has no name. Returns `text`. */
const char *addr_format(const union addr *addr, char text[static ADDR_TEXT_MAX]);

static inline socklen_t addr_length(const union addr *addr)
{
	return addr->sa.sa_family == AF_INET ? sizeof(addr->in) : sizeof(addr->in6);
}

/* Its first 8 bytes, the first one lowest: the family, the port, and of an IPv4 one all of the address. */
static inline uint64_t addr_word(const union addr *addr)
{
	uint64_t word;

	memcpy(&word, addr, sizeof(word));
	return le64toh(word);
}

/* A word's part of a multilinear hash (Lemire and Kaser, 2014): without knowing the random words nobody can choose
 * addresses that collide more often than by chance. A hash is the first random word, and for each word hashed its
 * half-products with two more; of the sum the lowest 32 bits are dropped, because a product's bits depend on lower
 * ones alone. */
static inline uint64_t addr_multilinear(const uint64_t keys[2], uint64_t word)
{
	return keys[0] * (uint32_t)word + keys[1] * (word >> 32);
}

/* Both families have the port in the same place. */
static inline uint16_t addr_port(const union addr *addr)
{
	return ntohs(addr->in.sin_port);
}

static inline bool addr_same_port(const union addr *a, const union addr *b)
{
	return a->in.sin_port == b->in.sin_port;
}

static inline void addr_set_port(union addr *addr, uint16_t port)
{
	addr->in.sin_port = htons(port);
}

/* A v4-mapped address counts as its IPv4 address. */
bool addr_is_wildcard(const union addr *addr);
bool addr_is_loopback(const union addr *addr);
bool addr_is_multicast(const union addr *addr);

/* The same family and address, and for link-local ones the same scope; ports are not compared. A v4-mapped
 * address differs from its IPv4 address. */
bool addr_same_host(const union addr *a, const union addr *b);

/* And the same port. */
static inline bool addr_same(const union addr *a, const union addr *b)
{
	if (a->sa.sa_family != AF_INET)
		return a->in6.sin6_port == b->in6.sin6_port && addr_same_host(a, b);
	return b->sa.sa_family == AF_INET && a->in.sin_port == b->in.sin_port &&
	       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

/* Can only one socket be bound to either? Of one port a wildcard takes each address of its family; IPv6
 * sockets take IPv6 alone. */
bool addr_excludes(const union addr *a, const union addr *b);

#endif
