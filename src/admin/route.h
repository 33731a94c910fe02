/* Which path offers what. Thread: any. */
#ifndef ADMIN_ROUTE_H
#define ADMIN_ROUTE_H

#include <stdbool.h>

#include "admin/endpoint.h"

struct route {
	const char *path; /* with a "*" at its end a number stands there */
	const char *method;
	bool remote;	    /* TCP offers it, too */
	enum admin_act act; /* of the owner; ADMIN_NONE: */
	void (*view)(struct admin *admin, unsigned long number, struct admin_answer *answer);
};

/* Find what a request asks for; NULL: nothing, and the answer says why. "HEAD" is a "GET". */
const struct route *route_find(const char *method, const char *path, bool local,
	unsigned long *ret_number, struct admin_answer *answer);

#endif
