/* The services of a configuration, and what is known only once all documents are read: whose
 * options they are, and what the values of several services say together. Thread: owner. */
#ifndef CONFIG_SERVICES_H
#define CONFIG_SERVICES_H

#include "config/values.h"

/* `count` services with default values take the place of those before. -ENOMEM. */
int services_replace(struct config *config, size_t count);
void services_clear(struct config *config);

/* Keep an object of options, of the top or a service, for services_resolve(): a later --set may
 * name another handler. Its document must live until then. -ENOMEM. */
int services_defer_options(struct config *config, struct values *values, struct element object);

/* Complete the services from the top's values and the handlers' options, and check what no value
 * shows alone: keys that exclude each other, names and addresses given twice. Errors go into the
 * report. -ENOMEM. */
int services_resolve(struct config *config, struct report *report);

#endif
