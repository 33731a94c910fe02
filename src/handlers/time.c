/* Every datagram is answered with what Python's time.ctime() gives for this second,
 * "Sun Jun 20 23:21:05 1993", without a newline. */
#include "handlers/builtin.h"
#include "handlers/text_clock.h"

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)request;
	return text_clock_read(state, "%a %b %e %H:%M:%S %Y", reply, reply_size);
}

const struct dgram_handler handler_time = {
	.abi = DGRAM_ABI,
	.name = "time",
	.handle = handle,
	.never_blocks = true,
	.worker_start = text_clock_start,
	.worker_stop = text_clock_stop,
	.max_reply_factor = 1,
};
