#include "queue/recent.h"

#include <errno.h>
#include <stdlib.h>

#include "base/sys.h"

/* At twice the load half of what came was taken: one of 255 draws fails. */
#define TRIES 8

static size_t slots_of(unsigned count)
{
	size_t slots = 1;

	while (slots < count)
		slots *= 2;
	return slots;
}

size_t recent_bytes(unsigned count)
{
	return slots_of(count) * sizeof(struct datagram *);
}

int recent_init(struct recent *recent, unsigned count)
{
	*recent = (struct recent){ .mask = (uint32_t)slots_of(count) - 1 };
	recent->ring = calloc(slots_of(count), sizeof(struct datagram *));
	if (recent->ring == NULL)
		return -ENOMEM;
	sys_random(&recent->random, sizeof(recent->random));
	return 0;
}

void recent_free(struct recent *recent)
{
	free(recent->ring);
}

void recent_add(struct recent *recent, struct datagram *datagram)
{
	datagram->place = recent->end++;
	recent->ring[datagram->place & recent->mask] = datagram;
	if (recent->end - recent->first > recent->mask + 1)
		recent->first++;
}

void recent_remove(struct recent *recent, const struct datagram *datagram)
{
	struct datagram **slot = &recent->ring[datagram->place & recent->mask];

	if (*slot == datagram)
		*slot = NULL;
}

/* xorshift64* (Vigna, 2016): not to be guessed by those who cannot see what is drawn. */
static uint32_t random_below(struct recent *recent, uint32_t end)
{
	recent->random |= recent->random == 0;
	recent->random ^= recent->random >> 12;
	recent->random ^= recent->random << 25;
	recent->random ^= recent->random >> 27;
	return (uint32_t)(((recent->random * 0x2545f4914f6cdd1du) >> 32) * end >> 32);
}

/* They came in the order of their arrival, so what came before one that is too old is too. */
struct datagram *recent_draw(struct recent *recent, int64_t since_ns)
{
	for (unsigned i = 0; i < TRIES && recent->first != recent->end; i++) {
		uint32_t place = recent->first + random_below(recent, recent->end - recent->first);
		struct datagram *datagram = recent->ring[place & recent->mask];

		if (datagram == NULL)
			continue;
		if (datagram->arrived_ns >= since_ns)
			return datagram;
		recent->first = place + 1;
	}
	return NULL;
}
