#include "json/report.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "json/utf8.h"

/* Columns that an excerpt shows before the caret, and in all. With the number of the line before
 * them, the caret stands within the 80 columns of a terminal. */
#define COLUMNS_BEFORE 72
#define COLUMNS_MAX 100

#define TAB_COLUMNS 8

struct report_message {
	struct report_place place;
	size_t number; /* in the order of report_add(), because qsort is not stable */
	char *text;    /* once finished: the line, NUL, the excerpt */
};

/* A position in a source. Messages are finished in order, so a file full of errors is walked
 * once. */
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
		} else if (!utf8_is_continuation(c)) {
			cursor->column++;
		}
	}
}

static bool is_tab(const char *text)
{
	return *text == '\t';
}

static struct utf8_glyph glyph_at(const struct report_source *source, size_t at)
{
	if (is_tab(source->text + at))
		return (struct utf8_glyph){ .text = "\t", .columns = TAB_COLUMNS, .bytes = 1 };
	return utf8_glyph(source->text + at, source->length - at);
}

/* The end of a line may be "\r\n". */
static bool at_line_end(const struct report_source *source, size_t at)
{
	const char *text = source->text + at;

	return at == source->length || *text == '\n' ||
	       (*text == '\r' && at + 1 < source->length && text[1] == '\n');
}

/* The first byte to show: the line's first one if that is not too far from the caret. */
static size_t window_start(const struct report_source *source, size_t offset)
{
	size_t start = offset;

	for (unsigned columns = 0; start > 0 && source->text[start - 1] != '\n';) {
		size_t before = start - 1;

		while (before > 0 && start - before < 4 &&
			utf8_is_continuation(source->text[before]))
			before--;
		columns += glyph_at(source, before).columns;
		if (columns > COLUMNS_BEFORE)
			break;
		start = before;
	}
	return start;
}

/* The line up to its end or the window's. Returns the end of what was shown. */
static size_t put_window(FILE *file, const struct report_source *source, size_t start)
{
	size_t at = start, columns = 0;

	while (!at_line_end(source, at) && columns < COLUMNS_MAX) {
		struct utf8_glyph glyph = glyph_at(source, at);

		fputs(glyph.text, file);
		columns += glyph.columns;
		at += glyph.bytes;
	}
	if (!at_line_end(source, at))
		fputs("...", file);
	return at;
}

/* Tabs stay tabs, so that the caret is right at any width of a tab. */
static void put_caret(FILE *file, const struct report_source *source,
	const struct report_place *place, size_t start, size_t end)
{
	size_t at = start, columns = 0;

	while (at < place->offset && at < end) {
		struct utf8_glyph glyph = glyph_at(source, at);

		fprintf(file, "%*s", is_tab(glyph.text) ? 1 : (int)glyph.columns,
			is_tab(glyph.text) ? "\t" : "");
		at += glyph.bytes;
	}
	while (at < place->offset + place->length && at < end) {
		struct utf8_glyph glyph = glyph_at(source, at);

		columns += glyph.columns;
		at += glyph.bytes;
	}
	fputc('^', file);
	for (; columns > 1; columns--)
		fputc('~', file);
	fputc('\n', file);
}

/* The line that a message is about, cut to what stands around the place, and a caret under it. */
static void put_excerpt(FILE *file, const struct report_source *source,
	const struct report_place *place, size_t line_number)
{
	size_t start = window_start(source, place->offset), end;
	const char *cut = start > 0 && source->text[start - 1] != '\n' ? "..." : "";

	fprintf(file, "%5zu | %s", line_number, cut);
	end = put_window(file, source, start);
	fprintf(file, "\n      | %*s", (int)strlen(cut), "");
	put_caret(file, source, place, start, end);
}

static void put_message(FILE *file, const struct report_message *message,
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
		put_excerpt(file, source, place, cursor->line);
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
		put_message(file, message, &sources[message->place.source], &cursor);
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
