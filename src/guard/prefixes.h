/* A set of address prefixes, of both families: add all, then settle, then look up. Not locked. */
#ifndef GUARD_PREFIXES_H
#define GUARD_PREFIXES_H

#include <stdbool.h>

#include "base/addr.h"

/* A host with a /32 for each of 10,000 virtual services has room. */
#define PREFIXES_MAX 16384u

struct prefix_key {
	uint32_t scope;		   /* of link-local addresses: the interface; 0: any */
	unsigned char address[16]; /* IPv4 as v4-mapped */
};

struct prefix_range {
	struct prefix_key first, last;
};

struct prefixes {
	unsigned count;
	struct prefix_range ranges[PREFIXES_MAX]; /* settled: in order, apart from each other */
};

void prefixes_clear(struct prefixes *prefixes);

/* The first `bits` of this address; its port does not matter, and its scope only where it is link-local.
 * False: the set is full. */
bool prefixes_add(struct prefixes *prefixes, const union addr *address, unsigned bits);

/* All have been added. */
void prefixes_merge(struct prefixes *prefixes);

/* Is the address in one of them? O(log n). */
bool prefixes_hold(const struct prefixes *prefixes, const union addr *address);

#endif
