/* Multilinear hashing (Lemire and Kaser, 2014): without knowing the random words nobody can choose sources that
 * collide more often than by chance. A hash is the first random word, and for each word hashed its half-products
 * with two more; of the sum the lowest 32 bits are dropped, because a product's bits depend on lower ones alone. */
#ifndef QUEUE_MULTILINEAR_H
#define QUEUE_MULTILINEAR_H

#include <stdint.h>

static inline uint64_t multilinear_word(const uint64_t keys[2], uint64_t word)
{
	return keys[0] * (uint32_t)word + keys[1] * (word >> 32);
}

#endif
