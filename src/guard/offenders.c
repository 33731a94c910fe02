#include "guard/offenders.h"

#include <string.h>

void offenders_init(struct offenders *offenders)
{
	lock_init(&offenders->lock);
	memset(offenders->of, 0, sizeof(offenders->of));
}

void offenders_destroy(struct offenders *offenders)
{
	lock_destroy(&offenders->lock);
}

static struct offender *entry_of(struct offenders *offenders, const struct prefix *prefix)
{
	struct offender *least = &offenders->of[0];

	for (unsigned i = 0; i < OFFENDERS_MAX; i++) {
		struct offender *each = &offenders->of[i];

		if (each->count > 0 && prefix_same(&each->prefix, prefix))
			return each;
		if (each->count < least->count)
			least = each;
	}
	least->prefix = *prefix;
	least->error = least->count;
	return least;
}

void offenders_note(struct offenders *offenders, const struct prefix *prefix)
{
	lock_take(&offenders->lock);
	entry_of(offenders, prefix)->count++;
	lock_release(&offenders->lock);
}

struct offender offenders_take(struct offenders *offenders)
{
	struct offender worst = { .count = 0 };

	lock_take(&offenders->lock);
	for (const struct offender *each = offenders->of; each < offenders->of + OFFENDERS_MAX;
		each++)
		if (each->count - each->error > worst.count - worst.error)
			worst = *each;
	memset(offenders->of, 0, sizeof(offenders->of));
	lock_release(&offenders->lock);
	return worst;
}
