/* What the kernel says of another thread of this process. */
#ifndef BASE_THREAD_LOOK_H
#define BASE_THREAD_LOOK_H

#include <stdint.h>
#include <sys/types.h>

/* With its NUL. */
#define THREAD_LOOK_MAX 96

/* "burns CPU", "waits in futex_do_wait (syscall 202)", or that uninterruptibly; of a process that has changed its user the
 * kernel does not tell the call. "unknown": there is no /proc. Returns `text`. Thread: any. */
const char *thread_look(pid_t thread, char text[static THREAD_LOOK_MAX]);

/* CPU time of the thread; 0: there is none. Thread: any. */
int64_t thread_look_cpu_ns(pid_t thread);

#endif
