/* What the values say together, once all are read. Thread: owner. */
#ifndef CONFIG_SETTLE_H
#define CONFIG_SETTLE_H

#include "config/values.h"

/* Complete the services from the top's values, and check what no value shows alone: keys that
 * exclude each other, names and addresses given twice. -ENOMEM. */
int settle_services(struct config *config, struct report *report);

/* Make `options` anew from the values. -ENOMEM. */
int settle_options(struct config *config);

#endif
