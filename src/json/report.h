/* What is wrong with a configuration: messages in the compiler's form, each with its place.
 *
 *	server.json:3:30: error: port: must be a whole number from 0 to 65535
 *	    3 |   "host": "0.0.0.0", "port": 70000,
 *	      |                              ^~~~~
 *
 * Lines and columns count from 1, a column is a character. Thread: owner. */
#ifndef JSON_REPORT_H
#define JSON_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A text that messages point into. */
struct report_source {
	const char *name;
	const char *text; /* NULL: it could not be read */
	size_t length;
};

/* A part of source number `source`; a length of 0 is the point before `offset`. */
struct report_place {
	size_t source;
	size_t offset, length;
};

struct report_message;

struct report {
	struct report_message *messages;
	size_t count, capacity;
	bool out_of_memory;
};

void report_init(struct report *report);
void report_free(struct report *report);

/* Add an error, in any order. If memory runs out, the report notes that. */
void report_add(struct report *report, struct report_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Put the messages into the order of their places and make their final text. The sources are not
 * needed any more after that. Call it once. -ENOMEM, also if report_add() ran out of memory. */
int report_finish(struct report *report, const struct report_source *sources);

/* Of a finished report: the message, one line without its end; and the two lines that show the
 * place, each with its end, or "". Both are safe to show on a terminal. */
const char *report_line(const struct report *report, size_t index);
const char *report_excerpt(const struct report *report, size_t index);

/* Print all messages with their excerpts. -errno of the file. */
int report_print(const struct report *report, FILE *file);

#endif
