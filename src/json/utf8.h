/* UTF-8 text: whether it is valid, and how it looks on a terminal. Thread: any. */
#ifndef JSON_UTF8_H
#define JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of the character that `text` begins with (RFC 3629), or 0 if they are not valid. */
size_t utf8_decode(const char *text, size_t length, uint32_t *ret_code);

/* Not the first byte of a character. */
static inline bool utf8_is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* A character as it is safe to show. What would move the cursor, join, hide or reorder text is
 * escaped: "\x1b" or "\u{202e}". */
struct utf8_glyph {
	char text[16];
	unsigned columns; /* 0 for a combining mark, 2 for a wide character */
	size_t bytes;	  /* of the source */
};

/* `length` is at least 1; bytes that are not valid are shown one by one. */
struct utf8_glyph utf8_glyph(const char *text, size_t length);

#endif
