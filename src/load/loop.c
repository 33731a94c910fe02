#include "load/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"

/* Room for what closed loops can have on their way: they have no rate of their own. */
#define CLOSED_RATE 500000.0
#define REQUESTS_MAX (4ull * LOAD_ALL_IN_FLIGHT_MAX)

static int complain(const char *what, int error)
{
	(void)fprintf(stderr, "dgramload: %s: %s\n", what, strerrordesc_np(-error));
	return error;
}

/* Requests of a client to remember: those of twice the patience, so that late ones are known. */
static uint64_t window_room(const struct load_options *options)
{
	bool closed = options->mode == LOAD_CLOSED;
	double rate = (closed ? CLOSED_RATE : options->rate) / options->sockets;
	double patience_s = (double)options->timeout_ns / (double)NS_PER_S;
	double need =
		2 * rate * patience_s + 4 * (closed ? options->in_flight : 0) + 4 * LOAD_BATCH;
	uint64_t most = REQUESTS_MAX / options->sockets;
	uint64_t room = LOAD_BATCH;

	while ((double)room < need && 2 * room <= most)
		room *= 2;
	return room;
}

static int open_client(struct load_loop *loop, uint32_t index, uint64_t room)
{
	struct load_client *client = &loop->clients[index];
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = index };
	int error;

	client->fd = -1;
	client->matching = loop->options->check ? LOAD_BY_NUMBER : LOAD_UNKNOWN;
	client->next_due = index;
	load_window_init(&client->window, &loop->requests[index * room], room);
	error = load_client_open(loop->options, index, &client->fd);
	if (error < 0)
		return error;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, client->fd, &event) < 0)
		return complain("epoll", -errno);
	return 0;
}

int load_loop_open(struct load_loop *ret_loop, const struct load_options *options,
	const struct load_payload *payload, struct load_result *result)
{
	uint64_t room = window_room(options);
	struct load_loop *loop = ret_loop;
	int error;

	*loop = (struct load_loop){
		.options = options,
		.payload = payload,
		.result = result,
		.tally = &result->tally,
		.clients = calloc(options->sockets, sizeof(*loop->clients)),
		.requests = calloc(options->sockets, room * sizeof(*loop->requests)),
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.pace = { options->rate, (double)options->ramp_ns / (double)NS_PER_S },
	};
	if (loop->epoll < 0 ||
		epoll_pwait2(loop->epoll, loop->ready, 1, &(struct timespec){ 0 }, NULL) < 0)
		return complain("epoll", -errno);
	if (loop->clients == NULL || loop->requests == NULL)
		return complain("requests", -ENOMEM);
	for (uint32_t i = 0; i < options->sockets; i++)
		loop->clients[i].fd = -1;
	error = load_batch_new(payload, options->gso, &loop->batch);
	if (error < 0)
		return complain("requests", error);
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
	load_batch_free(loop->batch);
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
	size_t length;
	const uint8_t *answer = load_batch_answer(loop->batch, index, &length);
	uint64_t number;
	bool numbered = load_payload_number(loop->payload, answer, length, &number);

	loop->result->bytes_received += length;
	if (client->matching == LOAD_UNKNOWN)
		client->matching = numbered ? LOAD_BY_NUMBER : LOAD_IN_ORDER;
	if (client->matching == LOAD_IN_ORDER)
		load_tally_answer_in_order(loop->tally, &client->window, now_ns);
	else if (!numbered || (loop->options->check &&
				      !load_payload_is_echo(loop->payload, number, answer, length)))
		load_tally_wrong(loop->tally, now_ns);
	else
		load_tally_answer(loop->tally, &client->window, number, now_ns);
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

/* That an earlier request found nobody is told once to the next call, which then sends nothing. */
int load_loop_send(struct load_loop *loop, struct load_client *client, unsigned count)
{
	uint64_t room = load_window_room(&client->window);
	int sent = -ECONNREFUSED;

	if (count > room)
		count = (unsigned)room;
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

void load_loop_expire(struct load_loop *loop, int64_t now_ns)
{
	for (uint32_t i = 0; i < loop->options->sockets; i++)
		load_tally_expire(loop->tally, &loop->clients[i].window, now_ns);
}
