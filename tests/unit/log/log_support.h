/* Lines of the log, read back: a decoder of both formats, written from what log.h says of them. */
#ifndef LOG_SUPPORT_H
#define LOG_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/log.h"

/* Undo \\, \" and \xNN; false when there is anything else behind a backslash. */
static inline bool unescape(const char *from, size_t length, char *to, size_t *ret_length)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		char digits[3] = { 0 };
		char *end;

		if (from[i] != '\\') {
			to[used++] = from[i];
			continue;
		}
		if (++i == length)
			return false;
		if (from[i] == '\\' || from[i] == '"') {
			to[used++] = from[i];
			continue;
		}
		if (from[i] != 'x' || i + 2 >= length)
			return false;
		memcpy(digits, from + i + 1, 2);
		to[used++] = (char)strtoul(digits, &end, 16);
		if (end != digits + 2)
			return false;
		i += 2;
	}
	*ret_length = used;
	return true;
}

/* Printable ASCII, and one newline at its end. */
static inline bool is_one_line(const char *text, size_t length)
{
	for (size_t i = 0; i + 1 < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return length > 0 && text[length - 1] == '\n';
}

/* The end of a value: the blank, or the end of the line, behind it. */
static inline const char *end_of_value(const char *value, const char *end)
{
	bool quoted = *value == '"';

	if (!quoted) {
		const char *blank = memchr(value, ' ', (size_t)(end - value));

		return blank != NULL ? blank : end;
	}
	for (const char *c = value + 1; c < end; c++) {
		if (*c == '\\')
			c++;
		else if (*c == '"')
			return c + 1;
	}
	return NULL;
}

/* The end of a word: a blank, "=", or the end of the line. Not strcspn(3): AddressSanitizer with
 * strict_string_checks makes it read all lines that follow. */
static inline const char *end_of_word(const char *word, const char *end)
{
	while (word < end && *word != ' ' && *word != '=')
		word++;
	return word;
}

/* The bytes of a field of a line (without its newline) of logfmt; false when it is not there. */
static inline bool find_field(
	const char *line, size_t length, const char *key, char *to, size_t *ret_length)
{
	const char *end = line + length;

	for (const char *word = line; word < end;) {
		const char *word_end = end_of_word(word, end);
		size_t word_length = (size_t)(word_end - word);
		const char *value = word_end + 1;
		const char *after;

		if (word_end == end || *word_end != '=') {
			word = value; /* time, level, source, a word of the event */
			continue;
		}
		after = end_of_value(value, end);
		if (after == NULL)
			return false;
		if (word_length == strlen(key) && memcmp(word, key, word_length) == 0) {
			bool quoted = *value == '"';

			return unescape(value + quoted, (size_t)(after - value) - (quoted ? 2 : 0),
				to, ret_length);
		}
		word = after + 1;
	}
	return false;
}

static inline bool find_number(const char *line, size_t length, const char *key, uint64_t *ret)
{
	char text[1024];
	size_t used;

	if (!find_field(line, length, key, text, &used))
		return false;
	text[used] = '\0';
	*ret = strtoull(text, NULL, 10);
	return true;
}

#define PRODUCERS_MAX 8

/* What a text of numbered lines holds. */
struct seen {
	uint64_t lines;		      /* numbered ones */
	uint64_t reported;	      /* sum of lost=N */
	uint64_t reports;	      /* lines with lost=N */
	uint64_t bad;		      /* lines that are none, or not in order */
	uint64_t unfinished;	      /* without a newline, at the end */
	uint64_t next[PRODUCERS_MAX]; /* number of the producer's next line, at least */
};

static inline bool see_numbered(struct seen *seen, const char *line, size_t length)
{
	uint64_t producer, number;

	if (!find_number(line, length, "producer", &producer) || producer >= PRODUCERS_MAX ||
		!find_number(line, length, "number", &number) || number < seen->next[producer])
		return false;
	seen->lines++;
	seen->next[producer] = number + 1;
	return true;
}

static inline void see_line(struct seen *seen, const char *line, size_t length)
{
	uint64_t lost;

	if (is_one_line(line, length + 1) && find_number(line, length, "lost", &lost)) {
		seen->reported += lost;
		seen->reports++;
	} else if (!is_one_line(line, length + 1) || !see_numbered(seen, line, length)) {
		seen->bad++;
	}
}

static inline void see_text(struct seen *seen, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		if (newline == NULL) {
			seen->unfinished++;
			return;
		}
		see_line(seen, text, (size_t)(newline - text));
		text = newline + 1;
	}
}

/* What a descriptor gives until its end. The caller frees it. */
static inline char *read_all(int fd, size_t *ret_length)
{
	size_t length = 0, size = 1 << 16;
	char *text = malloc(size);
	ssize_t got;

	while (text != NULL && (got = read(fd, text + length, size - length - 1)) > 0) {
		length += (size_t)got;
		if (length + 1 == size) {
			size *= 2;
			text = realloc(text, size);
		}
	}
	if (text != NULL)
		text[length] = '\0';
	*ret_length = length;
	return text;
}

static inline void log_numbered(struct log_ring *ring, uint64_t producer, uint64_t number)
{
	log_user_event(ring, LOG_LEVEL_INFO, "numbered line",
		LOG_FIELDS(log_uint("producer", producer), log_uint("number", number)));
}

#endif
