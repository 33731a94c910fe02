/* Addresses as the command line of dgramload names them. */
#ifndef LOAD_ADDRESS_H
#define LOAD_ADDRESS_H

#include "base/addr.h"

#define LOAD_SOURCES_MAX 65536

/* `count` addresses, one after the other; 0: the kernel picks. */
struct load_sources {
	union addr first; /* with port 0 */
	uint32_t count;
};

/* "127.0.0.1:20000", "[::1]:20000", and "20000" for 127.0.0.1. -EINVAL, or -ENODEV as of
 * addr_parse(). */
int load_address_parse(const char *text, union addr *ret_server);

/* "A", "A-B", or "A/N": from A to the last address of its network. -EINVAL: it is not that; -ERANGE:
 * more than LOAD_SOURCES_MAX; -ENODEV. */
int load_sources_parse(const char *text, struct load_sources *ret_sources);

/* The address of socket `index`: one after the other, and again. */
void load_sources_get(const struct load_sources *sources, uint32_t index, union addr *ret_address);

#endif
