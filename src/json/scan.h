/* A strict scanner for RFC 8259 with comments, to run before cJSON.
 *
 * cJSON keeps no positions and accepts much that is not JSON: 007, 1., control and NUL bytes
 * between tokens, invalid UTF-8, \u0000 (which cuts the string), 1e400, text after the end. This
 * pass refuses all of that, blanks comments in place, and records where each value stands, in
 * document order: the order of cJSON's tree. What it accepts, cJSON accepts with the same
 * number of values. Thread: any. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#define SCAN_BYTES_MAX 1048576u
#define SCAN_DEPTH_MAX 32u
#define SCAN_NUMBER_MAX \
	63u /* cJSON copies a number into 64 bytes, and takes the rest for garbage */
#define SCAN_ERRORS_MAX 16u

struct scan_error {
	size_t offset, length; /* length 0: something is missing there */
	const char *message;   /* constant */
};

/* Each comma that nothing follows, and the first other error, in any order. */
struct scan_errors {
	struct scan_error list[SCAN_ERRORS_MAX];
	unsigned count;
};

/* A value: offsets and lengths in bytes, strings with their quotes. */
struct scan_node {
	uint32_t offset, length;
	uint32_t key_offset, key_length; /* of a member of an object; else 0 */
	uint32_t end;			 /* index of the first node that is not inside this one */
};

struct scan {
	struct scan_node *nodes; /* the first one is the whole document */
	uint32_t count;
};

/* Blank the comments of `text`, then check it and note its values. -EINVAL: there are errors. If they
 * are nothing but commas too many, those are blanked as well, and the values are noted; otherwise
 * ret_scan->count is 0. -ENOMEM. */
int scan_text(char *text, size_t length, struct scan *ret_scan, struct scan_errors *ret_errors);

/* Check only the bytes: UTF-8 without byte order mark, no control characters but tab and line
 * ends. -EINVAL: *ret_error. */
int scan_bytes(const char *text, size_t length, struct scan_error *ret_error);

/* A zeroed scan is fine. */
void scan_free(struct scan *scan);

#endif
