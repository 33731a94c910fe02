#include "queue/talkers.h"

#include <endian.h>
#include <string.h>

static void insert(struct talker *list, const struct talker *talker, bool by_time)
{
	unsigned i = TALKERS_MAX;

	while (i > 0 && (by_time ? talker->served_ns > list[i - 1].served_ns
				 : talker->requests > list[i - 1].requests))
		i--;
	if (i == TALKERS_MAX)
		return;
	memmove(&list[i + 1], &list[i], (TALKERS_MAX - 1 - i) * sizeof(list[0]));
	list[i] = *talker;
}

void talkers_add(struct talkers *talkers, const struct talker *talker)
{
	insert(talkers->by_requests, talker, false);
	insert(talkers->by_time, talker, true);
}

/* As flow.c writes it: an IPv4 address is all in the first word, as addr_word() has it. */
void talkers_address(const struct flow_source *source, union addr *ret_address)
{
	uint64_t bytes = htole64(source->words[0]);

	memset(ret_address, 0, sizeof(*ret_address));
	if ((uint16_t)source->words[0] == le16toh(AF_INET)) {
		memcpy(ret_address, &bytes, sizeof(bytes));
		return;
	}
	ret_address->in6.sin6_family = AF_INET6;
	ret_address->in6.sin6_port = htole16((uint16_t)(source->words[0] >> 16));
	ret_address->in6.sin6_scope_id = (uint32_t)(source->words[0] >> 32);
	memcpy(ret_address->in6.sin6_addr.s6_addr, &source->words[1], 16);
}
