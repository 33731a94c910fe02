/* Asking a daemon over its unix socket. */
#ifndef CTL_FETCH_H
#define CTL_FETCH_H

#include <stdbool.h>
#include <stddef.h>

struct fetched {
	long status; /* of HTTP */
	char *text;  /* of malloc(), with a NUL */
	size_t length;
};

/* The path begins with a slash. -EHOSTUNREACH: stderr has one line that says why; -ENOMEM. */
int fetch(const char *socket, const char *path, bool post, struct fetched *ret_fetched);

#endif
