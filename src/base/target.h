/* Where the log goes: what names a target, and the names of its files. Thread: any. */
#ifndef BASE_TARGET_H
#define BASE_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define TARGET_WORKER "{worker}"

/* False: it can be none, and `message` says why. */
bool target_is_valid(const char *target, char *message, size_t size);

/* The path with `who` in each place of TARGET_WORKER. -ENAMETOOLONG. */
int target_expand(const char *target, const char *who, char path[static PATH_MAX]);

#endif
