/* A descriptor that is ready after a time. */
#ifndef DAEMON_TIMER_H
#define DAEMON_TIMER_H

#include <stdbool.h>

/* Have this epoll be ready after so many milliseconds, once. -1: there is none to have. */
int timer_open(unsigned after_ms, int epoll);

/* Has its time come, since it was asked? */
bool timer_is_over(int fd);

#endif
