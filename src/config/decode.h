/* From a document's values to a configuration's, each checked against its row of the params table.
 * Thread: owner. */
#ifndef CONFIG_DECODE_H
#define CONFIG_DECODE_H

#include "json/document.h"
#include "config/values.h"

/* Values of an earlier document give way. All errors go into the report. -ENOMEM. */
int decode_document(struct config *config, const struct document *document, struct report *report);

#endif
