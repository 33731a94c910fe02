/* Source ports that a service answers to nobody, because other servers use them. */
#ifndef GUARD_REFUSED_PORTS_H
#define GUARD_REFUSED_PORTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: none. */
struct refused_ports {
	_Atomic uint64_t filter; /* a bit for each remainder by 64 */
	_Atomic uint64_t words[65536 / 64];
};

/* Refuse these and no others. One that was refused before, and still is, is so meanwhile. Thread: owner. */
void refused_ports_set(struct refused_ports *refused, const uint16_t *ports, size_t count);

/* Thread: any. */
static inline bool refused_ports_hold(const struct refused_ports *refused, unsigned port)
{
	return atomic_load_explicit(&refused->words[port / 64], memory_order_relaxed) >> port % 64 &
	       1;
}

#endif
