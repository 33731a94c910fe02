/* The handler "exec": a command answers the requests. Thread: as dgram.h says of handlers. */
#ifndef PROCESS_EXEC_H
#define PROCESS_EXEC_H

#include <dgram.h>
#include <stdbool.h>

#include "process/command.h"

/* Its service's context is the file that its command's relative path counts from, or NULL. */
extern const struct dgram_handler exec_handler;

/* The number of its option in `parameters`. */
enum { EXEC_COMMAND, EXEC_MODE, EXEC_DESCRIPTORS, EXEC_OPTIONS };

/* Words of its mode. */
enum { EXEC_ONCE, EXEC_TEXT, EXEC_BINARY };

/* With these values, is there something to ask? False: ret_error says why not; it is this option, of the command
 * the first word. */
bool exec_check(const char *base, const struct dgram_setting *values, unsigned *ret_option,
	char ret_error[COMMAND_ERROR_MAX]);

#endif
