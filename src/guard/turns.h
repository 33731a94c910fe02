/* Sorted numbers, to find out how many of them are at most another one. */
#ifndef GUARD_TURNS_H
#define GUARD_TURNS_H

#include <stddef.h>
#include <stdint.h>

/* Numbers in a line of the processor's cache, of which a look-up reads one a level. */
#define TURNS_LINE 8u
#define TURNS_LEVELS 8u /* of 8^8 numbers */

struct turns {
	uint64_t *levels
		[TURNS_LEVELS]; /* the first has all; each next one the first number of each line before */
	size_t counts[TURNS_LEVELS];
	unsigned depth; /* levels that there are; 0: no number */
};

/* -ENOMEM. */
int turns_init(struct turns *turns, const uint64_t *numbers, size_t count);

/* A zeroed one is fine. */
void turns_destroy(struct turns *turns);

size_t turns_bytes(const struct turns *turns);

/* Thread: any. */
size_t turns_up_to(const struct turns *turns, uint64_t number);

#endif
