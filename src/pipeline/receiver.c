#include "pipeline/receiver.h"

#include <errno.h>
#include <string.h>

#include "base/sys.h"

/* After an error of the socket, wait so long: it must not make the receiver spin. */
#define ERROR_PAUSE_MS 10

/* Where arrival times cannot be known, for the wall clock was set, the end is found by time. */
#define FINISH_MAX_NS (200 * NS_PER_MS)

void receiver_prepare(struct receiver *receiver, unsigned data_bytes)
{
	struct datagram_list slots = { 0 };

	socket_batch_init(&receiver->batch, data_bytes);
	slab_take(receiver->slab, SOCKET_BATCH, &slots);
	for (unsigned i = 0; i < SOCKET_BATCH; i++)
		receiver->slots[i] = datagram_list_pop(&slots);
}

void receiver_release(struct receiver *receiver)
{
	struct datagram_list slots = { 0 };

	for (unsigned i = 0; i < SOCKET_BATCH && receiver->slots[i] != NULL; i++)
		datagram_list_push(&slots, receiver->slots[i]);
	slab_give(receiver->slab, &slots);
}

static bool verified(const struct receiver *receiver, const struct datagram *datagram)
{
	struct handler_request request;

	if (receiver->service->handler.calls->verify == NULL)
		return true;
	handler_lend(datagram, &receiver->sockets[receiver->number], receiver->log, 0, &request);
	return handler_verify(&receiver->service->handler, &request);
}

/* Must this datagram not be queued? */
static bool refused(const struct receiver *receiver, const struct datagram *datagram,
	enum ledger_drop *ret_reason)
{
	uint16_t port = addr_port(&datagram->client);

	if (receiver->refuse)
		*ret_reason = DROP_SHUTDOWN;
	else if (datagram->truncated)
		*ret_reason = DROP_TRUNCATED;
	else if (port == 0)
		*ret_reason = DROP_SOURCE_PORT_ZERO;
	else if (port <
		 atomic_load_explicit(&receiver->service->min_source_port, memory_order_relaxed))
		*ret_reason = DROP_SOURCE_PORT_LOW;
	else if (socket_is_own(receiver->sockets, receiver->sockets_count, &datagram->client))
		*ret_reason = DROP_SOURCE_SELF;
	else if (!verified(receiver, datagram))
		*ret_reason = DROP_VERIFY;
	else
		return false;
	return true;
}

static void log_refused(
	struct receiver *receiver, const struct datagram *datagram, enum ledger_drop reason)
{
	uint64_t suppressed;

	if (reason == DROP_SHUTDOWN || !log_limit_pass(&receiver->drop_limits[reason],
					       receiver->batch.clocks.monotonic_ns, &suppressed))
		return;
	log_event(receiver->log, LOG_LEVEL_WARN, "datagram dropped",
		LOG_FIELDS(log_text("service", receiver->service->name),
			log_text("reason", ledger_drop_names[reason]),
			log_addr("client", &datagram->client), log_uint("bytes", datagram->length),
			log_uint("suppressed", suppressed)));
}

static void log_made_room(struct receiver *receiver, unsigned dropped)
{
	uint64_t suppressed;

	receiver->made_room += dropped;
	if (dropped == 0 || !log_limit_pass(&receiver->drop_limits[DROP_QUEUE_FULL],
				    receiver->batch.clocks.monotonic_ns, &suppressed))
		return;
	log_event(receiver->log, LOG_LEVEL_WARN, "queue full, oldest dropped",
		LOG_FIELDS(log_text("service", receiver->service->name),
			log_uint("dropped", receiver->made_room),
			log_text(
				"hint", "the pool is too slow for this load: raise pool.workers")));
	receiver->made_room = 0;
}

/* Move the datagrams to be queued out of the first `count` slots. */
static void admit(struct receiver *receiver, unsigned count, struct datagram_list *admitted,
	struct ledger *admission)
{
	for (unsigned i = 0; i < count; i++) {
		struct datagram *datagram = receiver->slots[i];
		enum ledger_drop reason;

		datagram->socket = (uint16_t)receiver->number;
		if (datagram->arrived_ns < receiver->batch.clocks.monotonic_ns) /* it is known */
			receiver->last_arrived_ns = datagram->arrived_ns;
		admission->received++;
		if (refused(receiver, datagram, &reason)) {
			admission->dropped[reason]++;
			log_refused(receiver, datagram, reason);
			continue;
		}
		datagram_list_push(admitted, datagram);
		receiver->slots[i] = NULL;
	}
}

/* Fill the gaps that admitted datagrams left. */
static void refill(struct receiver *receiver, unsigned gaps)
{
	struct datagram_list slots = { 0 };

	if (gaps == 0)
		return;
	slab_take(receiver->slab, gaps, &slots);
	for (unsigned i = 0; slots.count > 0; i++)
		if (receiver->slots[i] == NULL)
			receiver->slots[i] = datagram_list_pop(&slots);
}

static void log_error(struct receiver *receiver, int error)
{
	uint64_t suppressed;

	if (!log_limit_pass(&receiver->error_limit, sys_monotonic_ns(), &suppressed))
		return;
	log_event(receiver->log, LOG_LEVEL_WARN, "receive failed",
		LOG_FIELDS(log_text("service", receiver->service->name), log_errno("error", error),
			log_uint("suppressed", suppressed)));
}

int receiver_step(struct receiver *receiver)
{
	struct datagram_list admitted = { 0 }, dropped = { 0 };
	struct ledger admission = { 0 };
	unsigned gaps, wake;
	int count = socket_receive(
		&receiver->sockets[receiver->number], &receiver->batch, receiver->slots);

	if (count < 0)
		log_error(receiver, -count);
	if (count <= 0)
		return count;
	admit(receiver, (unsigned)count, &admitted, &admission);
	gaps = admitted.count;
	wake = queue_push(receiver->service->queue, &admitted, &admission,
		receiver->batch.clocks.monotonic_ns, &dropped);
	if (wake > 0)
		eventcount_notify(receiver->work, wake);
	log_made_room(receiver, dropped.count);
	slab_give(receiver->slab, &dropped);
	refill(receiver, gaps);
	return count;
}

/* False when it is time to stop. */
static bool wait_readable(const struct receiver *receiver)
{
	struct pollfd fds[2] = {
		{ .fd = receiver->stop_fd, .events = POLLIN },
		{ .fd = receiver->sockets[receiver->number].fd, .events = POLLIN },
	};

	(void)sys_wait(fds, 2, -1);
	return fds[0].revents == 0;
}

static void pause_after_error(const struct receiver *receiver)
{
	struct pollfd stop = { .fd = receiver->stop_fd, .events = POLLIN };

	(void)sys_wait(&stop, 1, ERROR_PAUSE_MS);
}

void receiver_run(struct receiver *receiver)
{
	while (wait_readable(receiver))
		if (receiver_step(receiver) < 0)
			pause_after_error(receiver);
	receiver_finish(receiver, false);
}

void receiver_finish(struct receiver *receiver, bool refuse)
{
	int64_t end_ns = sys_monotonic_ns();

	receiver->refuse = refuse;
	receiver->last_arrived_ns = 0;
	while (receiver->last_arrived_ns < end_ns && sys_monotonic_ns() < end_ns + FINISH_MAX_NS)
		if (receiver_step(receiver) <= 0)
			break;
}
