#include "json/excerpt.h"

#include <stdbool.h>
#include <string.h>

#include "json/utf8.h"

/* Columns that are shown before the caret, and in all. */
#define COLUMNS_BEFORE 72
#define COLUMNS_MAX 100

#define TAB_COLUMNS 8

static bool is_tab(const char *text)
{
	return *text == '\t';
}

static struct utf8_glyph glyph_at(const struct report_source *source, size_t at)
{
	struct utf8_glyph glyph = utf8_glyph(source->text + at, source->length - at);

	if (is_tab(source->text + at))
		glyph = (struct utf8_glyph){ .text = "\t", .columns = TAB_COLUMNS, .bytes = 1 };
	return glyph;
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
			((unsigned char)source->text[before] & 0xc0) == 0x80)
			before--;
		columns += glyph_at(source, before).columns;
		if (columns > COLUMNS_BEFORE)
			break;
		start = before;
	}
	return start;
}

static void put_times(FILE *file, char c, size_t times)
{
	while (times-- > 0)
		fputc(c, file);
}

/* The line up to its end or the window's; the number of bytes that were shown. */
static size_t put_text(FILE *file, const struct report_source *source, size_t start)
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
	return at - start;
}

/* Tabs stay tabs, so that the caret is right whatever the terminal makes of them. */
static void put_caret(FILE *file, const struct report_source *source,
	const struct report_place *place, size_t start, size_t end)
{
	size_t at = start, columns = 0;

	while (at < place->offset && at < end) {
		struct utf8_glyph glyph = glyph_at(source, at);

		put_times(file, is_tab(glyph.text) ? '\t' : ' ',
			is_tab(glyph.text) ? 1 : glyph.columns);
		at += glyph.bytes;
	}
	while (at < place->offset + place->length && at < end) {
		struct utf8_glyph glyph = glyph_at(source, at);

		columns += glyph.columns;
		at += glyph.bytes;
	}
	fputc('^', file);
	put_times(file, '~', columns > 1 ? columns - 1 : 0);
	fputc('\n', file);
}

void excerpt_write(FILE *file, const struct report_source *source, const struct report_place *place,
	size_t line_number)
{
	size_t start = window_start(source, place->offset), shown;
	const char *cut = start > 0 && source->text[start - 1] != '\n' ? "..." : "";

	fprintf(file, "%5zu | %s", line_number, cut);
	shown = put_text(file, source, start);
	fprintf(file, "\n      | %*s", (int)strlen(cut), "");
	put_caret(file, source, place, start, start + shown);
}
