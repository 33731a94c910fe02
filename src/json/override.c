/* document_override(): KEY=VALUE as a document. */
#include "json/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any key: "services.0.queue.capacity". */
#define PARTS_MAX 8

struct parts {
	size_t start[PARTS_MAX], length[PARTS_MAX];
	size_t count;
};

static int split(const char *text, size_t length, struct parts *ret_parts)
{
	struct parts parts = { .count = 0 };

	for (size_t at = 0;;) {
		const char *dot = memchr(text + at, '.', length - at);
		size_t end = dot ? (size_t)(dot - text) : length;

		if (parts.count == PARTS_MAX)
			return -E2BIG;
		parts.start[parts.count] = at;
		parts.length[parts.count++] = end - at;
		if (!dot)
			break;
		at = end + 1;
	}
	*ret_parts = parts;
	return 0;
}

static int take_as_string(
	struct document *document, const char *value, size_t offset, size_t length)
{
	document->scan.nodes = malloc(sizeof(*document->scan.nodes));
	document->root = cJSON_CreateString(value);
	if (!document->scan.nodes || !document->root)
		return -ENOMEM;
	document->scan.nodes[0] = (struct scan_node){
		.offset = (uint32_t)offset, .length = (uint32_t)length, .end = 1
	};
	document->scan.count = 1;
	return 0;
}

static int parse_value(struct document *document, size_t start)
{
	struct lex_error error;
	int r = document_parse(document, start, &error);

	if (r == -EINVAL)
		return take_as_string(document, document->source.text + start, start,
			document->source.length - start);
	return r;
}

/* The value becomes the only member of an object, with this key. */
static int wrap_item(struct document *document, const char *key, size_t length)
{
	char *name = strndup(key, length);
	cJSON *object = cJSON_CreateObject();
	bool done = name && object && cJSON_AddItemToObject(object, name, document->root);

	free(name);
	if (!done) {
		cJSON_Delete(object);
		return -ENOMEM;
	}
	document->root = object;
	return 0;
}

/* The scanner's side of the same: a node for each object that was put around the value. */
static int wrap_nodes(struct document *document, const struct parts *parts, size_t key_length)
{
	uint32_t added = (uint32_t)parts->count, count = document->scan.count;
	struct scan_node *nodes = reallocarray(document->scan.nodes, added + count, sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	document->scan.nodes = nodes;
	document->scan.count = added + count;
	memmove(nodes + added, nodes, count * sizeof(*nodes));
	for (uint32_t i = added; i < added + count; i++)
		nodes[i].end += added;
	for (uint32_t i = 0; i <= added; i++) {
		if (i < added) {
			nodes[i].offset = (uint32_t)parts->start[i];
			nodes[i].length = (uint32_t)(key_length - parts->start[i]);
			nodes[i].end = added + count;
		}
		nodes[i].key_offset = i > 0 ? (uint32_t)parts->start[i - 1] : 0;
		nodes[i].key_length = i > 0 ? (uint32_t)parts->length[i - 1] : 0;
	}
	return 0;
}

static int build(struct document *document, const struct parts *parts, size_t key_length)
{
	int r = parse_value(document, key_length + 1);

	if (r == 0)
		r = wrap_nodes(document, parts, key_length);
	for (size_t i = parts->count; r == 0 && i > 0; i--)
		r = wrap_item(document, document->source.text + parts->start[i - 1],
			parts->length[i - 1]);
	return r;
}

int document_override(struct document *document, const char *text, struct report *report)
{
	size_t length = strlen(text), key_length = strcspn(text, "=");
	struct report_place place = { document->number, 0, key_length };
	struct lex_error error;
	struct parts parts;
	char *name = NULL;

	document->source.text = strdup(text);
	document->source.length = length;
	if (asprintf(&name, "--set %.80s", text) < 0)
		return -ENOMEM;
	document->source.name = name;
	if (!document->source.text)
		return -ENOMEM;
	if (length > SCAN_BYTES_MAX) {
		report_add(report, place, "longer than 1 MiB");
	} else if (lex_bytes(text, length, &error) < 0) {
		place = (struct report_place){ document->number, error.offset, error.length };
		report_add(report, place, "%s", error.message);
	} else if (key_length == length) {
		report_add(report, place, "must be KEY=VALUE, for example queue.capacity=8192");
	} else if (split(text, key_length, &parts) < 0) {
		report_add(report, place, "unknown key");
	} else {
		int r = build(document, &parts, key_length);

		if (r < 0) {
			cJSON_Delete(document->root);
			document->root = NULL;
		}
		return r;
	}
	return 0;
}
