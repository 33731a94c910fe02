#include "json/element.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct element element_root(const struct document *document)
{
	return (struct element){ document, document->root, 0 };
}

struct element element_first(struct element element)
{
	element.item = element.item->child;
	element.node++;
	return element;
}

struct element element_next(struct element element)
{
	element.item = element.item->next;
	element.node = element.document->scan.nodes[element.node].end;
	return element;
}

static const struct scan_node *node_of(struct element element)
{
	assert(element.node < element.document->scan.count);
	return &element.document->scan.nodes[element.node];
}

struct report_place element_place(struct element element)
{
	const struct scan_node *node = node_of(element);

	return (struct report_place){ element.document->number, node->offset, node->length };
}

struct report_place element_key_place(struct element element)
{
	const struct scan_node *node = node_of(element);

	return (struct report_place){ element.document->number, node->key_offset,
		node->key_length };
}

/* Bytes of UTF-8 that an escape stands for, and its length; a surrogate pair is one escape. */
static size_t escaped_bytes(const char *escape, size_t *ret_length)
{
	char digits[5] = "";
	unsigned long code;

	*ret_length = 2;
	if (escape[1] != 'u')
		return 1;
	memcpy(digits, escape + 2, 4);
	code = strtoul(digits, NULL, 16);
	*ret_length = code >= 0xd800 && code <= 0xdfff ? 12 : 6;
	if (code >= 0xd800 && code <= 0xdfff)
		return 4;
	return code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
}

/* Where the byte `offset` of a string's value stands in the source. */
static size_t source_offset(const char *source, size_t offset)
{
	size_t at = 1; /* behind the quote */

	for (size_t done = 0; done < offset;) {
		size_t length = 1;

		done += source[at] == '\\' ? escaped_bytes(source + at, &length) : 1;
		at += length;
	}
	return at;
}

struct report_place element_part_place(struct element element, size_t offset, size_t length)
{
	struct report_place place = element_place(element);
	const char *source = element.document->source.text + place.offset;
	size_t start = offset, end = offset + length;

	assert(cJSON_IsString(element.item));
	/* A --set may give a string without quotes; in quotes it is two bytes longer, or more. */
	if (place.length != strlen(element.item->valuestring)) {
		start = source_offset(source, offset);
		end = source_offset(source, offset + length);
	}
	return (struct report_place){ place.source, place.offset + start, end - start };
}

const char *element_type_name(struct element element)
{
	const cJSON *item = element.item;

	if (cJSON_IsString(item))
		return "a string";
	if (cJSON_IsNumber(item))
		return "a number";
	if (cJSON_IsObject(item))
		return "an object";
	if (cJSON_IsArray(item))
		return "a list";
	return cJSON_IsNull(item) ? "null" : cJSON_IsTrue(item) ? "true" : "false";
}
