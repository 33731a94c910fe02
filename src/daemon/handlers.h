/* The handlers of this daemon: linked in, and "exec", by name, and plug-ins, by file. Thread: main. */
#ifndef DAEMON_HANDLERS_H
#define DAEMON_HANDLERS_H

#include "config/handlers.h"
#include "process/plugin.h"
#include "process/stand_in.h"

struct handlers {
	struct config_handlers config; /* what the configuration is read with; borrows the whole */
	struct plugins plugins;	       /* what is named by a path */
	struct stand_in *stand_ins;    /* of both */
};

/* Those that are linked in: NULL after the last, at least one. -EINVAL: one of them cannot be, and a line
 * about it is on stderr. -ENOMEM. */
int handlers_init(struct handlers *handlers, const struct dgram_handler *const *linked);

/* Have the schema contain the options of these plug-ins, which it borrows. False: ret_error says why not. */
bool handlers_list_plugins(struct handlers *handlers, char *const *paths, size_t count,
	char ret_error[CONFIG_HANDLER_ERROR_MAX]);

void handlers_free(struct handlers *handlers);

#endif
