/* What a service is configured to listen on: a numeric address, perhaps on an interface, and a port. What
 * no machine can serve is told from what depends on the machine: an interface may come later. */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include <net/if.h>

#include "base/addr.h"

struct endpoint {
	union addr addr;	     /* without its scope where `interface` names that */
	char interface[IF_NAMESIZE]; /* of "fe80::1%eth0"; "": none, or a number */
};

/* Can any machine listen there? */
enum endpoint_verdict {
	ENDPOINT_POSSIBLE,
	ENDPOINT_NO_ADDRESS, /* not numeric; names are never looked up */
	ENDPOINT_MULTICAST,  /* an answer cannot leave from it */
	ENDPOINT_MAPPED,     /* "::ffff:127.0.0.1": our IPv6 sockets take IPv6 alone */
	ENDPOINT_NO_SCOPE,   /* link-local, which names a host on an interface alone */
	ENDPOINT_INTERFACE,  /* no interface can have this name */
};

/* The same text on every machine gives the same result. */
enum endpoint_verdict endpoint_parse(
	const char *text, uint16_t port, struct endpoint *ret_endpoint);

/* Why no machine can listen there, as it ends a message. */
const char *endpoint_explain(enum endpoint_verdict verdict);

/* Of those before number `index`, the first that excludes it: binding both fails on every machine. `index`:
 * none does. With port 0 the kernel picks one that is free. */
size_t endpoint_find_rival(const struct endpoint *endpoints, size_t index);

/* Is a socket there bound to the interface of this name, which can come again with another number? */
bool endpoint_follows_interface(const struct endpoint *endpoint);

/* The address to bind to here and now. -ENODEV: there is no such interface. */
int endpoint_resolve(const struct endpoint *endpoint, union addr *ret_addr);

/* As addr_format(). */
const char *endpoint_format(const struct endpoint *endpoint, char text[static ADDR_TEXT_MAX]);

#endif
