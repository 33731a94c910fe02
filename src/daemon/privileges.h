/* Giving up what the start alone needs. Thread: main, while there is no other. */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include <stdbool.h>

#include "config/user.h"

/* Become the user, if there is one but root, without any capability, and see that there is no way back. In any case
 * no program that is executed from now on gains a privilege. -errno; -ENOTRECOVERABLE: there is a way back. */
int privileges_drop(const struct config_user *user);

/* Can this process become the user? */
bool privileges_allow(const struct config_user *user);

#endif
