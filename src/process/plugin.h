/* Plug-ins: shared objects with a handler. Each file is first opened by dgram-child, and by this process
 * only before it serves. Thread: main. */
#ifndef PROCESS_PLUGIN_H
#define PROCESS_PLUGIN_H

#include <dgram.h>
#include <stdbool.h>

#include "process/probe.h"

#define PLUGIN_ERROR_MAX 512

struct plugin;

struct plugins {
	const char *
		base; /* names of files are relative to the folder of this file; NULL: the working one */
	bool loads; /* plugins_open() opens; else a plug-in is only described, unless it was opened before */
	struct probe_meanwhile meanwhile; /* of each that is described */
	struct plugin *first;
};

/* What a file says of its handler, which stays until plugins_free(). As long as a file does not change it is the same,
 * and after that another one. NULL: *ret_error says why, in a line. */
const struct dgram_handler *plugins_find(
	struct plugins *plugins, const char *name, char ret_error[PLUGIN_ERROR_MAX]);

/* The file of such a handler, or NULL: it is another's. */
const char *plugins_path(const struct plugins *plugins, const struct dgram_handler *described);

/* The handler itself. NULL: *ret_error says why, in a line. */
const struct dgram_handler *plugins_open(struct plugins *plugins,
	const struct dgram_handler *described, char ret_error[PLUGIN_ERROR_MAX]);

/* What was opened stays open, because its threads, and what it has registered for the exit, may run. */
void plugins_free(struct plugins *plugins);

#endif
