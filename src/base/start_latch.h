/* A latch that holds one new thread at its start. The thread sets itself up, reports how that went, and
 * waits; then the owner lets it go on or ends it. So all threads of a server are ready before the first
 * one runs. */
#ifndef BASE_START_LATCH_H
#define BASE_START_LATCH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/eventcount.h"

struct start_latch {
	struct eventcount changed;
	_Atomic int state;
	int error; /* written before the state says that the thread has arrived */
};

/* Before the thread is created. Thread: owner. */
void start_latch_init(struct start_latch *latch);

/* Report: 0, or -errno; then wait. True: go on; false: end. Thread: the latch's. */
bool start_latch_arrive(struct start_latch *latch, int error);

/* Wait until the thread has arrived, and return what it reported. Thread: owner. */
int start_latch_await(struct start_latch *latch);

/* Let it go on, or end. Thread: owner. */
void start_latch_release(struct start_latch *latch, bool go);

#endif
