#include "guard/guard.h"

static uint64_t port_bit(unsigned port)
{
	return (uint64_t)1 << port % 64;
}

void guard_ports_add(struct guard_ports *ports, unsigned port)
{
	atomic_fetch_or(&ports->bits, port_bit(port));
}

static bool is_maybe_own(const struct guard *guard, unsigned port)
{
	return atomic_load_explicit(&guard->ports->bits, memory_order_relaxed) & port_bit(port);
}

void guard_look_up(struct guard *guard, struct datagram *const *received, unsigned count)
{
	const struct access *admits, *exempts;

	lock_take(&guard->lock);
	admits = atomic_load(&guard->access[ACCESS_ADMITS]);
	exempts = atomic_load(&guard->access[ACCESS_EXEMPTS]);
	for (unsigned i = 0; i < count; i++) {
		struct datagram *datagram = received[i];

		if (admits != NULL && !access_admits(admits, &datagram->client))
			datagram->standing = DATAGRAM_REFUSED;
		else if (exempts != NULL && access_admits(exempts, &datagram->client))
			datagram->standing = DATAGRAM_EXEMPT;
	}
	lock_release(&guard->lock);
}

void guard_settle(struct guard *guard)
{
	lock_take(&guard->lock);
	lock_release(&guard->lock);
}

static bool is_looping(const struct guard *guard, const struct datagram *datagram)
{
	struct loops *loops = atomic_load_explicit(guard->loops, memory_order_relaxed);

	return loops != NULL && loops_must_drop(loops, guard->dice, datagram);
}

enum ledger_drop guard_look_closer(const struct guard *guard, struct datagram *datagram)
{
	unsigned port = addr_port(&datagram->client);

	if (guard->closed)
		return datagram->arrived_ns <= guard->owed_until_ns ? DROP_SHUTDOWN : DROP_DRAINING;
	if (datagram->truncated)
		return DROP_TRUNCATED;
	if (datagram->cast == DATAGRAM_UNADDRESSED)
		return DROP_UNADDRESSED;
	if (datagram->cast != DATAGRAM_UNICAST && !guard->serves_many)
		return datagram->cast == DATAGRAM_BROADCAST ? DROP_BROADCAST : DROP_MULTICAST;
	if (port == 0)
		return DROP_SOURCE_PORT_ZERO;
	if (port < atomic_load_explicit(guard->min_source_port, memory_order_relaxed))
		return DROP_SOURCE_PORT_LOW;
	if (refused_ports_hold(guard->refused, port))
		return DROP_SOURCE_PORT_REFUSED;
	if (is_maybe_own(guard, port) && guard->is_own(guard->context, &datagram->client))
		return DROP_SOURCE_SELF;
	if (is_looping(guard, datagram))
		return DROP_LOOP;
	if (datagram->standing == DATAGRAM_REFUSED)
		return DROP_ACCESS;
	if (!limiter_admits(guard->limiter, guard->dice, datagram))
		return DROP_LIMIT;
	if (guard->verify != NULL && !guard->verify(guard->context, datagram))
		return DROP_VERIFY;
	return GUARD_ADMIT;
}
