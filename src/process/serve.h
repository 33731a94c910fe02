/* The child's side of hand_over.h: runs a handler for the daemon that shares its memory with this process. Thread:
 * main, the only one of ours. */
#ifndef PROCESS_SERVE_H
#define PROCESS_SERVE_H

#include <dgram.h>

/* Until the daemon closes the stream that is standard input. `sandbox`: see filter_load(). `words`: the values of its
 * options (settings.h). Returns the exit status; why it could not begin is on standard error. */
int serve_run(const struct dgram_handler *calls, const char *service, const char *sandbox,
	char *const *words);

#endif
