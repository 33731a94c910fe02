/* A worker hands requests to children through memory that it shares with each. Thread: the worker's. */
#ifndef PROCESS_HAND_OVER_H
#define PROCESS_HAND_OVER_H

#include "process/children.h"

/* Have children run the batch: the run() of a service's `outside`. */
void hand_over_run(struct outside *outside, struct outside_batch *batch);

#endif
