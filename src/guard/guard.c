#include "guard/guard.h"

static uint64_t port_bit(unsigned port)
{
	return (uint64_t)1 << port % 64;
}

void guard_ports_add(struct guard_ports *ports, unsigned port)
{
	atomic_fetch_or(&ports->bits, port_bit(port));
}

/* Few datagrams are any of this. */
static enum ledger_drop check_unusual(const struct guard *guard, const struct datagram *datagram)
{
	if (guard->closed)
		return DROP_SHUTDOWN;
	if (datagram->truncated)
		return DROP_TRUNCATED;
	if (datagram->cast == DATAGRAM_UNADDRESSED)
		return DROP_UNADDRESSED;
	if (datagram->cast == DATAGRAM_UNICAST || guard->serves_many)
		return GUARD_ADMIT;
	return datagram->cast == DATAGRAM_BROADCAST ? DROP_BROADCAST : DROP_MULTICAST;
}

/* Nobody has port 0. An answer to one of our own sockets would come back to us. */
static enum ledger_drop check_source(const struct guard *guard, const union addr *client)
{
	unsigned port = addr_port(client);
	uint64_t ports = atomic_load_explicit(&guard->ports->bits, memory_order_relaxed);

	if (port == 0)
		return DROP_SOURCE_PORT_ZERO;
	if (port < atomic_load_explicit(guard->min_source_port, memory_order_relaxed))
		return DROP_SOURCE_PORT_LOW;
	if ((ports & port_bit(port)) && guard->is_own(guard->context, client))
		return DROP_SOURCE_SELF;
	return GUARD_ADMIT;
}

enum ledger_drop guard_check(const struct guard *guard, const struct datagram *datagram)
{
	enum ledger_drop verdict = GUARD_ADMIT;

	if (guard->closed | datagram->truncated | datagram->cast)
		verdict = check_unusual(guard, datagram);
	if (verdict == GUARD_ADMIT)
		verdict = check_source(guard, &datagram->client);
	if (verdict == GUARD_ADMIT && guard->verify != NULL &&
		!guard->verify(guard->context, datagram))
		verdict = DROP_VERIFY;
	return verdict;
}
