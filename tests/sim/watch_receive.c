/* What the model does with what was received: all that must be let in is, in order, and no more. */
#include <inttypes.h>
#include <string.h>

#include "run.h"
#include "watch.h"

/* Why it must not be served; DROP_COUNT: it must. */
static enum ledger_drop refusal(unsigned service, uint32_t number)
{
	const struct letter *letter = &the_run->network.letters[number];
	const struct run *run = the_run;
	unsigned port = addr_port(&letter->from);

	if (run->refusing)
		return DROP_SHUTDOWN;
	if (letter->length > SCENARIO_DATA_BYTES)
		return DROP_TRUNCATED;
	if (network_cast(number) != DATAGRAM_UNICAST)
		return network_cast(number) == DATAGRAM_BROADCAST ? DROP_BROADCAST : DROP_MULTICAST;
	if (port == 0)
		return DROP_SOURCE_PORT_ZERO;
	if (port < atomic_load(&run->services[service].min_source_port))
		return DROP_SOURCE_PORT_LOW;
	for (unsigned i = 0; i < run->network.sockets_count; i++)
		if (addr_same_host(&run->network.sockets[i].bound, &letter->from) &&
			port == addr_port(&run->network.sockets[i].bound))
			return DROP_SOURCE_SELF;
	return run->scenario.bad_one_in > 0 && number % 13 == 0 ? DROP_VERIFY : DROP_COUNT;
}

/* Its age must be right wherever it can be known, and never be more. */
static void must_have_arrived(
	const struct sim_socket *socket, const struct datagram *datagram, int64_t now_ns)
{
	const struct letter *letter = watch_letter_of(datagram);
	bool known = letter->stamped && socket->clock_steps == the_run->network.clock_steps &&
		     letter->clock_steps == socket->clock_steps && the_run->world.hold_one_in == 0;

	must(datagram->arrived_ns >= letter->arrived_ns && datagram->arrived_ns <= now_ns,
		"letter %u: received at %" PRId64 ", taken to have arrived at %" PRId64
		", not %" PRId64,
		watch_number_of(datagram), now_ns, datagram->arrived_ns, letter->arrived_ns);
	must(!known || datagram->arrived_ns == letter->arrived_ns,
		"letter %u: taken to have arrived %" PRId64 " ns too late",
		watch_number_of(datagram), datagram->arrived_ns - letter->arrived_ns);
}

struct ledger watch_admission(const struct sim_socket *socket)
{
	struct ledger expected = { .received = socket->received_count };

	for (unsigned i = 0; i < socket->received_count; i++) {
		enum ledger_drop reason = refusal(socket->service, socket->received[i]);

		if (reason < DROP_COUNT)
			expected.dropped[reason]++;
	}
	return expected;
}

struct ledger watch_admit(
	struct sim_socket *socket, const struct datagram_list *batch, int64_t now_ns)
{
	struct ledger expected = watch_admission(socket);
	const struct datagram *next = batch->first;

	for (unsigned i = 0; i < socket->received_count; i++) {
		uint32_t number = socket->received[i];

		if (refusal(socket->service, number) < DROP_COUNT) {
			the_run->network.letters[number].state = LETTER_DONE;
			continue;
		}
		must(next != NULL && watch_number_of(next) == number, "letter %u was not let in",
			number);
		must_have_arrived(socket, next, now_ns);
		next = next->next;
	}
	must(next == NULL, "more was let in than received");
	socket->received_count = 0;
	socket->clock_steps = the_run->network.clock_steps;
	return expected;
}
