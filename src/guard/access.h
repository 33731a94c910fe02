/* Which sources may come in, by rules about prefixes: the longest one that has a source decides.
 *
 * DESIGN: a table never changes once it is made. Rules are made flat: in the order of addresses, the verdict turns at
 * some of them, and the number of turns up to an address says what holds for it. The owner's thread puts a new table
 * in the place of the old one while receivers look up sources, each under a lock of its own guard. The owner then takes
 * each of these locks once, so nobody looks into the old one any more, and frees it. */
#ifndef GUARD_ACCESS_H
#define GUARD_ACCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/prefix.h"

/* Where the verdict turns. */
struct access {
	bool outside; /* what holds before the first turn */
	size_t v4_count, v6_count;
	const uint64_t *v4, *v6_high, *v6_low;

	unsigned users; /* places that have it; the owner's */

	uint64_t numbers[];
};

/* What a service has tables for. In a place is the one in force, which the owner sets. */
enum access_table {
	ACCESS_ADMITS,	/* which sources may come in; NULL: all */
	ACCESS_EXEMPTS, /* which have no limits; NULL: none */
	ACCESS_TABLES,
};
typedef _Atomic(struct access *) access_place;

/* Of sorted rules that do not contradict each other. `outside`: what holds where none has a source. -ENOMEM. */
int access_new(
	const struct prefix_rule *rules, size_t count, bool outside, struct access **ret_access);

/* One user less, and it is freed with the last one. NULL is fine. */
void access_free(struct access *access);

size_t access_bytes(const struct access *access);

/* Thread: any. */
bool access_admits(const struct access *access, const union addr *source);

#endif
