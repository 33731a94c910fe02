/* Have dgram-child open a plug-in, so that whatever this does to a process costs that one. Thread:
 * main. */
#ifndef PROCESS_PROBE_H
#define PROCESS_PROBE_H

#include <stddef.h>

#include "process/description.h"

/* How long it may take. */
#define PROBE_TIMEOUT_MS 10000

/* The child's end of a pipe that tells of its death (valgrind 3.19 has no pidfd_open(2)). */
#define PROBE_ALIVE_FD 3

/* Room for why it cannot be opened, in a line, with its NUL. */
#define PROBE_ERROR_MAX 384

/* Waits. -ENOEXEC: *ret_error says why. -ENOMEM. */
int probe_run(
	const char *path, char ret_error[PROBE_ERROR_MAX], struct description **ret_description);

#endif
