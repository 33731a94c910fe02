/* ECHO (RFC 862): the datagram comes back as it is. */
#include "handlers/builtin.h"

#include <string.h>

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state;
	if (request->length <= reply_size) /* else the length alone says that it is too long */
		memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

const struct dgram_handler handler_echo = {
	.abi = DGRAM_ABI,
	.name = "echo",
	.handle = handle,
	.never_blocks = true,
};
