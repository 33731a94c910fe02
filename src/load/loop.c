#include "load/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"

/* A closed loop has no rate, so its windows are sized for this many requests a second. The fastest
 * echo in tests/bench/results/bench.md answers 347,050 a second without --gso. */
#define CLOSED_RATE 500000.0
#define REQUESTS_MAX (4ull * LOAD_ALL_IN_FLIGHT_MAX) /* of all windows, 256 MB */

/* Returns `error` after one line about it. */
static int open_failed(const char *what, int error)
{
	(void)fprintf(stderr, "dgramload: %s: %s\n", what, strerrordesc_np(-error));
	return error;
}

/* A window remembers the requests of twice the timeout, so that late answers are recognized, but never
 * two with the same number. */
static uint64_t window_room(const struct load_options *options, const struct load_id *id)
{
	bool closed = options->mode == LOAD_CLOSED;
	double rate = (closed ? CLOSED_RATE : options->rate) / options->sockets;
	double timeout_s = (double)options->timeout_ns / (double)NS_PER_S;
	double need = 2 * rate * timeout_s + 4 * options->in_flight + 4 * LOAD_BATCH;
	uint64_t most = REQUESTS_MAX / options->sockets;
	uint64_t room = LOAD_BATCH;

	if (id->bytes > 0 && load_id_count(id) < most)
		most = load_id_count(id);
	while ((double)room < need && 2 * room <= most)
		room *= 2;
	return room;
}

/* Decide how many requests are due, and when sending ends. */
static void plan_open_loop(struct load_loop *loop)
{
	const struct load_options *options = loop->options;
	uint64_t warmup = load_schedule_count(&loop->schedule, options->warmup_ns);

	loop->due_count = load_schedule_count(&loop->schedule, loop->end_ns);
	loop->until_tried = options->count < loop->due_count - warmup;
	if (loop->until_tried) {
		loop->due_count = warmup + options->count;
		loop->end_ns = load_schedule_due_ns(&loop->schedule, loop->due_count);
	}
	loop->left = loop->due_count;
	loop->result->due = loop->due_count - warmup;
}

static int open_client(struct load_loop *loop, uint32_t index, uint64_t room)
{
	struct load_client *client = &loop->clients[index];
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = index };
	int error;

	client->matching = loop->payload->numbers_back ? LOAD_BY_NUMBER : LOAD_UNKNOWN;
	client->next_due = index;
	load_window_init(
		&client->window, &loop->result->counters, &loop->requests[index * room], room);
	error = load_client_open(loop->options, index, &client->fd);
	if (error < 0)
		return error;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, client->fd, &event) < 0)
		return open_failed("epoll", -errno);
	return 0;
}

int load_loop_open(struct load_loop *ret_loop, const struct load_options *options,
	const struct load_payload *payload, struct load_result *result)
{
	uint64_t room = window_room(options, &payload->id);
	struct load_loop *loop = ret_loop;
	int error = 0;

	*loop = (struct load_loop){
		.options = options,
		.payload = payload,
		.result = result,
		.batch = load_batch_new(payload, options->gso),
		.clients = calloc(options->sockets, sizeof(*loop->clients)),
		.requests = calloc(options->sockets, room * sizeof(*loop->requests)),
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.end_ns = options->warmup_ns + options->duration_ns,
		.schedule = { options->rate, (double)options->ramp_ns / (double)NS_PER_S },
		.refill_all = true,
	};
	for (uint32_t i = 0; loop->clients != NULL && i < options->sockets; i++)
		loop->clients[i].fd = -1;
	/* Linux before 5.11 has no epoll_pwait2(2). */
	if (loop->epoll < 0 ||
		epoll_pwait2(loop->epoll, loop->ready, 1, &(struct timespec){ 0 }, NULL) < 0)
		return open_failed("epoll", -errno);
	if (loop->batch == NULL || loop->clients == NULL || loop->requests == NULL)
		return open_failed("requests", -ENOMEM);
	if (options->mode == LOAD_OPEN)
		plan_open_loop(loop);
	for (uint32_t i = 0; error == 0 && i < options->sockets; i++)
		error = open_client(loop, i, room);
	loop->begin_ns = sys_monotonic_ns();
	return error;
}

void load_loop_close(struct load_loop *loop)
{
	for (uint32_t i = 0; loop->clients != NULL && i < loop->options->sockets; i++) {
		if (loop->clients[i].fd >= 0)
			close(loop->clients[i].fd);
	}
	if (loop->epoll >= 0)
		close(loop->epoll);
	free(loop->batch);
	free(loop->requests);
	free(loop->clients);
}

int64_t load_loop_now_ns(const struct load_loop *loop)
{
	return sys_monotonic_ns() - loop->begin_ns;
}

/* The first answer to a client shows whether the service gives the number back. */
static void take_answer(
	struct load_loop *loop, struct load_client *client, unsigned index, int64_t now_ns)
{
	struct load_window *window = &client->window;
	struct load_answer answer = load_batch_answer(loop->batch, index);
	uint64_t number;
	bool numbered = load_payload_read_number(loop->payload, &answer, window->next, &number);

	loop->result->bytes_received += answer.length;
	if (answer.length < loop->payload->min_answer) {
		load_window_too_short(window, now_ns);
		return;
	}
	if (client->matching == LOAD_UNKNOWN)
		client->matching = numbered ? LOAD_BY_NUMBER : LOAD_IN_ORDER;
	if (client->matching == LOAD_IN_ORDER)
		load_window_answer_in_order(window, now_ns);
	else if (!numbered ||
		 (loop->options->check && !load_payload_is_echo(loop->payload, &answer, number)))
		load_window_wrong(window, now_ns);
	else
		load_window_answer(window, number, now_ns);
}

static void take_answers(struct load_loop *loop, struct load_client *client)
{
	int count = load_batch_receive(loop->batch, client->fd);
	int64_t now_ns = load_loop_now_ns(loop);

	if (count == -ECONNREFUSED)
		loop->result->refused++;
	for (int i = 0; i < count; i++)
		take_answer(loop, client, (unsigned)i, now_ns);
}

void load_loop_wait(struct load_loop *loop, int64_t until_ns)
{
	int64_t wait_ns = until_ns - load_loop_now_ns(loop);
	struct timespec wait = { 0 };
	int count;

	if (wait_ns > 0)
		wait = (struct timespec){ wait_ns / NS_PER_S, wait_ns % NS_PER_S };
	count = epoll_pwait2(loop->epoll, loop->ready, LOAD_BATCH, &wait, NULL);
	loop->ready_count = count > 0 ? (unsigned)count : 0;
	for (unsigned i = 0; i < loop->ready_count; i++)
		take_answers(loop, &loop->clients[loop->ready[i].data.u32]);
}

void load_loop_expire(struct load_loop *loop, int64_t now_ns)
{
	for (uint32_t i = 0; i < loop->options->sockets; i++)
		load_window_expire(&loop->clients[i].window, now_ns);
	loop->refill_all = true;
}

/* Send up to `count` requests of a client, at most LOAD_BATCH. Returns how many were sent, which are
 * not yet in the window; 0 when the window or the socket is full; -errno when the first request
 * cannot be sent, which is counted. ECONNREFUSED comes from an earlier request: the call that
 * reports it sends nothing, so try again. */
static int send_batch(struct load_loop *loop, struct load_client *client, unsigned count)
{
	uint64_t room = load_window_room(&client->window);
	int sent = -ECONNREFUSED;

	if (count > room) {
		loop->result->windows_full++;
		count = (unsigned)room;
	}
	if (count == 0)
		return 0;
	for (int attempt = 0; attempt < 2 && sent == -ECONNREFUSED; attempt++) {
		sent = load_batch_send(loop->batch, client->fd, client->window.next, count);
		loop->result->refused += sent == -ECONNREFUSED;
	}
	if (sent == -EAGAIN)
		return 0;
	if (sent < 0) {
		loop->result->send_errors++;
		loop->result->send_error = -sent;
	}
	return sent;
}

/* --- open loop: client n % sockets sends request n. A request that is sent late counts from when it
 * was due. */

/* The next `count` requests of this client will not be tried again. */
static void advance_client(struct load_loop *loop, struct load_client *client, unsigned count)
{
	client->next_due += (uint64_t)count * loop->options->sockets;
	loop->left -= count;
}

/* Send up to LOAD_BATCH requests that are due. True: some are left. */
static bool send_due(struct load_loop *loop, struct load_client *client, int64_t now_ns)
{
	int64_t dues[LOAD_BATCH];
	uint64_t number = client->next_due;
	unsigned count = 0;
	int sent;

	for (; count < LOAD_BATCH && number < loop->next; number += loop->options->sockets)
		dues[count++] = load_schedule_due_ns(&loop->schedule, number);
	if (count == 0)
		return false;
	load_window_expire(&client->window, now_ns);
	sent = send_batch(loop, client, count);
	if (sent < 0) {
		advance_client(loop, client, 1);
		return count > 1;
	}
	now_ns = load_loop_now_ns(loop);
	for (unsigned i = 0; i < count && i < (unsigned)sent; i++)
		load_window_sent(&client->window, dues[i], now_ns);
	advance_client(loop, client, (unsigned)sent);
	return (unsigned)sent < count || count == LOAD_BATCH;
}

/* The clients whose requests became due send; all clients do when some were behind. */
static int64_t send_open(struct load_loop *loop, int64_t now_ns)
{
	unsigned sockets = loop->options->sockets;
	uint64_t first = loop->next, next = load_schedule_count(&loop->schedule, now_ns + 1);
	uint64_t clients;

	loop->next = next < loop->due_count ? next : loop->due_count;
	clients = loop->behind || loop->next - first > sockets ? sockets : loop->next - first;
	loop->behind = false;
	for (uint64_t i = 0; i < clients; i++)
		loop->behind |= send_due(loop, &loop->clients[(first + i) % sockets], now_ns);
	if (loop->behind)
		return now_ns;
	return loop->next < loop->due_count ? load_schedule_due_ns(&loop->schedule, loop->next)
					    : INT64_MAX;
}

/* --- closed loop: each client keeps the same number of requests in flight */

static uint64_t closed_left(const struct load_loop *loop)
{
	uint64_t tried = loop->result->counters.sent + loop->result->send_errors;

	return loop->options->count > tried ? loop->options->count - tried : 0;
}

static void refill(struct load_loop *loop, struct load_client *client)
{
	int64_t now_ns = load_loop_now_ns(loop);
	int sent = 1;

	while (sent > 0) {
		uint64_t count = loop->options->in_flight - client->window.in_flight;

		if (count > closed_left(loop))
			count = closed_left(loop);
		sent = send_batch(loop, client, count < LOAD_BATCH ? (unsigned)count : LOAD_BATCH);
		for (int i = 0; i < sent; i++)
			load_window_sent(&client->window, now_ns, now_ns);
	}
}

static void send_closed(struct load_loop *loop)
{
	unsigned count = loop->refill_all ? loop->options->sockets : loop->ready_count;

	for (unsigned i = 0; i < count; i++)
		refill(loop, &loop->clients[loop->refill_all ? i : loop->ready[i].data.u32]);
	loop->refill_all = false;
}

/* --- */

int64_t load_loop_send(struct load_loop *loop, int64_t now_ns)
{
	if (loop->options->mode == LOAD_OPEN)
		return send_open(loop, now_ns);
	send_closed(loop);
	return INT64_MAX;
}

bool load_loop_is_over(const struct load_loop *loop, int64_t now_ns)
{
	if (loop->options->mode == LOAD_OPEN)
		return now_ns >= loop->end_ns && (!loop->until_tried || loop->left == 0);
	return now_ns >= loop->end_ns || closed_left(loop) == 0;
}
