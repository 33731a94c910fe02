#include "engine/recorder.h"

#include <endian.h>
#include <string.h>

/* A worker that goes round while somebody copies is quick, so what it did is soon gone anyway. */
#define TRIES 10

static void copy_client(const struct recorder_slot *slot, union addr *ret_client)
{
	const uint64_t word = htole64(atomic_load(&slot->client));
	const uint64_t v6[2] = { atomic_load(&slot->v6[0]), atomic_load(&slot->v6[1]) };

	*ret_client = (union addr){ .in6 = { 0 } };
	memcpy(ret_client, &word, sizeof(word));
	if (ret_client->sa.sa_family != AF_INET6)
		return;
	memcpy(&ret_client->in6.sin6_addr, v6, sizeof(v6));
	ret_client->in6.sin6_scope_id = atomic_load(&slot->scope);
}

static void copy_slot(const struct recorder_slot *slot, struct recorded *ret_recorded)
{
	copy_client(slot, &ret_recorded->client);
	ret_recorded->bytes = atomic_load(&slot->bytes);
	ret_recorded->service = atomic_load(&slot->service);
	ret_recorded->begin_ns = atomic_load(&slot->begin_ns);
	ret_recorded->wait_ns = ret_recorded->begin_ns - atomic_load(&slot->arrived_ns);
	ret_recorded->service_ns = atomic_load(&slot->service_ns);
	ret_recorded->result = atomic_load(&slot->result);
}

unsigned recorder_read(
	const struct recorder *recorder, struct recorded ret_recorded[static RECORDER_REQUESTS])
{
	uint64_t end = 0, count = 0;

	for (unsigned try = 0; try < TRIES; try++) {
		end = atomic_load(&recorder->count);
		count = end < RECORDER_REQUESTS ? end : RECORDER_REQUESTS;
		for (uint64_t i = 0; i < count; i++)
			copy_slot(&recorder->slots[(end - count + i) % RECORDER_SLOTS],
				&ret_recorded[i]);
		if (atomic_load(&recorder->count) - end < RECORDER_SLOTS - RECORDER_REQUESTS)
			return (unsigned)count;
	}
	return 0;
}
