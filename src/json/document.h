/* One text that configures: a file, or a --set. Thread: one at a time in the process, because
 * cJSON's error pointer is global. */
#ifndef JSON_DOCUMENT_H
#define JSON_DOCUMENT_H

#include <cjson/cJSON.h>

#include "json/report.h"
#include "json/scan.h"

struct document {
	struct report_source source; /* name and text are owned */
	size_t number;		     /* of the source in the report */
	struct scan scan;
	cJSON *root; /* NULL: there are no values, the report says why */
};

#define DOCUMENT_STDIN "-"

/* Read and parse a file, or the standard input; what is wrong with it goes into the report. Error
 * of the system: -errno, -ENOMEM. `document` is zeroed but for its number, and must be freed in any
 * case. */
int document_read(struct document *document, const char *path, struct report *report);

/* The same for KEY=VALUE, as if a file held VALUE at KEY. Dots separate the parts of KEY, and
 * "a[0]" is "a.0". VALUE is JSON, or else a string. */
int document_override(struct document *document, const char *text, struct report *report);

void document_free(struct document *document);

#endif
