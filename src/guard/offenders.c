#include "guard/offenders.h"

void offenders_init(struct offenders *offenders)
{
	*offenders = (struct offenders){ .total = 0 };
	lock_init(&offenders->lock);
}

void offenders_destroy(struct offenders *offenders)
{
	lock_destroy(&offenders->lock);
}

static struct offender *entry_of(
	struct offenders *offenders, const union addr *address, unsigned bits)
{
	struct offender *least = &offenders->of[0];

	for (unsigned i = 0; i < OFFENDERS_MAX; i++) {
		struct offender *each = &offenders->of[i];

		if (each->count > 0 && each->bits == bits &&
			addr_same_host(&each->address, address))
			return each;
		if (each->count < least->count)
			least = each;
	}
	least->address = *address;
	least->bits = bits;
	least->error = least->count;
	return least;
}

void offenders_note(struct offenders *offenders, const union addr *address, unsigned bits)
{
	lock_take(&offenders->lock);
	entry_of(offenders, address, bits)->count++;
	offenders->total++;
	lock_release(&offenders->lock);
}

static uint64_t surely(const struct offender *offender)
{
	return offender->count - offender->error;
}

uint64_t offenders_take(struct offenders *offenders, struct offender *ret_worst)
{
	const struct offender *worst = &offenders->of[0];
	uint64_t total;

	lock_take(&offenders->lock);
	for (unsigned i = 1; i < OFFENDERS_MAX; i++)
		if (surely(&offenders->of[i]) > surely(worst))
			worst = &offenders->of[i];
	total = offenders->total;
	if (total > 0)
		*ret_worst = *worst;
	offenders->total = 0;
	for (unsigned i = 0; i < OFFENDERS_MAX; i++)
		offenders->of[i].count = offenders->of[i].error = 0;
	lock_release(&offenders->lock);
	return total;
}
