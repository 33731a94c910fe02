#include "engine/receiver.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/sys.h"

/* The wait after an error of the socket: an error that stays costs 100 looks a second, not a core. */
#define ERROR_PAUSE_MS 10

/* If the wall clock was stepped, arrival times are unknown; draining a socket then stops after this long.
 * Inline it does not, because handlers take the time then, and may until the drain's is over. The default
 * buffer of 4 MiB holds 5,000 datagrams, which a receiver takes in 5 ms. */
#define FINISH_MAX_NS (200 * NS_PER_MS)

/* Of a reception, so that a flood does not keep the receiver from receiving. */
#define BUSY_REPLIES_MAX 8u

_Static_assert(SOCKET_BATCH <= QUEUE_BATCH_MAX, "inline, a reception is answered as one batch");

void receiver_release(struct receiver *receiver)
{
	struct datagram_list slots = { 0 };

	for (unsigned i = 0; i < SOCKET_BATCH && receiver->slots[i] != NULL; i++)
		datagram_list_push(&slots, receiver->slots[i]);
	slab_give(receiver->slab, &slots);
	reply_batch_free(receiver->replies);
	receiver->replies = NULL;
	socket_batch_destroy(&receiver->batch);
	lock_destroy(&receiver->guard.lock);
	lock_destroy(&receiver->lock);
}

static bool is_inline(const struct receiver *receiver)
{
	return receiver->service->queue == NULL;
}

bool receiver_serves(const struct receiver *receiver)
{
	return is_inline(receiver) || receiver->service->handler.calls->never_blocks;
}

/* --- what the guard asks */

static bool is_verified(const void *context, const struct datagram *datagram)
{
	const struct receiver *receiver = context;
	struct answer answer = { .door = &receiver->service->door, .counted = true };
	struct handler_request request;

	handler_request_init(
		&request, &receiver->service->handler, receiver->sockets, receiver->log, 0);
	request.answer = &answer;
	handler_lend(&request, datagram);
	return handler_verify(&receiver->service->handler, &request);
}

static bool is_own(const void *context, const union addr *client)
{
	const struct receiver *receiver = context;

	return socket_is_own(receiver->sockets, receiver->sockets_count, client);
}

/* The kernel gives each of several sockets at an address a copy of what was sent to many machines: the first one's is
 * served. */
static void make_guard(struct receiver *receiver)
{
	struct service *service = receiver->service;

	receiver->guard = (struct guard){
		.owed_until_ns = INT64_MIN,
		.serves_many = service->broadcast && receiver->is_first,
		.min_source_port = &service->min_source_port,
		.refused = &service->refused_ports,
		.loops = &service->door.loops,
		.ports = receiver->ports,
		.is_own = is_own,
		.limiter = &service->limiter,
		.dice = &receiver->dice,
		.verify = service->handler.calls->verify != NULL ? is_verified : NULL,
		.context = receiver,
		.access = service->access,
	};
	lock_init(&receiver->guard.lock);
}

int receiver_prepare(struct receiver *receiver, unsigned data_bytes, bool gro)
{
	int error = reply_batch_new(receiver->service->reply_bytes, slab_data_bytes(receiver->slab),
		&receiver->replies);

	lock_init(&receiver->lock);
	make_guard(receiver);
	slab_take(receiver->slab, SOCKET_BATCH, receiver->slots);
	if (error < 0)
		return error;
	receiver->replies->sockets = receiver->sockets;
	receiver->replies->log = receiver->log;
	return socket_batch_init(&receiver->batch, data_bytes, gro);
}

/* --- receiving */

/* Sort the first `count` slots: those to be served go to `admitted`; those that stay the receiver's come
 * first in `slots`. Returns how many stay. */
static unsigned admit_batch(struct receiver *receiver, unsigned count,
	struct datagram_list *admitted, struct ledger *admission)
{
	int64_t max_wait_ns =
		atomic_load_explicit(&receiver->service->max_wait_ns, memory_order_relaxed);
	int64_t wait_ns = max_wait_ns > 0 ? max_wait_ns : DATAGRAM_FOREVER_NS;
	const struct guard_pass pass = guard_begin(
		&receiver->guard, receiver->slots, count, receiver->batch.arrivals.monotonic_ns);
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++) {
		struct datagram *datagram = receiver->slots[i];
		enum ledger_drop verdict = guard_check(&receiver->guard, &pass, datagram);

		datagram->expires_ns = datagram->arrived_ns + wait_ns;
		datagram->received_ns = receiver->batch.arrivals.monotonic_ns;
		datagram->socket = (uint16_t)receiver->number;
		if (verdict == GUARD_ADMIT) {
			datagram_list_push(admitted, datagram);
			continue;
		}
		admission->dropped[verdict]++;
		loss_note(&receiver->service->losses[verdict], datagram, 0, 0);
		receiver->slots[kept++] = datagram;
	}
	admission->received = count;
	return kept;
}

static void log_error(struct receiver *receiver, int error)
{
	uint64_t suppressed;

	if (!log_limit_pass(&receiver->error_limit, sys_monotonic_ns(), &suppressed))
		return;
	log_event(receiver->log, EVENT_RECEIVE_FAILED,
		LOG_FIELDS(log_text("service", receiver->service->name), log_errno("error", error),
			log_uint("suppressed", suppressed)));
}

/* Answer some that the full queue dropped, without waiting for anything. They are in the books already. */
static void reply_busy(struct receiver *receiver, const struct datagram_list *dropped)
{
	struct service *service = receiver->service;
	struct reply_batch *replies = receiver->replies;
	struct ledger sent = { 0 };
	struct answer answer = {
		.door = &service->door,
		.replies = replies,
		.results = &sent,
		.bytes_max = service->reply_bytes,
	};
	struct handler_request request;
	unsigned left = BUSY_REPLIES_MAX;

	handler_request_init(&request, &service->handler, receiver->sockets, receiver->log,
		WORKER_OF_RECEIVER(receiver->number));
	request.answer = &answer;
	replies->losses = NULL;
	replies->impatient = true;
	for (struct datagram *d = dropped->first; d != NULL && left > 0; d = d->next, left--) {
		ssize_t length;

		handler_lend(&request, d);
		answer.length = -1;
		answer.counted = false;
		length = handler_busy(
			&service->handler, &request, replies->next_buffer, service->reply_bytes);
		if (length >= 0 && answer_may_add(&answer, d, (size_t)length))
			reply_add(replies, d, (size_t)length);
		if (replies->full)
			reply_send(replies, &sent);
	}
	reply_send(replies, &sent);
	replies->impatient = false;
	atomic_fetch_add(&service->busy_replied, sent.replied + sent.replies_extra);
}

static void call_owner(struct attention *attention)
{
	if (atomic_load_explicit(&attention->asleep, memory_order_relaxed) &&
		atomic_exchange(&attention->asleep, false))
		(void)eventfd_write(attention->fd, 1);
}

static void push_batch(
	struct receiver *receiver, struct datagram_list *admitted, const struct ledger *admission)
{
	struct datagram_list dropped = { 0 };

	queue_push(receiver->service->queue, admitted, admission,
		receiver->batch.arrivals.monotonic_ns, &dropped);
	call_owner(&receiver->workers->attention);
	worker_wake(receiver->workers, receiver->batch.arrivals.monotonic_ns);
	if (receiver->service->busy_replies && dropped.count > 0)
		reply_busy(receiver, &dropped);
	slab_give(receiver->slab, &dropped);
}

/* Add to the inline books: what was received, or what became of `finished` jobs. */
static void enter_books(struct receiver *receiver, const struct ledger *entry, unsigned finished)
{
	lock_take(&receiver->lock);
	ledger_add(&receiver->ledger, entry);
	receiver->ledger.running -= finished;
	assert(ledger_balances(&receiver->ledger));
	lock_release(&receiver->lock);
}

void receiver_books(struct receiver *receiver, struct ledger *to)
{
	lock_take(&receiver->lock);
	ledger_add(to, &receiver->ledger);
	lock_release(&receiver->lock);
}

static void serve_inline(
	struct receiver *receiver, struct datagram_list *jobs, struct ledger *admission)
{
	struct ledger results;

	admission->running = jobs->count;
	enter_books(receiver, admission, 0);
	call_owner(&receiver->workers->attention);
	worker_run_inline(receiver->worker, jobs, receiver->batch.arrivals.monotonic_ns, &results);
	enter_books(receiver, &results, jobs->count);
}

/* They came in order: the first one stands for a half of them and the last one for the other. */
static void note_waits_of(struct receiver *receiver, const struct datagram_list *admitted)
{
	struct histogram *waits = &receiver->socket_wait_ns;
	unsigned late = admitted->count / 2;

	histogram_add_many(waits, admitted->first->received_ns - admitted->first->arrived_ns,
		admitted->count - late);
	if (late > 0)
		histogram_add_many(
			waits, admitted->last->received_ns - admitted->last->arrived_ns, late);
}

int receiver_step(struct receiver *receiver)
{
	struct datagram_list admitted = { 0 };
	struct ledger admission = { 0 };
	unsigned kept;
	int count = socket_receive(
		&receiver->sockets[receiver->number], &receiver->batch, receiver->slots);

	if (count < 0)
		log_error(receiver, -count);
	if (count <= 0)
		return count;
	kept = admit_batch(receiver, (unsigned)count, &admitted, &admission);
	if (admitted.count > 0)
		note_waits_of(receiver, &admitted);
	if (is_inline(receiver)) {
		for (struct datagram *d = admitted.first; d != NULL; d = d->next)
			receiver->slots[kept++] = d;
		serve_inline(receiver, &admitted, &admission);
	} else {
		push_batch(receiver, &admitted, &admission);
		slab_take(receiver->slab, (unsigned)count - kept, &receiver->slots[kept]);
	}
	return count;
}

static void pause_after_error(const struct receiver *receiver)
{
	struct pollfd stop = { .fd = receiver->stop_fd, .events = POLLIN };

	(void)sys_wait(&stop, 1, ERROR_PAUSE_MS);
}

/* With nothing to receive: assist, or let the workers that were woken run first, which often saves their
 * preemption, and a reception for each datagram that arrives meanwhile. Inline, look once more after a
 * batch of several, because the next ones have arrived while it ran: 1.05 times the bare loop, not 1.07
 * (make bench, 256 x 1). Returns whether to receive again at once. */
static bool stand_back(struct receiver *receiver, int count)
{
	if (is_inline(receiver))
		return count > 1;
	if (receiver->worker != NULL && worker_assist(receiver->worker) == WORKER_WORKED)
		return true;
	if (count > 0)
		sys_yield();
	return count > 0;
}

/* The error that a time of arrival may have; 0: none. A twentieth of max_wait_ms, or of a second where that is
 * without a limit; none below the millisecond that poll(2) can tell, where the handler reads the time, or
 * where it may block its receiver, which sees nothing meanwhile. */
static int64_t arrival_error_ns(const struct receiver *receiver)
{
	const struct service *service = receiver->service;
	int64_t max_wait_ns = atomic_load_explicit(&service->max_wait_ns, memory_order_relaxed);
	int64_t error_ns = (max_wait_ns > 0 ? max_wait_ns : NS_PER_S) / ARRIVALS_CALM;
	bool blocks = is_inline(receiver) && !service->handler.calls->never_blocks;

	return service->handler.calls->reads_arrived || blocks || error_ns < NS_PER_MS ? 0
										       : error_ns;
}

/* After a look at the socket. They are switched off when it was empty, because those that wait would lose theirs. */
static void adjust_timestamps(struct receiver *receiver)
{
	struct arrivals *arrivals = &receiver->batch.arrivals;
	int64_t error_ns = arrival_error_ns(receiver);
	bool on = error_ns == 0 || arrivals_need_timestamps(arrivals, error_ns);

	if (on == arrivals->off && (on || arrivals->looked_ns == arrivals->empty_ns))
		arrivals_switch(arrivals, receiver->sockets[receiver->number].fd, on);
}

/* Returns whether there may be more to do now. */
static bool receive_or_stand_back(struct receiver *receiver)
{
	int count = receiver_step(receiver);

	if (count >= 0)
		adjust_timestamps(receiver);
	if (count == SOCKET_BATCH || stand_back(receiver, count))
		return true;
	if (count < 0)
		pause_after_error(receiver);
	return count < 0;
}

/* Without timestamps, look after the time of the error allowed, too: they are switched on then. What comes after a
 * sleep arrived after it began, also where timestamps are in doubt. */
static void wait_readable(struct receiver *receiver)
{
	struct pollfd fds[2] = {
		{ .fd = receiver->stop_fd, .events = POLLIN },
		{ .fd = receiver->sockets[receiver->number].fd, .events = POLLIN },
	};
	struct arrivals *arrivals = &receiver->batch.arrivals;
	int timeout_ms = arrivals->off ? (int)(arrival_error_ns(receiver) / NS_PER_MS) : -1;
	int64_t begin_ns = sys_monotonic_ns();

	(void)sys_wait(fds, 2, timeout_ms);
	if (arrivals->off || arrivals->in_doubt_ns != 0)
		arrivals_waited(arrivals, begin_ns, fds[1].revents == 0);
}

/* None when the server aborts: what is left in the socket will be refused. Arrival times that are known find
 * the end; FINISH_MAX_NS is for the others. */
static bool has_time(struct receiver *receiver, bool known, int64_t end_ns)
{
	if (!receiver->guard.closed && atomic_load(&receiver->workers->aborting)) {
		receiver->guard.owed_until_ns = end_ns;
		return false;
	}
	return known || (is_inline(receiver) && !receiver->guard.closed) ||
	       sys_monotonic_ns() < end_ns + FINISH_MAX_NS;
}

/* What has arrived at its socket by now. */
static void take_arrived(struct receiver *receiver)
{
	struct arrivals *arrivals = &receiver->batch.arrivals;
	int64_t end_ns = sys_monotonic_ns();
	bool known = true; /* the arrival times of the last batch */

	if (arrivals->off)
		arrivals_switch(arrivals, receiver->sockets[receiver->number].fd, true);
	while ((arrivals->floor_ns <= end_ns || socket_batch_holds_more(&receiver->batch)) &&
		has_time(receiver, known, end_ns)) {
		int64_t before_ns = arrivals->floor_ns;
		int count = receiver_step(receiver);

		if (count < 0 && atomic_load(receiver->shutdowns) > 0 && !receiver->guard.closed)
			receiver->guard.owed_until_ns = end_ns;
		if (count <= 0)
			break;
		known = arrivals->floor_ns != before_ns;
	}
}

void receiver_offer(struct receiver *receiver, const struct socket *next)
{
	assert(!atomic_load(&receiver->offered));
	receiver->next = *next;
	atomic_store(&receiver->offered, true);
	socket_wake(&receiver->sockets[receiver->number]);
}

/* Both sockets have timestamps then: the old one since it was asked for the last time. */
void receiver_take_over(struct receiver *receiver)
{
	if (!atomic_load(&receiver->offered))
		return;
	take_arrived(receiver);
	socket_replace(&receiver->sockets[receiver->number], &receiver->next);
	atomic_store(&receiver->offered, false);
}

void receiver_finish(struct receiver *receiver, bool refuse)
{
	receiver->guard.closed = refuse;
	receiver_take_over(receiver);
	take_arrived(receiver);
}

void receiver_run(struct receiver *receiver)
{
	while (atomic_load_explicit(receiver->shutdowns, memory_order_relaxed) == 0) {
		receiver_take_over(receiver);
		if (!receive_or_stand_back(receiver))
			wait_readable(receiver);
	}
	if (!is_inline(receiver)) {
		queue_end_assist(receiver->service->queue);
		worker_wake(receiver->workers, sys_monotonic_ns());
	}
	receiver_finish(receiver, false);
}
