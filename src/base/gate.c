#include "base/gate.h"

#include <limits.h>

enum { CLOSED, ARRIVED, GO, END };

void gate_init(struct gate *gate)
{
	*gate = (struct gate){ .state = CLOSED };
}

static void change(struct gate *gate, int state)
{
	atomic_store(&gate->state, state);
	eventcount_notify(&gate->changed, UINT_MAX);
}

/* Wait while the state is `state`; returns the next. */
static int wait_while(struct gate *gate, int state)
{
	int now;

	while ((now = atomic_load(&gate->state)) == state) {
		uint32_t key = eventcount_prepare(&gate->changed);

		if (atomic_load(&gate->state) == state)
			eventcount_wait(&gate->changed, key, -1);
		else
			eventcount_cancel(&gate->changed);
	}
	return now;
}

bool gate_arrive(struct gate *gate, int error)
{
	gate->error = error;
	change(gate, ARRIVED);
	return wait_while(gate, ARRIVED) == GO;
}

int gate_await(struct gate *gate)
{
	(void)wait_while(gate, CLOSED);
	return gate->error;
}

void gate_open(struct gate *gate, bool go)
{
	change(gate, go ? GO : END);
}
