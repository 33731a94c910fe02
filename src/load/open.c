/* The open loop: request n of all is due at its moment, and is sent by client n, cyclically. One that
 * is sent later counts from when it was due. */
#include "base/clock.h"
#include "load/loop.h"

bool load_open_plan(struct load_loop *loop, int64_t *end_ns)
{
	const struct load_options *options = loop->options;
	uint64_t uncounted = load_pace_count(&loop->pace, options->warmup_ns);
	bool counted;

	loop->due_count = load_pace_count(&loop->pace, *end_ns);
	counted = options->count < loop->due_count - uncounted;
	if (counted) {
		loop->due_count = uncounted + options->count;
		*end_ns = load_pace_due_ns(&loop->pace, loop->due_count);
	}
	loop->left = loop->due_count;
	loop->result->due = loop->due_count - uncounted;
	return counted;
}

/* `count` of its requests will not be tried again. */
static void pass(struct load_loop *loop, struct load_client *client, unsigned count)
{
	client->next_due += (uint64_t)count * loop->options->sockets;
	loop->left -= count;
}

/* Send a batch of what is due: requests before `loop->next`. True: there is more. */
static bool send_due(struct load_loop *loop, struct load_client *client, int64_t now_ns)
{
	int64_t dues[LOAD_BATCH];
	uint64_t number = client->next_due;
	unsigned count = 0;
	int sent;

	for (; count < LOAD_BATCH && number < loop->next; number += loop->options->sockets)
		dues[count++] = load_pace_due_ns(&loop->pace, number);
	if (count == 0)
		return false;
	load_tally_expire(loop->tally, &client->window, now_ns);
	sent = load_loop_send(loop, client, count);
	if (sent < 0) {
		pass(loop, client, 1);
		return count > 1;
	}
	now_ns = load_loop_now_ns(loop);
	for (unsigned i = 0; i < count && i < (unsigned)sent; i++)
		load_tally_sent(loop->tally, &client->window, dues[i], now_ns);
	pass(loop, client, (unsigned)sent);
	return (unsigned)sent < count || count == LOAD_BATCH;
}

/* The clients of the requests that became due; or all, where some could not send theirs. */
int64_t load_open_send(struct load_loop *loop, int64_t now_ns)
{
	unsigned sockets = loop->options->sockets;
	uint64_t first = loop->next, next = load_pace_count(&loop->pace, now_ns + 1);
	uint64_t clients;

	loop->next = next < loop->due_count ? next : loop->due_count;
	clients = loop->behind || loop->next - first > sockets ? sockets : loop->next - first;
	loop->behind = false;
	for (uint64_t i = 0; i < clients; i++)
		loop->behind |= send_due(loop, &loop->clients[(first + i) % sockets], now_ns);
	if (loop->behind)
		return now_ns;
	return loop->next < loop->due_count ? load_pace_due_ns(&loop->pace, loop->next) : INT64_MAX;
}
