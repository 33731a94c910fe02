#include "json/report.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "json/excerpt.h"
#include "json/utf8.h"

struct report_message {
	struct report_place place;
	size_t number; /* in the order of report_add(): qsort is not stable */
	char *text;    /* once finished: the line, NUL, the excerpt */
};

/* Where the counting of lines and columns has got to. Messages are counted in order, so that a file
 * full of errors is walked once. */
struct cursor {
	size_t source, at;
	size_t line, column;
};

void report_init(struct report *report)
{
	*report = (struct report){ .messages = NULL };
}

void report_free(struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free(report->messages[i].text);
	free(report->messages);
	report_init(report);
}

void report_add(struct report *report, struct report_place place, const char *format, ...)
{
	struct report_message message = { .place = place, .number = report->count };
	va_list arguments;
	int length;

	if (report->count == report->capacity) {
		size_t capacity = report->capacity > 0 ? report->capacity * 2 : 8;
		struct report_message *messages =
			reallocarray(report->messages, capacity, sizeof(*messages));

		if (!messages) {
			report->out_of_memory = true;
			return;
		}
		report->messages = messages;
		report->capacity = capacity;
	}
	va_start(arguments, format);
	length = vasprintf(&message.text, format, arguments);
	va_end(arguments);
	if (length < 0)
		report->out_of_memory = true;
	else
		report->messages[report->count++] = message;
}

static int compare(const void *a, const void *b)
{
	const struct report_message *x = a, *y = b;

	if (x->place.source != y->place.source)
		return x->place.source < y->place.source ? -1 : 1;
	if (x->place.offset != y->place.offset)
		return x->place.offset < y->place.offset ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void put_safe(FILE *file, const char *text)
{
	for (size_t left = strlen(text); left > 0;) {
		struct utf8_glyph glyph = utf8_glyph(text, left);

		fputs(glyph.text, file);
		text += glyph.bytes;
		left -= glyph.bytes;
	}
}

static void advance(
	struct cursor *cursor, const struct report_source *source, size_t number, size_t to)
{
	if (cursor->line == 0 || cursor->source != number)
		*cursor = (struct cursor){ .source = number, .line = 1, .column = 1 };
	for (; cursor->at < to; cursor->at++) {
		char c = source->text[cursor->at];

		if (c == '\n') {
			cursor->line++;
			cursor->column = 1;
		} else if (((unsigned char)c & 0xc0) != 0x80) {
			cursor->column++;
		}
	}
}

static void render(FILE *file, const struct report_message *message,
	const struct report_source *source, struct cursor *cursor)
{
	const struct report_place *place = &message->place;

	put_safe(file, source->name);
	if (source->text) {
		assert(place->offset <= source->length);
		advance(cursor, source, place->source, place->offset);
		fprintf(file, ":%zu:%zu", cursor->line, cursor->column);
	}
	fputs(": error: ", file);
	put_safe(file, message->text);
	fputc('\0', file);
	if (source->text)
		excerpt_write(file, source, place, cursor->line);
}

int report_finish(struct report *report, const struct report_source *sources)
{
	struct cursor cursor = { .line = 0 };

	if (report->out_of_memory)
		return -ENOMEM;
	if (report->count > 0)
		qsort(report->messages, report->count, sizeof(*report->messages), compare);
	for (size_t i = 0; i < report->count; i++) {
		struct report_message *message = &report->messages[i];
		char *text = NULL;
		size_t size;
		FILE *file = open_memstream(&text, &size);

		if (!file)
			return -ENOMEM;
		render(file, message, &sources[message->place.source], &cursor);
		/* glibc 2.36 closes without an error when it cannot trim the text. */
		if (fclose(file) != 0 || !text) {
			free(text);
			return -ENOMEM;
		}
		free(message->text);
		message->text = text;
	}
	return 0;
}

const char *report_line(const struct report *report, size_t index)
{
	assert(index < report->count);
	return report->messages[index].text;
}

const char *report_excerpt(const struct report *report, size_t index)
{
	const char *line = report_line(report, index);

	return line + strlen(line) + 1;
}

int report_print(const struct report *report, FILE *file)
{
	for (size_t i = 0; i < report->count; i++)
		fprintf(file, "%s\n%s", report_line(report, i), report_excerpt(report, i));
	if (fflush(file) != 0)
		return -errno;
	return ferror(file) ? -EIO : 0;
}
