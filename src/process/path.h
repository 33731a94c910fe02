/* Paths that a configuration names: they count from its folder. Thread: any. */
#ifndef PROCESS_PATH_H
#define PROCESS_PATH_H

#include <limits.h>

/* Of a long path this much is shown, its end. */
#define PATH_SHOWN 120

/* The path of `name`, with a slash, beside the file `base`; NULL: in the working directory. What is too long for
 * the kernel stays so. */
void path_beside(const char *base, const char *name, char ret_path[PATH_MAX + 1]);

/* As much of it as a message shows. */
const char *path_shown(const char *path);

#endif
