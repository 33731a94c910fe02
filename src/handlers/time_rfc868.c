/* TIME (RFC 868): the seconds since 1900-01-01 00:00 UTC as 32 bits, the most significant byte
 * first. As the protocol has it, the count wraps around in 2036. */
#include "handlers/builtin.h"

#include <errno.h>
#include <string.h>

/* From 1900 to 1970: 70 years, 17 of them leap years. */
#define SECONDS_1900_TO_1970 2208988800u

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	struct timespec now;
	uint32_t seconds;
	unsigned char bytes[4];

	(void)state;
	(void)request;
	if (reply_size < sizeof(bytes))
		return -EMSGSIZE;
	clock_gettime(CLOCK_REALTIME, &now);
	seconds = (uint32_t)now.tv_sec + SECONDS_1900_TO_1970;
	for (int i = 0; i < 4; i++)
		bytes[i] = (unsigned char)(seconds >> (24 - 8 * i));
	memcpy(reply, bytes, sizeof(bytes));
	return sizeof(bytes);
}

const struct dgram_handler handler_time_rfc868 = {
	.abi = DGRAM_ABI,
	.name = "time-rfc868",
	.handle = handle,
	.never_blocks = true,
	.max_reply_factor = 1,
};
