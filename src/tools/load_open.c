/* The open loop: request n of all is due at its moment, and is sent by client n, cyclically. One that
 * is sent later counts from when it was due. */
#include "base/clock.h"
#include "tools/load_loop.h"

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

static int64_t due_ns(const struct load_loop *loop, uint64_t number)
{
	return number < loop->due_count ? load_pace_due_ns(&loop->pace, number) : INT64_MAX;
}

/* `count` of its requests will not be tried again. */
static void pass(struct load_loop *loop, struct load_client *client, unsigned count)
{
	client->next_due += (uint64_t)count * loop->options->sockets;
	loop->left -= count;
}

/* Send a batch of what is due. True: there is more that could not be sent. */
static bool send_due(struct load_loop *loop, struct load_client *client, int64_t now_ns)
{
	int64_t dues[LOAD_BATCH];
	uint64_t number = client->next_due;
	unsigned count = 0;
	int sent;

	while (count < LOAD_BATCH && (dues[count] = due_ns(loop, number)) <= now_ns) {
		count++;
		number += loop->options->sockets;
	}
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

int64_t load_open_send(struct load_loop *loop, int64_t now_ns)
{
	bool more = false;

	for (uint32_t i = 0; i < loop->options->sockets; i++) {
		struct load_client *client = &loop->clients[loop->turn];

		if (due_ns(loop, client->next_due) > now_ns)
			break;
		more |= send_due(loop, client, now_ns);
		loop->turn = (loop->turn + 1) % loop->options->sockets;
	}
	return more ? now_ns : due_ns(loop, loop->clients[loop->turn].next_due);
}
