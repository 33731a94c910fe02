/* Values of a handler's options as words, so that a child can have them as its arguments: "name=value", of a list a
 * word for each text. Thread: any. */
#ifndef PROCESS_SETTINGS_H
#define PROCESS_SETTINGS_H

#include <dgram.h>

/* `before`, up to a NULL, and then the values, one for each parameter; free(3) it. NULL: there is no memory. */
char **settings_write(char *const *before, const struct dgram_parameter *parameters, size_t count,
	const struct dgram_setting *values);

/* The values, which borrow the words; one free(3). NULL with errno: EINVAL: they are of other parameters. */
struct dgram_setting *settings_read(
	char *const *words, const struct dgram_parameter *parameters, size_t count);

#endif
