/* An upgrade: the program is started again, from the path that it was started with, with all sockets. When it says that it
 * is ready, we drain, and end. Until then we serve. Thread: main. */
#ifndef DAEMON_UPGRADE_H
#define DAEMON_UPGRADE_H

#include <stdbool.h>
#include <stdio.h>

#include "daemon/successor.h"

struct daemon;

struct upgrade {
	bool runs;
	bool done; /* the successor serves */
	int passed_on; /* a signal for the successor, which may have read the file, or opened the log, before; 0: none */
	struct successor successor;
};

/* Begin one, or refuse it: -EINVAL, and the log says why, as does `said`, if it is not NULL. */
int upgrade_begin(struct daemon *daemon, FILE *said);

/* Go on with the one that runs. Call it when the epoll `wake_fd` is ready. */
void upgrade_step(struct daemon *daemon);

/* Have the successor do the same as we did at this signal. */
void upgrade_pass_on(struct daemon *daemon, int signal);

/* Give it up, because we end. */
void upgrade_cancel(struct daemon *daemon);

#endif
