/* What is logged just before a crash reaches the log. */
#ifndef DAEMON_CRASH_H
#define DAEMON_CRASH_H

#include <dgram.h>

/* Have each fatal signal that has its default action flush the log of this server first. -errno.
 * Thread: main. */
int crash_watch(struct dgram_server *server);

/* Before the server is freed. */
void crash_unwatch(void);

#endif
