/* What dgram-child says of a plug-in that it has opened: fields "key value", each ended by a NUL.
 * Thread: any. */
#ifndef PROCESS_DESCRIPTION_H
#define PROCESS_DESCRIPTION_H

#include <dgram.h>
#include <stddef.h>
#include <stdio.h>

#define DESCRIPTION_BYTES_MAX 262144u

/* A handler whose table of options is sound. -errno of the file. */
int description_write(const struct dgram_handler *handler, FILE *file);

/* Why there is none, in a line. -errno of the file. */
int description_write_fault(const char *fault, FILE *file);

/* A handler with the name and the options, to check a configuration with; its functions only return
 * -ENOEXEC. */
struct description;

/* Takes `text`, which is malloc()'s and has a NUL behind its `length` bytes, unless it fails. -EPROTO: it is
 * no description; -ENOEXEC: a fault, which *ret_fault points to in `text`; -ENOMEM. */
int description_read(
	char *text, size_t length, const char **ret_fault, struct description **ret_description);

const struct dgram_handler *description_handler(const struct description *description);

/* NULL is fine. */
void description_free(struct description *description);

#endif
