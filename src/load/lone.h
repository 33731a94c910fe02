/* The lone client: one request, and its answer is printed. */
#ifndef LOAD_LONE_H
#define LOAD_LONE_H

#include <stdio.h>

#include "load/run.h"

/* Send it, wait for the answer, and print that to `file` unless it is NULL. -EIO: there was none, or
 * another -errno: one line on stderr says what, and with -EIO there is a result. */
int load_lone(const struct load_options *options, const struct load_payload *payload,
	struct load_result *ret_result, FILE *file);

/* Write an answer so that a terminal can take it: printable ASCII as it is, all else in
 * hexadecimal. */
void load_lone_print(const uint8_t *bytes, size_t length, FILE *file);

#endif
