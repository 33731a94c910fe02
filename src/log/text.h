/* Text written into a given room: numbers, times, and bytes escaped to printable ASCII. The caller
 * makes sure of the room, except for what is escaped, which is cut. Thread: any. */
#ifndef LOG_TEXT_H
#define LOG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *at; /* where the next byte goes */
	const char *end;
};

enum text_escape {
	TEXT_BARE,   /* not in quotes: "=" is escaped too */
	TEXT_QUOTED, /* between quotes in logfmt */
	TEXT_JSON,   /* the same text, between quotes in JSON */
};

size_t text_room(const struct text *text);
void text_put(struct text *text, const char *string);
void text_put_uint(struct text *text, uint64_t number);
void text_put_int(struct text *text, int64_t number);

/* "2026-11-22T22:27:18.004112Z" of nanoseconds since 1970. */
void text_put_time(struct text *text, int64_t realtime_ns);

/* Escape `length` bytes into at most `limit`, or what room there is; what is longer is cut between
 * two bytes' escapes and ends in "...". */
void text_put_escaped(
	struct text *text, enum text_escape escape, const void *bytes, size_t length, size_t limit);

/* Would a logfmt value of these bytes read wrong without quotes? */
bool text_needs_quotes(const void *bytes, size_t length);

#endif
