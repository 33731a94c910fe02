/* The HTTP side: requests come in, and go to what answers them. */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include "admin/endpoint.h"

/* Take connections from a listener, with a descriptor of its own. NULL: -errno has no more to say than that it did
 * not work. Thread: owner. */
struct MHD_Daemon *http_start(struct admin *admin, const struct admin_listener *listener);

/* Take no more connections: who else has the listener does. Returns its descriptor, to be closed after http_stop(),
 * because the thread may still be about to take one; -1: it has none. The same. */
int http_quiesce(struct admin *admin, struct MHD_Daemon *daemon);

/* End its thread and its connections. No question may wait. Thread: owner. */
void http_stop(struct admin *admin, struct MHD_Daemon *daemon);

#endif
