/* Where the program of a command is. Thread: any. */
#ifndef PROCESS_COMMAND_H
#define PROCESS_COMMAND_H

#include <limits.h>
#include <stdbool.h>

/* Room for why there is none, in a line, with its NUL. */
#define COMMAND_ERROR_MAX 256

/* A bare word is looked for along $PATH; a relative path counts from the folder of the file `base`, which may be
 * NULL. False: ret_error says why it cannot be executed. */
bool command_find(const char *base, const char *word, char ret_path[PATH_MAX + 1],
	char ret_error[COMMAND_ERROR_MAX]);

#endif
