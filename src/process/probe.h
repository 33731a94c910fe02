/* Have dgram-child open a plug-in, so that whatever this does to a process costs that one. Thread:
 * main. */
#ifndef PROCESS_PROBE_H
#define PROCESS_PROBE_H

#include "process/description.h"

/* How long it may say nothing. */
#define PROBE_TIMEOUT_MS 10000

/* The exit status of dgram-child that says why a plug-in is none, instead of what it is. */
#define PROBE_EXPLAINED 2

/* Room for why it cannot be opened, in a line, with its NUL. */
#define PROBE_ERROR_MAX 384

/* What is called again and again while it says nothing; NULL: nothing. */
struct probe_meanwhile {
	void (*call)(void *context);
	void *context;
};

/* Waits. NULL: *ret_error says why. */
struct dgram_handler *probe_run(
	const char *path, const struct probe_meanwhile *meanwhile, char ret_error[PROBE_ERROR_MAX]);

#endif
