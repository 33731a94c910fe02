#include "json/scan.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "json/utf8.h"

struct scanner {
	char *text;
	size_t length;
	size_t at;
	unsigned depth;
	struct scan scan;
	uint32_t capacity;	   /* of its nodes */
	struct scan_errors errors; /* the last one ends the scan if it returns -EINVAL */
};

static int fail_at(struct scanner *s, size_t offset, size_t length, const char *message)
{
	s->errors.list[s->errors.count++] = (struct scan_error){ offset, length, message };
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

/* The current character, or NUL at the end: a NUL in the text is an error anyway. */
static char current_char(const struct scanner *s)
{
	return s->at < s->length ? s->text[s->at] : '\0';
}

/* An error about the whole word that stands here. At the end of the text, where something is
 * missing, it points behind the last token. */
static int fail_here(struct scanner *s, const char *message)
{
	size_t end = s->at;

	if (s->at == s->length) {
		while (end > 0 && is_space(s->text[end - 1]))
			end--;
		return fail_at(s, end, 0, message);
	}
	if (current_char(s) == '#')
		message = "comments begin with // or /*";
	else if (current_char(s) == '\'')
		message = "strings are written in double quotes";
	while (end < s->length && is_word(s->text[end]))
		end++;
	return fail_at(s, s->at, end > s->at ? end - s->at : 1, message);
}

static int skip_comment(struct scanner *s)
{
	size_t start = s->at, end = start + 2;
	bool line = start + 1 < s->length && s->text[start + 1] == '/';

	if (!line && (start + 1 >= s->length || s->text[start + 1] != '*'))
		return fail_here(s, "comments begin with // or /*");
	while (end < s->length && !(line && s->text[end] == '\n') &&
		!(!line && s->text[end] == '*' && end + 1 < s->length && s->text[end + 1] == '/'))
		end++;
	if (!line && end >= s->length)
		return fail_at(s, start, 2, "the comment is not closed with */");
	s->at = line ? end : end + 2;
	for (size_t i = start; i < s->at; i++) {
		if (!is_space(s->text[i]))
			s->text[i] = ' ';
	}
	return 0;
}

/* Space and comments. */
static int skip_space(struct scanner *s)
{
	int r = 0;

	while (r == 0 && (is_space(current_char(s)) || current_char(s) == '/')) {
		if (current_char(s) == '/')
			r = skip_comment(s);
		else
			s->at++;
	}
	return r;
}

/* Four hexadecimal digits at `offset`, or -1. */
static int hex4(const struct scanner *s, size_t offset)
{
	int value = 0;

	if (offset + 4 > s->length)
		return -1;
	for (size_t i = offset; i < offset + 4; i++) {
		char c = s->text[i];

		if (is_digit(c))
			value = value * 16 + (c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			value = value * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static int parse_unicode_escape(struct scanner *s)
{
	int code = hex4(s, s->at + 2);
	bool low_follows = s->at + 8 <= s->length && memcmp(s->text + s->at + 6, "\\u", 2) == 0;
	int low = low_follows ? hex4(s, s->at + 8) : -1;

	if (code < 0)
		return fail_at(s, s->at, 2, "\\u needs four hexadecimal digits");
	if (code == 0)
		return fail_at(s, s->at, 6, "\\u0000 is not allowed in a string");
	if (code >= 0xd800 && code <= 0xdbff && low >= 0xdc00 && low <= 0xdfff)
		s->at += 12;
	else if (code >= 0xd800 && code <= 0xdfff)
		return fail_at(s, s->at, 6, "half of a surrogate pair");
	else
		s->at += 6;
	return 0;
}

static int parse_escape(struct scanner *s)
{
	if (s->at + 1 == s->length) {
		s->at++; /* the string is not closed */
		return 0;
	}
	if (s->text[s->at + 1] == 'u')
		return parse_unicode_escape(s);
	if (s->text[s->at + 1] == '\0' || !strchr("\"\\/bfnrt", s->text[s->at + 1]))
		return fail_at(s, s->at, 2, "unknown escape; a backslash itself is written \\\\");
	s->at += 2;
	return 0;
}

static int parse_string(struct scanner *s)
{
	size_t start = s->at++;

	while (s->at < s->length && current_char(s) != '\n' && current_char(s) != '\r') {
		int r = 0;

		if (current_char(s) == '"') {
			s->at++;
			return 0;
		}
		if (current_char(s) == '\\')
			r = parse_escape(s);
		else if (current_char(s) == '\t')
			r = fail_at(s, s->at, 1, "a tab inside a string is written \\t");
		else
			s->at++;
		if (r < 0)
			return r;
	}
	return fail_at(s, start, s->at - start, "the string is not closed on its line");
}

static bool skip_digits(struct scanner *s)
{
	size_t start = s->at;

	while (is_digit(current_char(s)))
		s->at++;
	return s->at > start;
}

/* False: what stands here does not begin with a number. */
static bool skip_number(struct scanner *s)
{
	s->at += current_char(s) == '-';
	if (current_char(s) == '0')
		s->at++;
	else if (!skip_digits(s))
		return false;
	if (current_char(s) == '.') {
		s->at++;
		if (!skip_digits(s))
			return false;
	}
	if (current_char(s) == 'e' || current_char(s) == 'E') {
		s->at++;
		s->at += current_char(s) == '-' || current_char(s) == '+';
		return skip_digits(s);
	}
	return true;
}

static int parse_number_literal(struct scanner *s)
{
	size_t start = s->at, end = start;
	char copy[SCAN_NUMBER_MAX + 1] = "";

	while (end < s->length &&
		(is_word(s->text[end]) || (s->text[end] && strchr("+-.", s->text[end]))))
		end++;
	if (!skip_number(s) || s->at < end)
		return fail_at(s, start, end - start,
			"not a number as JSON writes them: 20000, -1, 0.5 or 1e3");
	if (end - start > SCAN_NUMBER_MAX)
		return fail_at(s, start, end - start, "the number has more than 63 characters");
	memcpy(copy, s->text + start, end - start);
	errno = 0;
	(void)strtod(copy, NULL);
	if (errno == ERANGE)
		return fail_at(s, start, end - start, "the number is out of range");
	return 0;
}

static int parse_literal_name(struct scanner *s)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i]);

		if (s->at + length <= s->length && memcmp(s->text + s->at, words[i], length) == 0 &&
			(s->at + length == s->length || !is_word(s->text[s->at + length]))) {
			s->at += length;
			return 0;
		}
	}
	return fail_here(s, "expected a value; text is written in double quotes");
}

static int node_new(struct scanner *s, uint32_t *ret_index)
{
	if (s->scan.count == s->capacity) {
		uint32_t capacity = s->capacity > 0 ? s->capacity * 2 : 64;
		struct scan_node *nodes =
			realloc(s->scan.nodes, capacity * sizeof(struct scan_node));

		if (!nodes)
			return -ENOMEM;
		s->scan.nodes = nodes;
		s->capacity = capacity;
	}
	s->scan.nodes[s->scan.count] = (struct scan_node){ .offset = (uint32_t)s->at };
	*ret_index = s->scan.count++;
	return 0;
}

static int parse_value(struct scanner *s, uint32_t *ret_index);

/* A key, the colon, and the value. */
static int parse_member(struct scanner *s)
{
	size_t key = s->at, key_end;
	uint32_t index = 0;
	int r;

	if (current_char(s) != '"')
		return fail_here(s, "expected a key in double quotes");
	r = parse_string(s);
	key_end = s->at;
	if (r == 0)
		r = skip_space(s);
	if (r == 0 && current_char(s) != ':')
		r = fail_here(s, "expected ':' after the key");
	if (r < 0)
		return r;
	s->at++;
	r = skip_space(s);
	if (r == 0)
		r = parse_value(s, &index);
	if (r < 0)
		return r;
	s->scan.nodes[index].key_offset = (uint32_t)key;
	s->scan.nodes[index].key_length = (uint32_t)(key_end - key);
	return 0;
}

/* Behind a comma. *ret_more: there is another member or element, as there should be. Without, the
 * comma is noted and blanked, and the scan goes on. */
static int skip_comma(struct scanner *s, char close, bool *ret_more)
{
	size_t comma = s->at++;
	int r = skip_space(s);

	*ret_more = current_char(s) != close;
	if (r < 0 || *ret_more)
		return r;
	r = fail_at(s, comma, 1, "nothing follows this comma; remove it");
	if (s->errors.count == SCAN_ERRORS_MAX)
		return r;
	s->text[comma] = ' ';
	return 0;
}

static int parse_container(struct scanner *s, char close)
{
	uint32_t index;
	int r;

	if (s->depth == SCAN_DEPTH_MAX)
		return fail_at(s, s->at, 1, "nested more than 32 deep");
	s->depth++;
	s->at++;
	r = skip_space(s);
	for (bool more = r == 0 && current_char(s) != close; more && r == 0;) {
		r = close == '}' ? parse_member(s) : parse_value(s, &index);
		if (r == 0)
			r = skip_space(s);
		more = r == 0 && current_char(s) == ',';
		if (more)
			r = skip_comma(s, close, &more);
	}
	if (r == 0 && current_char(s) != close)
		r = fail_here(s, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
	if (r < 0)
		return r;
	s->at++;
	s->depth--;
	return 0;
}

static int parse_value(struct scanner *s, uint32_t *ret_index)
{
	char c = current_char(s);
	uint32_t index;
	int r = node_new(s, &index);

	if (r < 0)
		return r;
	if (c == '{' || c == '[')
		r = parse_container(s, c == '{' ? '}' : ']');
	else if (c == '"')
		r = parse_string(s);
	else
		r = is_digit(c) || c == '+' || c == '-' || c == '.' ? parse_number_literal(s)
								    : parse_literal_name(s);
	if (r < 0)
		return r;
	s->scan.nodes[index].length = (uint32_t)s->at - s->scan.nodes[index].offset;
	s->scan.nodes[index].end = s->scan.count;
	*ret_index = index;
	return 0;
}

static int parse_document(struct scanner *s)
{
	uint32_t index;
	int r = skip_space(s);

	if (r == 0 && s->at == s->length)
		return fail_at(s, 0, 0, "it is empty; the shortest valid file is {}");
	if (r == 0)
		r = parse_value(s, &index);
	if (r == 0)
		r = skip_space(s);
	if (r == 0 && s->at < s->length)
		r = fail_here(s, "text after the end of the document");
	return r;
}

int scan_bytes(const char *text, size_t length, struct scan_error *ret_error)
{
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		*ret_error = (struct scan_error){ 0, 3,
			"it begins with a byte order mark; save it without one" };
		return -EINVAL;
	}
	for (size_t at = 0, bytes; at < length; at += bytes) {
		const char *message = NULL;
		uint32_t code;

		bytes = utf8_decode(text + at, length - at, &code);
		if (bytes == 0)
			message = "not valid UTF-8";
		else if (code == 0)
			message = "a NUL byte";
		else if (code < 0x20 && !is_space(text[at]))
			message = "a control character";
		if (message) {
			*ret_error = (struct scan_error){ at, 1, message };
			return -EINVAL;
		}
	}
	return 0;
}

/* The grammar, and the bytes: a bad byte is reported instead of what it breaks in the grammar. */
static int parse_text(struct scanner *s)
{
	struct scan_error bytes = { .offset = 0 };
	int r_bytes = scan_bytes(s->text, s->length, &bytes);
	int r = parse_document(s);

	if (r == -ENOMEM || r_bytes == 0)
		return r;
	if (r == -EINVAL) {
		if (bytes.offset > s->errors.list[s->errors.count - 1].offset)
			return r;
		s->errors.count--;
	}
	return fail_at(s, bytes.offset, bytes.length, bytes.message);
}

int scan_text(char *text, size_t length, struct scan *ret_scan, struct scan_errors *ret_errors)
{
	struct scanner s = { .length = length };
	int r;

	s.text = text;
	if (length > SCAN_BYTES_MAX)
		r = fail_at(&s, SCAN_BYTES_MAX, 1, "longer than 1 MiB");
	else
		r = parse_text(&s);
	assert(r < 0 || (s.depth == 0 && s.scan.count > 0));
	if (r < 0)
		scan_free(&s.scan);
	*ret_scan = s.scan;
	*ret_errors = s.errors;
	return r == 0 && s.errors.count > 0 ? -EINVAL : r;
}

void scan_free(struct scan *scan)
{
	free(scan->nodes);
	*scan = (struct scan){ .nodes = NULL };
}
