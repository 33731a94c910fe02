#include "base/dice.h"

#include "base/sys.h"

bool dice_hit(struct dice *dice, unsigned of)
{
	if (of <= 1)
		return of == 1;
	if (dice->left == 0) {
		sys_random(dice->throws, sizeof(dice->throws));
		dice->left = DICE_THROWS;
	}
	return ((uint64_t)dice->throws[--dice->left] * of) >> 32 == 0;
}
