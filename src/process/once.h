/* A process for one request: its standard input is the request, its standard output the reply. Thread: one. */
#ifndef PROCESS_ONCE_H
#define PROCESS_ONCE_H

#include <dgram.h>

#include "process/stderr_lines.h"
#include "process/ucspi.h"

/* The exit status of a command that does not reply. */
#define ONCE_NO_REPLY 99

struct once {
	const char *path; /* of the program */
	char *const *arguments;
	char **environment; /* UCSPI_VARIABLES more have room from number `kept` on */
	size_t kept;
	struct stderr_lines lines; /* as a handler's dgram_request_log() takes them */
	int64_t log_next_ns;
	unsigned unlogged; /* failures since the last that was logged */
};

/* Answer a request as a handler does: see dgram.h. When it returns, the command and all that is left of its process
 * group are gone. */
ssize_t once_run(
	struct once *once, const struct dgram_request *request, void *reply, size_t reply_size);

#endif
