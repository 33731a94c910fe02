#include "guard/refused_ports.h"

void refused_ports_set(struct refused_ports *refused, const uint16_t *ports, size_t count)
{
	uint64_t words[65536 / 64] = { 0 }, filter = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t bit = (uint64_t)1 << ports[i] % 64;

		words[ports[i] / 64] |= bit;
		filter |= bit;
	}
	/* Receivers look at the words only where the filter says so. */
	atomic_fetch_or(&refused->filter, filter);
	for (size_t i = 0; i < 65536 / 64; i++)
		atomic_store(&refused->words[i], words[i]);
	atomic_store(&refused->filter, filter);
}
