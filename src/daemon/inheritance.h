/* What the process that this one follows has left it: $DGRAM_SOCKETS has a name for each descriptor from 3 on, with
 * colons between. That of a service is of one of its sockets.
 *
 * A supervisor that is told of a new main process (MAINPID) waits for its end only if that is a child of its own by
 * then: systemd 252 sends others SIGKILL right behind SIGTERM. So the process that was started forks, and ends as soon as
 * its child is ready, whom the supervisor, or init, then has for its own. Thread: main. */
#ifndef DAEMON_INHERITANCE_H
#define DAEMON_INHERITANCE_H

#include <dgram.h>

#include "admin/admin.h"

/* Names that are no service's: sockets of the admin endpoint, a pipe that tells who left all this that we are ready,
 * and the standard error, because ours is another pipe until the file was read. */
#define INHERITANCE_PATH "/path"
#define INHERITANCE_ADDRESS "/address"
#define INHERITANCE_OWN "/ready:/stderr"
#define INHERITANCE_HELD "/held" /* behind a service's: somebody else keeps it open, too */

struct inheritance {
	bool follows; /* another process */
	char *names;
	struct dgram_inherited *sockets;
	size_t sockets_count;
	struct dgram_service *services; /* of the options */
	struct admin_sockets admin;
	int ready_fd; /* -1: nobody else is in charge */
	int gate_fd;  /* has the process that was started end */
};

/* Take it, and the standard error; in a child, if there is something to take. Other threads must not be there yet.
 * -EINVAL: that has the reason. -ENOMEM, -EAGAIN. */
int inheritance_begin(struct inheritance *inheritance);

/* Have this epoll be ready when inheritance_leads() is true. -errno. */
int inheritance_watch(const struct inheritance *inheritance, int epoll);

/* Have services use the sockets, with as many receivers as they had. The options borrow from it. -ENOMEM. */
int inheritance_use(struct inheritance *inheritance, struct dgram_options *options);

/* Who needs them has duplicates by now: close them, and free. One that is all zeros is fine. */
void inheritance_end(struct inheritance *inheritance);

/* We serve. */
void inheritance_tell_ready(struct inheritance *inheritance);

/* Has who was before us handed over, or ended? What it is to the supervisor we are then. */
bool inheritance_leads(struct inheritance *inheritance);

#endif
