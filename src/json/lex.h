/* The words of JSON: strings, numbers, literals, space and comments. Thread: any. */
#ifndef JSON_LEX_H
#define JSON_LEX_H

#include <stddef.h>

struct lex_error {
	size_t offset, length; /* length 0: something is missing there */
	const char *message;   /* constant */
};

struct lexer {
	char *text;
	size_t length;
	size_t at;
	struct lex_error error;
};

/* The current character, or NUL at the end. */
char lex_peek(const struct lexer *l);

/* Step over what begins here. -EINVAL: it is not one, and `error` says why. */
int lex_space(struct lexer *l); /* space and comments; comments are blanked */
int lex_string(struct lexer *l);
int lex_scalar(struct lexer *l); /* a string, number, true, false or null */

/* Note an error and return -EINVAL; the second one is about the word that stands here. */
int lex_fail(struct lexer *l, size_t offset, size_t length, const char *message);
int lex_unexpected(struct lexer *l, const char *message);

/* Only the bytes: UTF-8 without byte order mark, no control characters but tab and line ends. */
int lex_bytes(const char *text, size_t length, struct lex_error *ret_error);

#endif
