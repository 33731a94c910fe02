/* A count of requests, rounds and the like, cut down by DGRAM_SLOW: how many times slower than a
 * release build this one is (sanitizers, valgrind); or multiplied by DGRAM_MORE, for long runs. */
#ifndef SUPPORT_SCALED_H
#define SUPPORT_SCALED_H

#include <stdlib.h>

static inline unsigned scaled(unsigned count)
{
	const char *slow = getenv("DGRAM_SLOW"), *more = getenv("DGRAM_MORE");
	unsigned divisor = slow != NULL ? (unsigned)strtoul(slow, NULL, 10) : 1;
	unsigned factor = more != NULL ? (unsigned)strtoul(more, NULL, 10) : 1;

	return count > divisor ? count / divisor * factor : 1;
}

#endif
