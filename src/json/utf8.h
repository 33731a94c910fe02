/* UTF-8 text: is it valid, and how does it look on a terminal. Thread: any. */
#ifndef JSON_UTF8_H
#define JSON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of the character that `text` begins with (RFC 3629), or 0 when they are not valid. */
size_t utf8_decode(const char *text, size_t length, uint32_t *ret_code);

/* A character as it is safe to show: what would move the cursor, join, hide or reorder text is
 * escaped, "\x1b" or "\u{202e}". */
struct utf8_glyph {
	char text[16];
	unsigned columns; /* 0 for a combining mark, 2 for a wide character */
	size_t bytes;	  /* of the source */
};

/* `length` is at least 1; bytes that are not valid are shown one by one. */
struct utf8_glyph utf8_glyph(const char *text, size_t length);

#endif
