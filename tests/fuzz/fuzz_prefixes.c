/* Sets of prefixes hold exactly what a list of them holds that is looked through one by one. */
/* parses: guard/prefixes */
#include "input.h"

#include "guard/prefixes.h"

#define LISTED_MAX 64u

struct listed {
	union addr address;
	unsigned bits;
};

static struct prefixes set;
static struct listed list[LISTED_MAX];
static unsigned count;

/* Few different bytes, so that prefixes lie inside and beside each other. */
static union addr take_address(struct input *input)
{
	static const uint8_t few[] = { 0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0x20, 0xc0 };
	union addr address = { 0 };
	uint8_t kind = input_byte(input), bytes[16];

	input_fill(input, bytes, sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = few[bytes[i] % sizeof(few)];
	if (kind & 1) {
		address.in.sin_family = AF_INET;
		memcpy(&address.in.sin_addr, bytes, 4);
		return address;
	}
	address.in6.sin6_family = AF_INET6;
	memcpy(&address.in6.sin6_addr, bytes, 16);
	if (kind & 2)
		memcpy(&address.in6.sin6_addr, "\xfe\x80", 2);
	if (kind & 4)
		memcpy(&address.in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	address.in6.sin6_scope_id = kind >> 4 & 3;
	return address;
}

static void get_bytes(const union addr *address, uint8_t bytes[16])
{
	memcpy(bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	if (address->sa.sa_family == AF_INET)
		memcpy(bytes + 12, &address->in.sin_addr, 4);
	else
		memcpy(bytes, &address->in6.sin6_addr, 16);
}

static unsigned scope_of(const union addr *address)
{
	return address->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address->in6.sin6_addr)
		       ? address->in6.sin6_scope_id
		       : 0;
}

static bool covers(const struct listed *listed, const union addr *address)
{
	unsigned bits = listed->bits + (listed->address.sa.sa_family == AF_INET ? 96 : 0);
	unsigned scope = scope_of(&listed->address);
	uint8_t one[16], two[16];

	get_bytes(&listed->address, one);
	get_bytes(address, two);
	for (unsigned bit = 0; bit < bits; bit++)
		if (((one[bit / 8] ^ two[bit / 8]) >> (7 - bit % 8) & 1) != 0)
			return false;
	return scope == 0 || scope == scope_of(address);
}

static bool is_listed(const union addr *address)
{
	for (unsigned i = 0; i < count; i++)
		if (covers(&list[i], address))
			return true;
	return false;
}

static void add(struct input *input)
{
	struct listed *listed = &list[count];

	listed->address = take_address(input);
	listed->bits = input_byte(input) % (listed->address.sa.sa_family == AF_INET ? 33 : 129);
	must(prefixes_add(&set, &listed->address, listed->bits));
	count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	unsigned wanted = input_byte(&input) % (LISTED_MAX + 1);

	prefixes_clear(&set);
	count = 0;
	while (count < wanted && input.left > 0)
		add(&input);
	prefixes_merge(&set);
	must(set.count <= count);
	for (unsigned i = 0; i < count; i++)
		must(prefixes_hold(&set, &list[i].address));
	while (input.left > 0) {
		union addr address = take_address(&input);

		must(prefixes_hold(&set, &address) == is_listed(&address));
	}
	if (wanted == LISTED_MAX) {
		const union addr any = { .in = { .sin_family = AF_INET } };

		while (set.count < PREFIXES_MAX)
			must(prefixes_add(&set, &any, 32));
		must(!prefixes_add(&set, &any, 32));
	}
	return 0;
}
