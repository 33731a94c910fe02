/* A value of a document and where it stands: cJSON's tree and the scanner's list are walked side by
 * side. Thread: owner. */
#ifndef JSON_ELEMENT_H
#define JSON_ELEMENT_H

#include "json/document.h"

struct element {
	const struct document *document;
	const cJSON *item;
	uint32_t node;
};

struct element element_root(const struct document *document);

/* Walk the members of an object or list; `item` is NULL after the last. */
struct element element_first(struct element element);
struct element element_next(struct element element);

struct report_place element_place(struct element element);
struct report_place element_key_place(struct element element);

/* The place of a part of a string, given in bytes of its value. */
struct report_place element_part_place(struct element element, size_t offset, size_t length);

/* "a string", "an object" ... */
const char *element_type_name(struct element element);

#endif
