/* One text that configures: the file, or a --set. Thread: one at a time in the process, for cJSON's
 * error pointer is global. */
#ifndef JSON_DOCUMENT_H
#define JSON_DOCUMENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "json/report.h"
#include "json/scan.h"

struct document {
	struct report_source source; /* name and text are owned */
	size_t number;		     /* of the source in the report */
	struct scan scan;
	cJSON *root; /* NULL: nothing to apply, the report says why */
};

/* A value, and where it stands: cJSON's tree and the scanner's list are walked side by side. */
struct element {
	const struct document *document;
	const cJSON *item;
	uint32_t node;
};

/* Read and parse a file; what is wrong with it goes into the report. -ENOMEM. `document` is zeroed
 * but for its number, and must be freed in any case. */
int document_read(struct document *document, const char *path, struct report *report);

/* The same for KEY=VALUE: as though a file held VALUE at KEY, whose parts are separated by dots.
 * VALUE is JSON, or else a string. */
int document_override(struct document *document, const char *text, struct report *report);

/* Parse the source's text from `start` on. -EINVAL: *ret_error, counted from `start`; -ENOMEM. */
int document_parse(struct document *document, size_t start, struct lex_error *ret_error);

void document_free(struct document *document);

struct element document_root(const struct document *document);

/* Walk the members of an object or list; `item` is NULL after the last. */
struct element element_first(struct element element);
struct element element_next(struct element element);

struct report_place element_place(struct element element);
struct report_place element_key_place(struct element element);

/* The place of a part of a string, given in bytes of its value. */
struct report_place element_part_place(struct element element, size_t offset, size_t length);

#endif
