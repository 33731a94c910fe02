/* Who is refused most often: a few prefixes with their counts. A new one takes the place of the one with the lowest
 * count, and that count as its possible error, so one that has more than an eighth of all is always among them. */
#ifndef GUARD_OFFENDERS_H
#define GUARD_OFFENDERS_H

#include <stdint.h>

#include "base/lock.h"
#include "base/prefix.h"

#define OFFENDERS_MAX 8u

struct offender {
	struct prefix prefix;
	uint64_t count; /* at most so often, */
	uint64_t error; /* and perhaps less often by so much */
};

struct offenders {
	struct lock lock;
	struct offender of[OFFENDERS_MAX];
};

void offenders_init(struct offenders *offenders);
void offenders_destroy(struct offenders *offenders);

/* Thread: any. */
void offenders_note(struct offenders *offenders, const struct prefix *prefix);

/* Forget all; returns the one that was surely refused most often since the last call: its `count` less its `error`
 * is 0 if none was. Thread: owner. */
struct offender offenders_take(struct offenders *offenders);

#endif
