/* Random numbers from a seed: the same on every machine, with every compiler. */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

/* splitmix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* From `least` to `most`, both included. */
static inline int64_t random_between(struct random *random, int64_t least, int64_t most)
{
	uint64_t span = (uint64_t)(most - least) + 1;

	assert(span > 0);
	return least + (int64_t)(random_next(random) % span);
}

static inline unsigned random_below(struct random *random, unsigned end)
{
	assert(end > 0);
	return (unsigned)(random_next(random) % end);
}

/* Once in so many; 0: never. */
static inline bool random_one_in(struct random *random, unsigned many)
{
	return many > 0 && random_next(random) % many == 0;
}

/* One of these, a table of int64_t. */
#define RANDOM_OF(random, table) ((table)[random_below(random, sizeof(table) / sizeof((table)[0]))])

#endif
