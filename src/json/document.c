#include "json/document.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads no more than one byte too many, which the scanner refuses. */
static int read_all(int fd, struct document *document)
{
	char *text = malloc(SCAN_BYTES_MAX + 2);
	size_t length = 0;

	if (!text)
		return -ENOMEM;
	while (length <= SCAN_BYTES_MAX) {
		ssize_t n = read(fd, text + length, SCAN_BYTES_MAX + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = errno;

			free(text);
			return -error;
		}
		if (n == 0)
			break;
		length += (size_t)n;
	}
	text[length] = '\0';
	document->source.text = text;
	document->source.length = length;
	return 0;
}

static const char *refuse_mode(mode_t mode)
{
	if (S_ISREG(mode))
		return NULL;
	if (S_ISDIR(mode))
		return "a directory, not a file";
	return S_ISFIFO(mode) ? "a pipe, not a file" : "a device, not a file";
}

/* Is it the file's fault, and not a shortage of the system's? */
static bool is_configuration(int error)
{
	switch (error) {
	case ENOENT:
	case EACCES:
	case EPERM:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case ENAMETOOLONG:
	case ENXIO:
	case ENODEV:
		return true;
	default:
		return false;
	}
}

/* 0, though it cannot be read, when that is an error of the configuration. O_NONBLOCK: the open of
 * a FIFO would wait for a writer. */
static int read_file(struct document *document, const char *path, struct report *report)
{
	struct report_place nowhere = { .source = document->number };
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status = { .st_mode = 0 };
	int r = fd < 0 || fstat(fd, &status) < 0 ? -errno : 0;

	if (r == 0 && refuse_mode(status.st_mode))
		report_add(report, nowhere, "%s", refuse_mode(status.st_mode));
	else if (r == 0)
		r = read_all(fd, document);
	if (fd >= 0)
		close(fd);
	if (r == 0 || r == -ENOMEM)
		return r;
	report_add(report, nowhere, "%s", strerrordesc_np(-r));
	return is_configuration(-r) ? 0 : r;
}

/* The scanner blanks comments in a copy: messages show the text as it is. */
int document_parse(struct document *document, size_t start, struct lex_error *ret_error)
{
	size_t length = document->source.length - start;
	char *copy = malloc(length + 1);
	int r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, document->source.text + start, length);
	copy[length] = '\0';
	r = scan_text(copy, length, &document->scan, ret_error);
	for (uint32_t i = 0; r == 0 && i < document->scan.count; i++) {
		document->scan.nodes[i].offset += (uint32_t)start;
		document->scan.nodes[i].key_offset += (uint32_t)start;
	}
	if (r == 0)
		document->root = cJSON_ParseWithLength(copy, length);
	free(copy);
	/* cJSON accepts what the scanner does, so that it can only be out of memory. */
	return r == 0 && !document->root ? -ENOMEM : r;
}

int document_read(struct document *document, const char *path, struct report *report)
{
	struct lex_error error;
	int r;

	document->source.name = strdup(path);
	if (!document->source.name)
		return -ENOMEM;
	r = read_file(document, path, report);
	if (r < 0 || !document->source.text)
		return r;
	r = document_parse(document, 0, &error);
	if (r == -EINVAL) {
		report_add(report,
			(struct report_place){ document->number, error.offset, error.length },
			"%s%s",
			error.length == 0 && error.offset > 0 ? "the file ends too early: " : "",
			error.message);
		r = 0;
	}
	return r;
}

void document_free(struct document *document)
{
	free((char *)document->source.name);
	free((char *)document->source.text);
	scan_free(&document->scan);
	cJSON_Delete(document->root);
}

struct element document_root(const struct document *document)
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
