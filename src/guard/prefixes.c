#include "guard/prefixes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS_AT 96u /* in a v4-mapped address */

/* Only link-local addresses mean different hosts on different links. */
static uint32_t scope_of(const union addr *address)
{
	return address->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address->in6.sin6_addr)
		       ? address->in6.sin6_scope_id
		       : 0;
}

static struct prefix_key key_of(const union addr *address, uint32_t scope)
{
	struct prefix_key key = { .scope = scope };

	if (address->sa.sa_family == AF_INET6) {
		memcpy(key.address, &address->in6.sin6_addr, sizeof(key.address));
	} else {
		key.address[10] = key.address[11] = 0xff;
		memcpy(&key.address[12], &address->in.sin_addr, 4);
	}
	return key;
}

static int compare_keys(const struct prefix_key *a, const struct prefix_key *b)
{
	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	return memcmp(a->address, b->address, sizeof(a->address));
}

static int compare_firsts(const void *a, const void *b)
{
	const struct prefix_range *one = a, *two = b;

	return compare_keys(&one->first, &two->first);
}

void prefixes_clear(struct prefixes *prefixes)
{
	prefixes->count = 0;
}

bool prefixes_add(struct prefixes *prefixes, const union addr *address, unsigned bits)
{
	struct prefix_range range;

	if (prefixes->count == PREFIXES_MAX)
		return false;
	if (address->sa.sa_family == AF_INET)
		bits += V4_BITS_AT;
	assert(bits <= 128);
	range.first = range.last = key_of(address, scope_of(address));
	for (unsigned bit = bits; bit < 128; bit++) {
		unsigned char mask = (unsigned char)(0x80u >> bit % 8);

		range.first.address[bit / 8] &= (unsigned char)~mask;
		range.last.address[bit / 8] |= mask;
	}
	prefixes->ranges[prefixes->count++] = range;
	return true;
}

void prefixes_merge(struct prefixes *prefixes)
{
	struct prefix_range *ranges = prefixes->ranges;
	unsigned kept = 0;

	qsort(ranges, prefixes->count, sizeof(ranges[0]), compare_firsts);
	for (unsigned i = 0; i < prefixes->count; i++) {
		if (kept == 0 || compare_keys(&ranges[i].first, &ranges[kept - 1].last) > 0)
			ranges[kept++] = ranges[i];
		else if (compare_keys(&ranges[i].last, &ranges[kept - 1].last) > 0)
			ranges[kept - 1].last = ranges[i].last;
	}
	prefixes->count = kept;
}

static bool holds_key(const struct prefixes *prefixes, const struct prefix_key *key)
{
	unsigned low = 0, high = prefixes->count; /* how many begin at the key or before it */

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (compare_keys(&prefixes->ranges[middle].first, key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && compare_keys(key, &prefixes->ranges[low - 1].last) <= 0;
}

bool prefixes_hold(const struct prefixes *prefixes, const union addr *address)
{
	struct prefix_key key = key_of(address, 0);

	if (holds_key(prefixes, &key))
		return true;
	key.scope = scope_of(address);
	return key.scope != 0 && holds_key(prefixes, &key);
}
