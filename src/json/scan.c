#include "json/scan.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct scanner {
	struct lexer lexer;
	unsigned depth;
	struct scan scan;
	uint32_t capacity;
};

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
	s->scan.nodes[s->scan.count] = (struct scan_node){ .offset = (uint32_t)s->lexer.at };
	*ret_index = s->scan.count++;
	return 0;
}

static int value(struct scanner *s, uint32_t *ret_index);

/* A key, the colon, and the value. */
static int member(struct scanner *s)
{
	size_t key = s->lexer.at, key_end;
	uint32_t index = 0;
	int r;

	if (lex_peek(&s->lexer) != '"')
		return lex_unexpected(&s->lexer,
			lex_peek(&s->lexer) == '}' ? "expected a key; remove the comma before '}'"
						   : "expected a key in double quotes");
	r = lex_string(&s->lexer);
	key_end = s->lexer.at;
	if (r == 0)
		r = lex_space(&s->lexer);
	if (r == 0 && lex_peek(&s->lexer) != ':')
		r = lex_unexpected(&s->lexer, "expected ':' after the key");
	if (r < 0)
		return r;
	s->lexer.at++;
	r = lex_space(&s->lexer);
	if (r == 0)
		r = value(s, &index);
	if (r < 0)
		return r;
	s->scan.nodes[index].key_offset = (uint32_t)key;
	s->scan.nodes[index].key_length = (uint32_t)(key_end - key);
	return 0;
}

static int element(struct scanner *s)
{
	uint32_t index;

	if (lex_peek(&s->lexer) == ']')
		return lex_unexpected(&s->lexer, "expected a value; remove the comma before ']'");
	return value(s, &index);
}

static int container(struct scanner *s, char close)
{
	int r;

	if (s->depth == SCAN_DEPTH_MAX)
		return lex_fail(&s->lexer, s->lexer.at, 1, "nested more than 32 deep");
	s->depth++;
	s->lexer.at++;
	r = lex_space(&s->lexer);
	for (bool more = r == 0 && lex_peek(&s->lexer) != close; more && r == 0;) {
		r = close == '}' ? member(s) : element(s);
		if (r == 0)
			r = lex_space(&s->lexer);
		more = r == 0 && lex_peek(&s->lexer) == ',';
		if (more) {
			s->lexer.at++;
			r = lex_space(&s->lexer);
		}
	}
	if (r == 0 && lex_peek(&s->lexer) != close)
		r = lex_unexpected(
			&s->lexer, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
	if (r < 0)
		return r;
	s->lexer.at++;
	s->depth--;
	return 0;
}

static int value(struct scanner *s, uint32_t *ret_index)
{
	uint32_t index;
	int r = node_new(s, &index);

	if (r < 0)
		return r;
	if (lex_peek(&s->lexer) == '{' || lex_peek(&s->lexer) == '[')
		r = container(s, lex_peek(&s->lexer) == '{' ? '}' : ']');
	else
		r = lex_scalar(&s->lexer);
	if (r < 0)
		return r;
	s->scan.nodes[index].length = (uint32_t)s->lexer.at - s->scan.nodes[index].offset;
	s->scan.nodes[index].end = s->scan.count;
	*ret_index = index;
	return 0;
}

static int document(struct scanner *s)
{
	uint32_t index;
	int r = lex_space(&s->lexer);

	if (r == 0 && s->lexer.at == s->lexer.length)
		return lex_fail(&s->lexer, 0, 0, "it is empty; the shortest valid file is {}");
	if (r == 0)
		r = value(s, &index);
	if (r == 0)
		r = lex_space(&s->lexer);
	if (r == 0 && s->lexer.at < s->lexer.length)
		r = lex_unexpected(&s->lexer, "text after the end of the document");
	return r;
}

int scan_text(char *text, size_t length, struct scan *ret_scan, struct lex_error *ret_error)
{
	struct scanner s = { .lexer = { .text = text, .length = length } };
	struct lex_error bytes = { .offset = 0 };
	int r, r_bytes;

	if (length > SCAN_BYTES_MAX) {
		*ret_error = (struct lex_error){ SCAN_BYTES_MAX, 1, "longer than 1 MiB" };
		return -EINVAL;
	}
	/* A bad byte is an error wherever it stands, and says more than the grammar would. */
	r_bytes = lex_bytes(text, length, &bytes);
	r = document(&s);
	if (r_bytes < 0 && (r == 0 || (r == -EINVAL && bytes.offset <= s.lexer.error.offset))) {
		s.lexer.error = bytes;
		r = r_bytes;
	}
	if (r < 0) {
		scan_free(&s.scan);
		if (r == -EINVAL)
			*ret_error = s.lexer.error;
		return r;
	}
	assert(s.depth == 0 && s.scan.count > 0);
	*ret_scan = s.scan;
	return 0;
}

void scan_free(struct scan *scan)
{
	free(scan->nodes);
	*scan = (struct scan){ .nodes = NULL };
}
