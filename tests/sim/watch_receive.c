/* What the model does with what was received: all that must be let in is, in order, and no more. */
#include <inttypes.h>
#include <string.h>

#include "run.h"
#include "watch.h"

/* What had arrived before the stop may be left in the socket only if something cut the drain short. By its time of
 * arrival as the product has it: the receiver keeps what it refuses, in the order in which it was received.
 * Inline the model is asked before that is known (watch_inline.c). */
static bool was_owed(const struct sim_socket *socket, unsigned place)
{
	const struct receiver *receiver = &the_run->receivers[socket - the_run->network.sockets];
	int64_t owed_until_ns = receiver->guard.owed_until_ns;

	must(owed_until_ns == INT64_MIN || socket->failed_at_stop ||
			atomic_load(&the_run->shared.aborting),
		"nothing cut the drain short");
	return the_run->services[socket->service].queue != NULL &&
	       receiver->slots[place]->arrived_ns <= owed_until_ns;
}

/* Why it must not be served; DROP_COUNT: it must. */
static enum ledger_drop refusal(const struct sim_socket *socket, unsigned place)
{
	uint32_t number = socket->received[place];
	const struct letter *letter = &the_run->network.letters[number];
	const struct run *run = the_run;
	unsigned port = addr_port(&letter->from);

	if (run->refusing)
		return was_owed(socket, place) ? DROP_SHUTDOWN : DROP_DRAINING;
	if (letter->length > SCENARIO_DATA_BYTES)
		return DROP_TRUNCATED;
	if (network_cast(number) != DATAGRAM_UNICAST)
		return network_cast(number) == DATAGRAM_BROADCAST ? DROP_BROADCAST : DROP_MULTICAST;
	if (port == 0)
		return DROP_SOURCE_PORT_ZERO;
	if (port < atomic_load(&run->services[socket->service].min_source_port))
		return DROP_SOURCE_PORT_LOW;
	for (unsigned i = 0; i < run->network.sockets_count; i++)
		if (addr_same_host(&run->network.sockets[i].bound, &letter->from) &&
			port == addr_port(&run->network.sockets[i].bound))
			return DROP_SOURCE_SELF;
	return run->scenario.bad_one_in > 0 && number % 13 == 0 ? DROP_VERIFY : DROP_COUNT;
}

void watch_look(struct sim_socket *socket, bool empty)
{
	const struct world *world = &the_run->world;
	struct looks *looks = &socket->looks;

	looks->busy_ns = world->now_ns - looks->at_ns - looks->slept_ns;
	if (looks->empty)
		looks->late_ns = 0;
	if (looks->waited)
		looks->late_ns += world->wake_most_ns;
	if (looks->waited || world->hold_one_in > 0)
		looks->late_ns += looks->busy_ns;
	looks->at_ns = world->now_ns;
	looks->empty = empty;
	looks->slept_ns = 0;
	looks->waited = false;
	looks->before_floor_ns = looks->floor_ns;
	if (empty)
		looks->floor_ns = world->now_ns;
}

/* The error that its deadline allows where no timestamps are asked for: a twentieth, and the time in which the
 * receiver did other things, or was late. */
static int64_t allowed_ns(const struct sim_socket *socket)
{
	return the_run->longest_wait_ns[socket->service] / 20 + socket->looks.busy_ns +
	       socket->looks.late_ns;
}

/* How wrong its time of arrival may be: not at all where the kernel says it; else it lies, as the true one,
 * between the floor and now. */
static int64_t error_most(
	const struct sim_socket *socket, const struct letter *letter, int64_t now_ns)
{
	const struct looks *looks = &socket->looks;
	bool steady = socket->clock_steps == the_run->network.clock_steps &&
		      letter->clock_steps == socket->clock_steps && the_run->world.hold_one_in == 0;
	bool told = letter->stamped && !socket->no_timestamps;

	must(!socket->no_timestamps || !the_run->handlers[socket->service].reads_arrived,
		"the handler reads the time of arrival");
	if (socket->no_timestamps)
		return allowed_ns(socket) + now_ns - looks->at_ns;
	if (told && steady && letter->stamp_ns != 0 && letter->arrived_ns < looks->at_ns)
		return 0;
	if (told && steady && letter->stamp_ns == 0)
		return looks->doubt_ns;
	return now_ns - looks->before_floor_ns;
}

static void must_have_arrived(
	struct sim_socket *socket, const struct datagram *datagram, int64_t now_ns)
{
	const struct letter *letter = watch_letter_of(datagram);
	int64_t error_ns = datagram->arrived_ns - letter->arrived_ns;
	int64_t most_ns = error_most(socket, letter, now_ns);

	must(datagram->arrived_ns <= now_ns && error_ns <= most_ns && error_ns >= -most_ns,
		"letter %u: received at %" PRId64 ", taken to have arrived at %" PRId64
		", not %" PRId64 ", more than %" PRId64 " ns away",
		watch_number_of(datagram), now_ns, datagram->arrived_ns, letter->arrived_ns,
		most_ns);
	if (most_ns == 0 && letter->arrived_ns > socket->looks.floor_ns)
		socket->looks.floor_ns = letter->arrived_ns;
}

struct ledger watch_admission(const struct sim_socket *socket)
{
	struct ledger expected = { .received = socket->received_count };

	for (unsigned i = 0; i < socket->received_count; i++) {
		enum ledger_drop reason = refusal(socket, i);

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

		if (refusal(socket, i) < DROP_COUNT) {
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
