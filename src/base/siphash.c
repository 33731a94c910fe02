#include "base/siphash.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void mix(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	mix(s);
	s->v0 ^= word;
}

uint64_t siphash(const struct siphash_key *key, const uint64_t *words, size_t count)
{
	struct state s = {
		.v0 = key->words[0] ^ 0x736f6d6570736575u,
		.v1 = key->words[1] ^ 0x646f72616e646f6du,
		.v2 = key->words[0] ^ 0x6c7967656e657261u,
		.v3 = key->words[1] ^ 0x7465646279746573u,
	};

	for (size_t i = 0; i < count; i++)
		absorb(&s, words[i]);
	absorb(&s, (uint64_t)count * 8 << 56);
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		mix(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
