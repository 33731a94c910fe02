/* What the threads that serve can ask of the kernel no more. Threads share their memory, so who has taken over one
 * of them completely can have another one act: this stops mistakes and simple exploits.
 *
 * DESIGN: two filters of system calls. The first holds for the process and its children: what nothing here ever
 * needs. The second is loaded by each thread that serves, before its first datagram or line; the main thread, which
 * reads no datagram, still opens logs and sockets, and executes. Landlock(7) lets the process write beneath the
 * log's folder alone. */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include "config/config.h"

/* Have the whole process enter. `log_target`: where it must be able to write. Gives the kernel's version of landlock,
 * 0: it has none, or the mode does not enforce. -errno. Thread: main, while there is no other. */
int sandbox_enter(enum config_sandbox mode, const char *log_target, int *ret_landlock);

/* What says to a process that this one starts that it is in there already: "DGRAM_SANDBOX=...", from malloc(). */
#define SANDBOX_VARIABLE "DGRAM_SANDBOX"
char *sandbox_describe(enum config_sandbox mode, const char *log_target, int landlock);

/* Is that so of this one? Both would add up otherwise, Landlock 16 times at most. */
bool sandbox_is_entered(enum config_sandbox mode, const char *log_target, int *ret_landlock);

/* Have the calling thread enter for good. -errno. Thread: any. */
int sandbox_enter_thread(enum config_sandbox mode);

#endif
