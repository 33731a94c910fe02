/* Signals, taken one by one from a descriptor by the main thread, and from nowhere else. */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

/* Block the signals that steer the daemon in every thread, and ignore those that a full disk or a
 * closed pipe would kill it with; children are not ignored, so that their end leaves a status. Call before any thread is made. Returns a descriptor to poll, or
 * -errno. */
int signals_open(void);

/* The next signal that has come, or 0. */
int signals_next(int fd);

#endif
