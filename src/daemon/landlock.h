/* landlock(7): the process can write beneath one folder alone. */
#ifndef DAEMON_LANDLOCK_H
#define DAEMON_LANDLOCK_H

/* From now on this thread, and those that it starts, can create and write files beneath the folder of the log's
 * target alone, if it is a file. Returns the kernel's version of it: 0: it has none, and nothing has changed. -errno.
 * Needs PR_SET_NO_NEW_PRIVS. */
int landlock_enter(const char *log_target, int *ret_version);

#endif
