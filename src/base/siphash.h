/* SipHash-1-3 (Aumasson and Bernstein, 2012) of whole words: a keyed hash, so that a stranger
 * cannot choose addresses that meet in one place of a table. Thread: any. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t words[2];
};

/* The input is `count` words of 8 bytes, each the least significant byte first. */
uint64_t siphash(const struct siphash_key *key, const uint64_t *words, size_t count);

#endif
