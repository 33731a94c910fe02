#include "json/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

size_t utf8_decode(const char *text, size_t length, uint32_t *ret_code)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t lowest;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 } };

	for (size_t n = 1; n <= 4 && n <= length; n++) {
		unsigned char lead = (unsigned char)text[0];
		uint32_t code = lead & (unsigned char)~forms[n - 1].mask;

		if ((lead & forms[n - 1].mask) != forms[n - 1].lead)
			continue;
		for (size_t i = 1; i < n; i++) {
			if (!utf8_is_continuation(text[i]))
				return 0;
			code = code << 6 | ((unsigned char)text[i] & 0x3f);
		}
		if (code < forms[n - 1].lowest || code > 0x10ffff ||
			(code >= 0xd800 && code <= 0xdfff))
			return 0;
		*ret_code = code;
		return n;
	}
	return 0;
}

/* Columns of a character on a terminal; HIDDEN: it must be escaped. */
#define HIDDEN (-1)

static int columns_of(uint32_t code)
{
	static const struct {
		uint32_t first, last;
		int columns;
	} ranges[] = {
		{ 0x00, 0x1f, HIDDEN },
		{ 0x7f, 0x9f, HIDDEN },
		{ 0xad, 0xad, HIDDEN },
		{ 0x300, 0x36f, 0 },
		{ 0x483, 0x489, 0 },
		{ 0x591, 0x5bd, 0 },
		{ 0x610, 0x61a, 0 },
		{ 0x61c, 0x61c, HIDDEN },
		{ 0x64b, 0x65f, 0 },
		{ 0x1100, 0x115f, 2 },
		{ 0x180e, 0x180e, HIDDEN },
		{ 0x1ab0, 0x1aff, 0 },
		{ 0x1dc0, 0x1dff, 0 },
		{ 0x200b, 0x200f, HIDDEN },
		{ 0x2028, 0x202e, HIDDEN },
		{ 0x2060, 0x206f, HIDDEN },
		{ 0x20d0, 0x20f0, 0 },
		{ 0x2e80, 0x303e, 2 },
		{ 0x3041, 0xa4cf, 2 },
		{ 0xac00, 0xd7a3, 2 },
		{ 0xe000, 0xf8ff, HIDDEN },
		{ 0xf900, 0xfaff, 2 },
		{ 0xfe00, 0xfe0f, HIDDEN },
		{ 0xfe20, 0xfe2f, 0 },
		{ 0xfe30, 0xfe6f, 2 },
		{ 0xfeff, 0xfeff, HIDDEN },
		{ 0xff00, 0xff60, 2 },
		{ 0xffe0, 0xffe6, 2 },
		{ 0xfff0, 0xfffb, HIDDEN },
		{ 0x1f300, 0x1f64f, 2 },
		{ 0x1f680, 0x1f6ff, 2 },
		{ 0x1f900, 0x1faff, 2 },
		{ 0x20000, 0x3fffd, 2 },
		{ 0xe0000, 0x10ffff, HIDDEN },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return ranges[i].columns;
	}
	return 1;
}

struct utf8_glyph utf8_glyph(const char *text, size_t length)
{
	struct utf8_glyph glyph = { .bytes = 1 };
	uint32_t code = (unsigned char)text[0];
	size_t bytes = utf8_decode(text, length, &code);
	int columns = bytes > 0 ? columns_of(code) : HIDDEN;

	assert(length > 0);
	if (columns != HIDDEN) {
		memcpy(glyph.text, text, bytes);
		glyph.columns = (unsigned)columns;
		glyph.bytes = bytes;
		return glyph;
	}
	if (bytes > 1)
		glyph.bytes = bytes;
	snprintf(glyph.text, sizeof(glyph.text), bytes > 1 ? "\\u{%x}" : "\\x%02x", code);
	glyph.columns = (unsigned)strlen(glyph.text);
	return glyph;
}
