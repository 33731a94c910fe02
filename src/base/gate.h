/* A gate in front of one thread: it is created parked, reports how its set-up went, and is then let
 * through or sent away. So all threads of a server are ready before the first one runs. */
#ifndef BASE_GATE_H
#define BASE_GATE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/eventcount.h"

struct gate {
	struct eventcount changed;
	_Atomic int state;
	int error; /* written before the state says that the thread has arrived */
};

/* Before the thread is created. Thread: owner. */
void gate_init(struct gate *gate);

/* Report: 0, or -errno; then wait. True: go on; false: end. Thread: the gate's. */
bool gate_arrive(struct gate *gate, int error);

/* Wait until the thread has arrived, and return what it reported. Thread: owner. */
int gate_await(struct gate *gate);

/* Let it go on, or end. Thread: owner. */
void gate_open(struct gate *gate, bool go);

#endif
