/* Writes JSON, indented. Errors are the file's: see ferror(3). Thread: owner. */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stdbool.h>
#include <stdio.h>

/* Initially zeroed but for the file. */
struct json {
	FILE *file;
	unsigned depth;
	bool follows; /* the next item of this object or list is not its first */
};

/* `key` is NULL in a list and for the document itself. A text that is NULL, and a number that is not finite,
 * are left out. */
void json_open(struct json *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);
void json_text(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);
void json_texts(
	struct json *json, const char *key, const char *const *texts); /* NULL after the last */

#endif
