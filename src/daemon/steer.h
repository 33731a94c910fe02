/* The daemon, as the admin endpoint looks into it and steers it. Thread: main. */
#ifndef DAEMON_STEER_H
#define DAEMON_STEER_H

#include "daemon/daemon.h"

/* Open the endpoint, while the daemon has all of its rights; -errno, which is logged. */
int steer_open(struct daemon *daemon);

/* Answer from now on, with the rights that are left; the same. */
int steer_start(struct daemon *daemon);

/* Tell it how the daemon is, and do what it was asked for. */
void steer_serve(struct daemon *daemon);

#endif
