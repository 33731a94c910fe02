/* DAYTIME (RFC 867): the time as a line of text, in the first form that the RFC suggests:
 * "Tuesday, February 22, 1982 17:37:43-PST". */
#include "handlers/builtin.h"
#include "handlers/text_clock.h"

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)request;
	return text_clock_read(state, "%A, %B %-d, %Y %H:%M:%S-%Z\r\n", reply, reply_size);
}

const struct dgram_handler handler_daytime = {
	.abi = DGRAM_ABI,
	.name = "daytime",
	.handle = handle,
	.never_blocks = true,
	.worker_start = text_clock_start,
	.worker_stop = text_clock_stop,
	.max_reply_factor = 1,
};
