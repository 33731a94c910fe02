/* Telling s6 and its kin that we are ready: a newline on a descriptor, whose number the command line has. */
#ifndef DAEMON_READY_FD_H
#define DAEMON_READY_FD_H

/* The descriptor of this number, which is closed when another program is executed. -EINVAL: it is no number from 3
 * on, or the descriptor is not open. */
int ready_fd_parse(const char *number, int *ret_fd);

/* Once, and close it. -errno. */
int ready_fd_tell(int fd);

#endif
