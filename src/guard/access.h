/* Which sources may come in, by rules about prefixes: the longest one that has a source decides.
 *
 * DESIGN: a table never changes once it is made. Rules are made flat: in the order of addresses, the verdict turns at
 * some of them, and the number of turns up to an address says what holds for it. The owner's thread puts a new table
 * in the place of the old one while receivers look up sources. A receiver notes which table it uses, looks whether that
 * is still the one, and forgets it after the reception; the owner frees what it has replaced once no receiver has
 * noted it. Both orders are sequentially consistent, so one of the two sees the other. */
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

	/* The owner's. */
	unsigned users;
	struct access *next;

	uint64_t numbers[];
};

/* The table in force: the owner sets it. NULL: all may come in. */
typedef _Atomic(const struct access *) access_place;

/* Of sorted rules that do not contradict each other. `outside`: what holds where none has a source. -ENOMEM. */
int access_new(
	const struct prefix_rule *rules, size_t count, bool outside, struct access **ret_access);

/* NULL is fine. */
void access_free(struct access *access);

size_t access_bytes(const struct access *access);

/* Thread: any. */
bool access_admits(const struct access *access, const union addr *source);

/* Use the table in force, as `used` notes, which only this thread sets, until access_leave(). */
static inline const struct access *access_enter(const access_place *place, access_place *used)
{
	const struct access *access = atomic_load_explicit(place, memory_order_relaxed);
	const struct access *noted = NULL;

	while (access != noted) {
		noted = access;
		atomic_store(used, noted);
		access = atomic_load(place);
	}
	return access;
}

static inline void access_leave(access_place *used)
{
	atomic_store_explicit(used, NULL, memory_order_release);
}

#endif
