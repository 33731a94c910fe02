#include "core/attention.h"

#include <sys/eventfd.h>

void attention_call(struct attention *attention)
{
	if (atomic_exchange(&attention->asleep, false))
		(void)eventfd_write(attention->fd, 1);
}
