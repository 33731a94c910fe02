/* A socket that an endpoint takes connections from: the path of a unix socket, or an address. Thread: owner. */
#ifndef ADMIN_LISTENER_H
#define ADMIN_LISTENER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "config/admin.h"

struct admin_listener {
	int fd;		  /* -1: not open */
	bool local;	  /* a unix socket, which offers everything */
	char place[128];  /* as the log names it */
	const char *path; /* of a unix socket */
	dev_t device;	  /* and its file */
	ino_t file;
	bool handed_over; /* another process has the socket, too, or had it */
};

/* A path where nobody listens any more is replaced. -EADDRINUSE: somebody does, or there is another kind of file;
 * -errno. */
int listener_open_path(struct admin_listener *listener, const struct config_admin *config);
int listener_open_address(struct admin_listener *listener, const union addr *address);

/* The same of a socket that another process had open there, which these take: -ENOENT: it is not there (-1, too). */
int listener_inherit_path(
	struct admin_listener *listener, const struct config_admin *config, int inherited);
int listener_inherit_address(
	struct admin_listener *listener, const union addr *address, int inherited);

/* Close, and remove the path, if it is still its own. When it was handed over, only if nobody listens there. */
void listener_close(struct admin_listener *listener);

#endif
