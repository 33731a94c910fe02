/* What dgram-child says of a plug-in that it has opened, as JSON. Thread: one at a time in the process. */
#ifndef PROCESS_DESCRIPTION_H
#define PROCESS_DESCRIPTION_H

#include <dgram.h>
#include <stdio.h>

/* A handler whose table of options is sound. Errors are the file's: see ferror(3). */
void description_write(const struct dgram_handler *handler, FILE *file);

/* A handler with the name and the options, to check a configuration with; its functions only return
 * -ENOEXEC. NULL: it is no description of a sound handler, or there is no memory. */
struct dgram_handler *description_read(const char *text);

/* Of what was read; NULL is fine. */
void description_free(struct dgram_handler *handler);

#endif
