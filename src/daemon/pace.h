/* Not to fail too often. */
#ifndef DAEMON_PACE_H
#define DAEMON_PACE_H

/* Under supervisord with startsecs=0, which starts a program that fails again in each pass of its loop, wait a second
 * before an exit status that lets it try again; or until SIGTERM or SIGINT. Thread: the only one. */
void pace_exit(int status);

#endif
