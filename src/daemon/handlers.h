/* The handlers of this daemon, by name. Thread: main. */
#ifndef DAEMON_HANDLERS_H
#define DAEMON_HANDLERS_H

#include "config/handlers.h"

struct handlers {
	struct config_handlers config; /* what the configuration is read with; borrows the whole */
	const struct dgram_handler *const *linked; /* NULL after the last */
};

/* Those that are linked in: NULL after the last, at least one. -EINVAL: one of them cannot be, and a line
 * about it is on stderr. */
int handlers_init(struct handlers *handlers, const struct dgram_handler *const *linked);

#endif
