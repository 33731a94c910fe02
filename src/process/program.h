/* Where dgram-child is. Thread: main. */
#ifndef PROCESS_PROGRAM_H
#define PROCESS_PROGRAM_H

#include <limits.h>

#define PROGRAM_NAME "dgram-child"

/* It is beside the program or the library that this is in, or where `make install` puts it. -ENOENT, -errno. */
int program_find(char ret_path[PATH_MAX]);

#endif
