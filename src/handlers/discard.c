/* DISCARD (RFC 863): the datagram is thrown away, and nothing is sent. */
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
