/* Counts and times of tests, by DGRAM_SLOW: how many times slower than a release build this one is
 * (sanitizers, valgrind). */
#ifndef SUPPORT_SCALED_H
#define SUPPORT_SCALED_H

#include <stdlib.h>

static inline unsigned scaled_by(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 1;
}

/* A count of requests, rounds and the like: fewer where all is slow, more with DGRAM_MORE. */
static inline unsigned scaled(unsigned count)
{
	unsigned divisor = scaled_by("DGRAM_SLOW");

	return count > divisor ? count / divisor * scaled_by("DGRAM_MORE") : 1;
}

/* How long a test waits for what must happen. */
static inline int patience_ms(void)
{
	return 20000 * (int)scaled_by("DGRAM_SLOW");
}

#endif
