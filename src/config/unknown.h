/* A key that is not in the params table where it stands. Thread: owner. */
#ifndef CONFIG_UNKNOWN_H
#define CONFIG_UNKNOWN_H

#include "json/element.h"
#include "config/params.h"

/* Report it, with what could be meant. `label` stands before the key's path. */
void unknown_key(struct element member, enum param_scope scope, const struct param *group,
	const char *label, struct report *report);

/* The same for a key in the options of a handler. */
void unknown_option(struct element member, const struct dgram_handler *handler, const char *label,
	struct report *report);

#endif
