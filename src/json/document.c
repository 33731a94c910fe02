#include "json/document.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/source.h"

/* Longer than any key: "services.0.queue.capacity" has four parts. */
#define PARTS_MAX 8

/* Parse the source's text from `start` on. -EINVAL: *ret_errors, counted from `start`; there may be
 * values all the same. The scanner blanks in a copy, because messages show the text as it is. */
static int parse_source(struct document *document, size_t start, struct scan_errors *ret_errors)
{
	size_t length = document->source.length - start;
	char *copy = malloc(length + 1);
	int r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, document->source.text + start, length);
	copy[length] = '\0';
	r = scan_text(copy, length, &document->scan, ret_errors);
	for (uint32_t i = 0; i < document->scan.count; i++) {
		document->scan.nodes[i].offset += (uint32_t)start;
		document->scan.nodes[i].key_offset += (uint32_t)start;
	}
	if (document->scan.count > 0)
		document->root = cJSON_ParseWithLength(copy, length);
	free(copy);
	/* cJSON accepts what the scanner accepts, so it can only be out of memory. */
	return document->scan.count > 0 && !document->root ? -ENOMEM : r;
}

int document_read(struct document *document, const char *path, struct report *report)
{
	bool is_stdin = strcmp(path, DOCUMENT_STDIN) == 0;
	struct scan_errors errors;
	int r;

	document->source.name = strdup(is_stdin ? "stdin" : path);
	if (!document->source.name)
		return -ENOMEM;
	r = is_stdin
		    ? source_read_stdin(&document->source, document->number, SCAN_BYTES_MAX, report)
		    : source_read(
			      &document->source, document->number, path, SCAN_BYTES_MAX, report);
	if (r < 0 || !document->source.text)
		return r;
	r = parse_source(document, 0, &errors);
	if (r != -EINVAL)
		return r;
	for (unsigned i = 0; i < errors.count; i++) {
		const struct scan_error *error = &errors.list[i];

		report_add(report,
			(struct report_place){ document->number, error->offset, error->length },
			"%s%s",
			error->length == 0 && error->offset > 0 ? "the file ends too early: " : "",
			error->message);
	}
	return 0;
}

/* JSON, or else a string as it stands. */
static int parse_override_value(struct document *document, size_t start)
{
	size_t length = document->source.length - start;
	struct scan_errors errors;
	int r = parse_source(document, start, &errors);

	if (r != -EINVAL)
		return r;
	scan_free(&document->scan);
	cJSON_Delete(document->root);
	document->root = cJSON_CreateString(document->source.text + start);
	document->scan.nodes = malloc(sizeof(*document->scan.nodes));
	if (!document->root || !document->scan.nodes)
		return -ENOMEM;
	document->scan.nodes[0] = (struct scan_node){
		.offset = (uint32_t)start, .length = (uint32_t)length, .end = 1
	};
	document->scan.count = 1;
	return 0;
}

/* Put an object around the document, in which it has the key from `start` to `end`; the keys end at
 * `keys_end`. */
static int wrap_root(struct document *document, size_t start, size_t end, size_t keys_end)
{
	struct scan *scan = &document->scan;
	struct scan_node *nodes = reallocarray(scan->nodes, scan->count + 1, sizeof(*nodes));
	char *key = strndup(document->source.text + start, end - start);
	cJSON *object = cJSON_CreateObject();
	bool done = nodes && key && object && cJSON_AddItemToObject(object, key, document->root);

	free(key);
	if (nodes)
		scan->nodes = nodes;
	if (!done) {
		cJSON_Delete(object);
		return -ENOMEM;
	}
	document->root = object;
	memmove(nodes + 1, nodes, scan->count * sizeof(*nodes));
	scan->count++;
	for (uint32_t i = 1; i < scan->count; i++)
		nodes[i].end++;
	nodes[1].key_offset = (uint32_t)start;
	nodes[1].key_length = (uint32_t)(end - start);
	nodes[0] = (struct scan_node){ .offset = (uint32_t)start,
		.length = (uint32_t)(keys_end - start),
		.end = scan->count };
	return 0;
}

/* Where the last part of the `*end` bytes begins, and, without its brackets, ends. */
static size_t find_part(const char *text, size_t *end)
{
	const char *dot = memrchr(text, '.', *end);
	size_t start = *end > 0 && text[*end - 1] == ']' ? *end - 1 : 0;

	while (start > 0 && text[start - 1] >= '0' && text[start - 1] <= '9')
		start--;
	if (start == 0 || start == *end - 1 || text[start - 1] != '[')
		return dot ? (size_t)(dot - text) + 1 : 0;
	--*end;
	return start;
}

/* The value, and an object around it for each part of the key, from the last to the first. */
static int parse_override(struct document *document, size_t key_length)
{
	const char *text = document->source.text;
	int r = parse_override_value(document, key_length + 1);

	for (size_t next = key_length + 1; r == 0 && next > 0;) {
		size_t end = next - 1, start = find_part(text, &end);

		r = wrap_root(document, start, end, key_length);
		next = start;
	}
	return r;
}

static size_t count_parts(const char *key, size_t length)
{
	size_t count = 1;

	for (size_t i = 0; i < length; i++)
		count += key[i] == '.' || key[i] == '[';
	return count;
}

int document_override(struct document *document, const char *text, struct report *report)
{
	size_t length = strlen(text), key_length = strcspn(text, "=");
	struct report_place place = { document->number, 0, key_length };
	struct scan_error error;
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
	} else if (scan_bytes(text, length, &error) < 0) {
		place = (struct report_place){ document->number, error.offset, error.length };
		report_add(report, place, "%s", error.message);
	} else if (key_length == length) {
		report_add(report, place, "must be KEY=VALUE, for example queue.capacity=8192");
	} else if (count_parts(text, key_length) > PARTS_MAX) {
		report_add(report, place, "unknown key");
	} else {
		return parse_override(document, key_length);
	}
	return 0;
}

void document_free(struct document *document)
{
	free((char *)document->source.name);
	free((char *)document->source.text);
	scan_free(&document->scan);
	cJSON_Delete(document->root);
}
