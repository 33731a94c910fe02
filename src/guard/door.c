#include "guard/door.h"

#include "base/sys.h"

/* Of IP and UDP, without options. */
#define V4_HEADERS 28u
#define V6_HEADERS 48u

#define FACTOR_PARTS 1024u

void door_set(struct door *door, double reply_factor, struct loops *loops)
{
	unsigned parts = (unsigned)(reply_factor * FACTOR_PARTS);

	if (reply_factor > 0 && parts == 0)
		parts = 1;
	atomic_store(&door->reply_factor, parts);
	atomic_store(&door->loops, loops);
	atomic_store(&door->looks_closer, parts > 0 || loops != NULL);
}

/* --- the cap */

static uint64_t packet_bytes(const union addr *peer, size_t length)
{
	return length + (peer->sa.sa_family == AF_INET ? V4_HEADERS : V6_HEADERS);
}

/* What may be sent for a request. */
static uint64_t credit_for(const struct datagram *request, unsigned reply_factor)
{
	return packet_bytes(&request->client, request->length) * reply_factor / FACTOR_PARTS;
}

static bool is_free(const struct datagram *request, const union addr *peer)
{
	return addr_is_loopback(peer) ||
	       (peer == &request->client && request->standing == DATAGRAM_EXEMPT);
}

static bool is_within_cap(struct door *door, const struct departure *departure)
{
	unsigned factor = atomic_load_explicit(&door->reply_factor, memory_order_relaxed);
	const struct datagram *request = departure->request;
	uint64_t credit = 0;

	if (factor == 0 || is_free(request, departure->to))
		return true;
	if (departure->to == &request->client && !departure->counted)
		credit = credit_for(request, factor);
	return cap_takes(door->cap, door->service, departure->to, credit,
		packet_bytes(departure->to, departure->length));
}

void door_count(struct door *door, const struct datagram *request)
{
	unsigned factor = atomic_load_explicit(&door->reply_factor, memory_order_relaxed);

	if (factor > 0 && !is_free(request, &request->client))
		(void)cap_takes(
			door->cap, door->service, &request->client, credit_for(request, factor), 0);
}

void door_prove(struct door *door, const union addr *client)
{
	cap_prove(door->cap, door->service, client);
}

/* --- the verdict */

enum ledger_drop door_look_closer(struct door *door, const struct departure *departure)
{
	const struct datagram *request = departure->request;
	struct loops *loops = atomic_load_explicit(&door->loops, memory_order_relaxed);

	if (!is_within_cap(door, departure))
		return DROP_AMPLIFICATION;
	if (request->metered)
		limiter_charge_replies(
			door->limiter, request, departure->length, sys_monotonic_ns());
	if (loops != NULL)
		loops_note(loops, departure->request, departure->to, departure->data,
			departure->length);
	return DOOR_PASS;
}
