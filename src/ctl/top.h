/* Workers on a terminal, each second. */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include "ctl/options.h"

/* Returns the exit status, when q is pressed, or nobody answers any more. */
int top(const struct ctl_options *options);

#endif
