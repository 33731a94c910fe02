/* What a child inherits of our environment: PATH, HOME, TZ, LANG, LC_*. The rest is between us and our supervisor.
 * Thread: any, while nobody changes the environment. */
#ifndef PROCESS_ENVIRONMENT_H
#define PROCESS_ENVIRONMENT_H

#include <stddef.h>

/* A copy, up to a NULL, with room for `more` texts from number *ret_count on; free(3) it. NULL: there is no
 * memory. */
char **environment_new(size_t more, size_t *ret_count);

#endif
