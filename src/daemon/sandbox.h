/* What the threads that serve can ask of the kernel no more. Threads share their memory, so who has taken over one
 * of them completely can have another one act: this stops mistakes and simple exploits.
 *
 * DESIGN: two filters of system calls. The first holds for the process and its children: what nothing here ever
 * needs. The second is loaded by each thread that serves, before its first datagram or line; the main thread, which
 * reads no datagram, still opens logs and sockets, and executes. Landlock(7) lets the process write beneath the
 * log's folder alone. */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include <linux/filter.h>

#include "config/config.h"

struct sandbox {
	enum config_sandbox mode;
	struct sock_fprog thread; /* the second filter */
	int landlock; /* its version; 0: the kernel has none, or the mode does not enforce */
};

/* Have the whole process enter, and make what its threads need. `log_target`: where it must be able to write. -errno.
 * Thread: main, while there is no other, after PR_SET_NO_NEW_PRIVS. */
int sandbox_enter(enum config_sandbox mode, const char *log_target, struct sandbox *ret_sandbox);

/* Have the calling thread enter for good. -errno. Thread: any. */
int sandbox_enter_thread(const struct sandbox *sandbox);

void sandbox_free(struct sandbox *sandbox);

#endif
