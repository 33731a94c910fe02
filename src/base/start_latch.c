#include "base/start_latch.h"

#include <limits.h>

enum { CLOSED, ARRIVED, GO, END };

void start_latch_init(struct start_latch *latch)
{
	*latch = (struct start_latch){ .state = CLOSED };
}

static void change(struct start_latch *latch, int state)
{
	atomic_store(&latch->state, state);
	eventcount_notify(&latch->changed, UINT_MAX);
}

/* Wait while the state is `state`; returns the next. */
static int wait_while(struct start_latch *latch, int state)
{
	for (;;) {
		uint32_t key = eventcount_key(&latch->changed);
		int now = atomic_load(&latch->state);

		if (now != state)
			return now;
		eventcount_wait(&latch->changed, key, -1);
	}
}

bool start_latch_arrive(struct start_latch *latch, int error)
{
	latch->error = error;
	change(latch, ARRIVED);
	return wait_while(latch, ARRIVED) == GO;
}

int start_latch_await(struct start_latch *latch)
{
	(void)wait_while(latch, CLOSED);
	return latch->error;
}

void start_latch_release(struct start_latch *latch, bool go)
{
	change(latch, go ? GO : END);
}
