/* What stands in this process for a handler that runs in children: it has the same name and options, and has
 * dgram-child run the handler with them. Thread: main. */
#ifndef PROCESS_STAND_IN_H
#define PROCESS_STAND_IN_H

#include <dgram.h>

struct stand_in {
	struct dgram_handler
		handler; /* first: a pointer to it is one to the whole. It is its service's context */
	struct stand_in *next;
	const struct dgram_handler *of;
	const char *sandbox; /* a word of the params table */
	char plugin[];	     /* the file; "": `of` is built in */
};

/* The one in the list for this handler in this sandbox, which stays until stand_in_free(). `sandbox` is borrowed. NULL:
 * there is no memory. */
const struct dgram_handler *stand_in_find(struct stand_in **list, const struct dgram_handler *of,
	const char *plugin, const char *sandbox);

void stand_in_free(struct stand_in *list);

#endif
