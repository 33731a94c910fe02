/* A datagram through the whole path. */
#ifndef CTL_PING_H
#define CTL_PING_H

#include "ctl/options.h"

/* Send an empty one to each address of each service, one after the other, and print what came. Returns the exit status:
 * 1 if one was neither answered nor taken by a handler that chose to send nothing. */
int ping(const struct ctl_options *options);

#endif
