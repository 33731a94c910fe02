/* From a document's values to a configuration's, each checked against its row of the params table.
 * Thread: owner. */
#ifndef CONFIG_APPLY_H
#define CONFIG_APPLY_H

#include "json/element.h"
#include "config/values.h"

/* All errors go into the report. -ENOMEM. */
int apply_document(struct config *config, const struct document *document, struct report *report);

#endif
