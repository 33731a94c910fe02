/* Telling systemd how we are: the protocol of sd_notify(3), which is a datagram to
 * $NOTIFY_SOCKET. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/* Connect to the supervisor; *ret_fd is -1 when there is none. -errno. */
int notify_open(int *ret_fd);

/* Send variables, "READY=1\nSTATUS=...". Never waits; what cannot be sent is lost. `fd` may be
 * -1. */
void notify_send(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The start failed with this negative errno value: ERRNO, so that a supervisor which waits for READY need not
 * wait for its time-out. Connects by itself. */
void notify_failure(int error);

#endif
