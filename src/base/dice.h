/* Chances that nobody can foresee: the kernel's random numbers, drawn 64 at a time. Of one thread. Zeroed: ready. */
#ifndef BASE_DICE_H
#define BASE_DICE_H

#include <stdbool.h>
#include <stdint.h>

#define DICE_THROWS 64u

struct dice {
	unsigned left;
	uint32_t throws[DICE_THROWS];
};

/* True one time in `of`; of 0 never. */
bool dice_hit(struct dice *dice, unsigned of);

#endif
