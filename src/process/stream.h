/* A worker's talk with children on their streams. Thread: the worker's. */
#ifndef PROCESS_STREAM_H
#define PROCESS_STREAM_H

#include "process/children.h"

/* Have children answer the batch: the run() of a service's `outside`. */
void stream_run(struct outside *outside, struct outside_batch *batch);

#endif
