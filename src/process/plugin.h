/* Plug-ins: shared objects with a handler. Each file is first opened by dgram-child, and by this process
 * only before it serves. Thread: main. */
#ifndef PROCESS_PLUGIN_H
#define PROCESS_PLUGIN_H

#include <dgram.h>
#include <stdbool.h>

#define PLUGIN_ERROR_MAX 512

struct plugin;

struct plugins {
	const char *
		base; /* names of files are relative to the folder of this file; NULL: the working one */
	bool loads; /* open what is found; else it is only described, unless it was opened before */
	struct plugin *first;
};

/* The handler of a file, which stays until plugins_free(); of one that is not opened, what it says of
 * itself. As long as a file does not change it is the same, and after that another one. NULL: *ret_error
 * says why, in a line. */
const struct dgram_handler *plugins_find(
	struct plugins *plugins, const char *name, char ret_error[PLUGIN_ERROR_MAX]);

/* What was opened stays open, because its threads, and what it has registered for the exit, may run. */
void plugins_free(struct plugins *plugins);

#endif
