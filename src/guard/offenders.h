/* Who is refused most often: a few prefixes with their counts. One that is new takes the place of the one with the
 * lowest count, and that count as its possible error, so one that has more than an eighth of all is always among them. */
#ifndef GUARD_OFFENDERS_H
#define GUARD_OFFENDERS_H

#include <stdint.h>

#include "base/addr.h"
#include "base/lock.h"

#define OFFENDERS_MAX 8u

struct offender {
	union addr address; /* the first of the prefix, without a port */
	unsigned bits;
	uint64_t count; /* at most so often, */
	uint64_t error; /* and perhaps less often by so much */
};

struct offenders {
	struct lock lock;
	uint64_t total;
	struct offender of[OFFENDERS_MAX];
};

void offenders_init(struct offenders *offenders);
void offenders_destroy(struct offenders *offenders);

/* Thread: any. */
void offenders_note(struct offenders *offenders, const union addr *address, unsigned bits);

/* The one that was refused most often since the last call, as often at least as its `count` less its `error`; returns
 * how often all were. 0: none was, and *ret_worst is untouched. Thread: owner. */
uint64_t offenders_take(struct offenders *offenders, struct offender *ret_worst);

#endif
