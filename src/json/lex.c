#include "json/lex.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "json/utf8.h"

/* cJSON copies a number into a buffer of 64 bytes and takes what follows for garbage. */
#define NUMBER_BYTES_MAX 63

int lex_fail(struct lexer *l, size_t offset, size_t length, const char *message)
{
	l->error = (struct lex_error){ offset, length, message };
	return -EINVAL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

/* A NUL in the text is an error by itself, so it may look like the end. */
char lex_peek(const struct lexer *l)
{
	return l->at < l->length ? l->text[l->at] : '\0';
}

/* What stands here is wrong: a word is named whole. The end of the text is pointed at behind its
 * last token, where something is missing. */
int lex_unexpected(struct lexer *l, const char *message)
{
	size_t end = l->at;

	if (l->at == l->length) {
		while (end > 0 && is_space(l->text[end - 1]))
			end--;
		return lex_fail(l, end, 0, message);
	}
	if (lex_peek(l) == '#')
		message = "comments begin with // or /*";
	else if (lex_peek(l) == '\'')
		message = "strings are written in double quotes";
	while (end < l->length && is_word(l->text[end]))
		end++;
	return lex_fail(l, l->at, end > l->at ? end - l->at : 1, message);
}

static int comment(struct lexer *l)
{
	size_t start = l->at, end = start + 2;
	bool line = start + 1 < l->length && l->text[start + 1] == '/';

	if (!line && (start + 1 >= l->length || l->text[start + 1] != '*'))
		return lex_unexpected(l, "comments begin with // or /*");
	while (end < l->length && !(line && l->text[end] == '\n') &&
		!(!line && l->text[end] == '*' && end + 1 < l->length && l->text[end + 1] == '/'))
		end++;
	if (!line && end >= l->length)
		return lex_fail(l, start, 2, "the comment is not closed with */");
	l->at = line ? end : end + 2;
	for (size_t i = start; i < l->at; i++) {
		if (!is_space(l->text[i]))
			l->text[i] = ' ';
	}
	return 0;
}

int lex_space(struct lexer *l)
{
	for (;;) {
		while (is_space(lex_peek(l)))
			l->at++;
		if (lex_peek(l) != '/')
			return 0;
		int r = comment(l);
		if (r < 0)
			return r;
	}
}

/* Four hexadecimal digits at `offset`, or -1. */
static int hex4(const struct lexer *l, size_t offset)
{
	int value = 0;

	if (offset + 4 > l->length)
		return -1;
	for (size_t i = offset; i < offset + 4; i++) {
		char c = l->text[i];

		if (is_digit(c))
			value = value * 16 + (c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			value = value * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static int escape_unicode(struct lexer *l)
{
	int code = hex4(l, l->at + 2);
	bool low_follows = l->at + 8 <= l->length && memcmp(l->text + l->at + 6, "\\u", 2) == 0;
	int low = low_follows ? hex4(l, l->at + 8) : -1;

	if (code < 0)
		return lex_fail(l, l->at, 2, "\\u needs four hexadecimal digits");
	if (code == 0)
		return lex_fail(l, l->at, 6, "\\u0000 is not allowed in a string");
	if (code >= 0xd800 && code <= 0xdbff && low >= 0xdc00 && low <= 0xdfff)
		l->at += 12;
	else if (code >= 0xd800 && code <= 0xdfff)
		return lex_fail(l, l->at, 6, "half of a surrogate pair");
	else
		l->at += 6;
	return 0;
}

static int escape(struct lexer *l)
{
	if (l->at + 1 == l->length) {
		l->at++; /* and so the string is not closed */
		return 0;
	}
	if (l->text[l->at + 1] == 'u')
		return escape_unicode(l);
	if (l->text[l->at + 1] == '\0' || !strchr("\"\\/bfnrt", l->text[l->at + 1]))
		return lex_fail(l, l->at, 2, "unknown escape; a backslash itself is written \\\\");
	l->at += 2;
	return 0;
}

int lex_string(struct lexer *l)
{
	size_t start = l->at++;

	while (l->at < l->length && lex_peek(l) != '\n' && lex_peek(l) != '\r') {
		int r = 0;

		if (lex_peek(l) == '"') {
			l->at++;
			return 0;
		}
		if (lex_peek(l) == '\\')
			r = escape(l);
		else if (lex_peek(l) == '\t')
			r = lex_fail(l, l->at, 1, "a tab inside a string is written \\t");
		else
			l->at++;
		if (r < 0)
			return r;
	}
	return lex_fail(l, start, l->at - start, "the string is not closed on its line");
}

static size_t digits(const char *text, size_t at, size_t end)
{
	while (at < end && is_digit(text[at]))
		at++;
	return at;
}

static bool number_is_valid(const char *text, size_t at, size_t end)
{
	size_t next;

	at += text[at] == '-';
	next = at < end && text[at] == '0' ? at + 1 : digits(text, at, end);
	if (next == at)
		return false;
	at = next;
	if (at < end && text[at] == '.') {
		next = digits(text, at + 1, end);
		if (next == at + 1)
			return false;
		at = next;
	}
	if (at < end && (text[at] == 'e' || text[at] == 'E')) {
		at++;
		at += at < end && (text[at] == '-' || text[at] == '+');
		next = digits(text, at, end);
		if (next == at)
			return false;
		at = next;
	}
	return at == end;
}

static int number(struct lexer *l)
{
	size_t start = l->at, end = start;
	char copy[NUMBER_BYTES_MAX + 1] = "";

	while (end < l->length &&
		(is_word(l->text[end]) || (l->text[end] && strchr("+-.", l->text[end]))))
		end++;
	if (!number_is_valid(l->text, start, end))
		return lex_fail(l, start, end - start,
			"not a number as JSON writes them: 20000, -1, 0.5 or 1e3");
	if (end - start > NUMBER_BYTES_MAX)
		return lex_fail(l, start, end - start, "the number has more than 63 characters");
	memcpy(copy, l->text + start, end - start);
	errno = 0;
	(void)strtod(copy, NULL);
	if (errno == ERANGE)
		return lex_fail(l, start, end - start, "the number is out of range");
	l->at = end;
	return 0;
}

static int literal(struct lexer *l)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i]);

		if (l->at + length <= l->length && memcmp(l->text + l->at, words[i], length) == 0 &&
			(l->at + length == l->length || !is_word(l->text[l->at + length]))) {
			l->at += length;
			return 0;
		}
	}
	return lex_unexpected(l, "expected a value; text is written in double quotes");
}

int lex_scalar(struct lexer *l)
{
	char c = lex_peek(l);

	if (c == '"')
		return lex_string(l);
	return is_digit(c) || c == '+' || c == '-' || c == '.' ? number(l) : literal(l);
}

int lex_bytes(const char *text, size_t length, struct lex_error *ret_error)
{
	uint32_t code;

	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		*ret_error = (struct lex_error){ 0, 3,
			"it begins with a byte order mark; save it without one" };
		return -EINVAL;
	}
	for (size_t at = 0, bytes; at < length; at += bytes) {
		const char *message = NULL;

		bytes = utf8_decode(text + at, length - at, &code);
		if (bytes == 0)
			message = "not valid UTF-8";
		else if (code == 0)
			message = "a NUL byte";
		else if (code < 0x20 && !is_space(text[at]))
			message = "a control character";
		if (message) {
			*ret_error = (struct lex_error){ at, 1, message };
			return -EINVAL;
		}
	}
	return 0;
}
