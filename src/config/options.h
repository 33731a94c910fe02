/* The options of a service's handler. They are gathered while documents are applied, and checked
 * when it is known which handler that is: a later --set may name another. Thread: owner. */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "config/values.h"

/* Note an object that was given for the top or a service. Its document must live until
 * options_settle(). -ENOMEM. */
int options_gather(struct config *config, struct values *values, struct element object);

/* Set the parameters of every service. Errors go into the report. -ENOMEM. */
int options_settle(struct config *config, struct report *report);

#endif
