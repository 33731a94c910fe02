#include "engine/running_call.h"

void running_call_begin(
	struct running_call *call, unsigned service, const union addr *client, int64_t now_ns)
{
	lock_take(&call->lock);
	call->since_ns = now_ns;
	call->service = service;
	call->client = *client;
	call->counted = call->told = call->seen = false;
	lock_release(&call->lock);
}

void running_call_end(struct running_call *call)
{
	lock_take(&call->lock);
	call->since_ns = 0;
	lock_release(&call->lock);
}
