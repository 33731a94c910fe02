/* The standard descriptors. */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

#include <stdbool.h>

/* Open /dev/null for each of 0, 1 and 2 that is closed. Otherwise a socket would get its number, and what
 * is printed. Where all are open /dev/null need not exist. A program that we become has it, too: it may not be
 * allowed to open it. -errno. Thread: the main one, before all else. */
int descriptors_open_standard(void);

/* More than a process may have. */
#define DESCRIPTORS_HANDED_IN_MAX (1u << 20)

/* How many from 3 on a supervisor handed in for this process ($LISTEN_PID and $LISTEN_FDS of sd_listen_fds(3)). */
unsigned descriptors_handed_in(void);

/* The same of the process that this one follows, which does not know our number beforehand: a name for each, with colons
 * between. */
#define DESCRIPTORS_PASSED_ON "DGRAM_SOCKETS"
unsigned descriptors_passed_on(void);

/* Close all from 3 on but those, and `kept` (-1: none). Thread: the main one, before all else. */
void descriptors_close_inherited(int kept);

/* Does the journal read the standard error? */
bool descriptors_stderr_is_journal(void);

#endif
