/* Signals, taken one by one from a descriptor by the main thread, and from nowhere else. */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

/* Block the signals that steer the daemon in every thread, ignore those that a full disk or a closed
 * pipe would kill it with, and do not ignore the ends of children. Call before any thread is made.
 * Returns a descriptor to poll, or -errno. */
int signals_open(void);

/* The next signal that has come, or 0. */
int signals_next(int fd);

#endif
