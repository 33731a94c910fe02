/* Addresses on the command line of dgramload. */
#ifndef LOAD_ADDRESS_H
#define LOAD_ADDRESS_H

#include "base/addr.h"

#define LOAD_SOURCES_MAX 65536

/* `count` consecutive addresses. With 0 the kernel picks the source address. */
struct load_sources {
	union addr first; /* with port 0 */
	uint32_t count;
};

/* "127.0.0.1:20000", "[::1]:20000", or "localhost:20000" and "20000" for 127.0.0.1. -EINVAL: not such an address; -ENODEV:
 * see addr_parse(). */
int load_address_parse_server(const char *text, union addr *ret_server);

/* "A", "A-B", or "A/N" for the addresses from A to the last one of its network. -EINVAL: not such a
 * range; -ERANGE: more than LOAD_SOURCES_MAX addresses; -ENODEV: see addr_parse(). */
int load_address_parse_sources(const char *text, struct load_sources *ret_sources);

/* The source address of socket `index`; after the last address comes the first again. */
void load_address_get_source(
	const struct load_sources *sources, uint32_t index, union addr *ret_address);

#endif
