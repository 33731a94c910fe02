/* Numbers as text, where printf(3) would cost more than all else. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdint.h>

#define DECIMAL_MAX 20

/* Writes it without an end. Returns the place behind it, at most DECIMAL_MAX bytes on. */
static inline char *decimal_put(char *at, uint64_t number)
{
	char reversed[DECIMAL_MAX];
	unsigned count = 0;

	do
		reversed[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count > 0)
		*at++ = reversed[--count];
	return at;
}

#endif
