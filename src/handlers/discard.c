/* DISCARD (RFC 863): whatever comes is thrown away; nothing is ever sent. */
#include "handlers/builtin.h"

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state;
	(void)request;
	(void)reply;
	(void)reply_size;
	return DGRAM_NO_REPLY;
}

const struct dgram_handler handler_discard = {
	.abi = DGRAM_ABI,
	.name = "discard",
	.handle = handle,
	.never_blocks = true,
};
