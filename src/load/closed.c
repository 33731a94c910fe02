/* The closed loop: each client sends its next request when one was answered, or given up. */
#include "load/loop.h"

static uint64_t wanted(const struct load_loop *loop, const struct load_client *client)
{
	uint64_t done = loop->tally->sent + loop->result->send_errors;
	uint64_t want = loop->options->in_flight - client->window.in_flight;
	uint64_t left = loop->options->count > done ? loop->options->count - done : 0;

	if (want > left)
		want = left;
	return want < LOAD_BATCH ? want : LOAD_BATCH;
}

static void fill(struct load_loop *loop, struct load_client *client)
{
	int64_t now_ns = load_loop_now_ns(loop);
	int sent = 1;

	while (sent > 0) {
		sent = load_loop_send(loop, client, (unsigned)wanted(loop, client));
		for (int i = 0; i < sent; i++)
			load_tally_sent(loop->tally, &client->window, now_ns, now_ns);
	}
}

void load_closed_send_all(struct load_loop *loop)
{
	for (uint32_t i = 0; i < loop->options->sockets; i++)
		fill(loop, &loop->clients[i]);
}

void load_closed_send_ready(struct load_loop *loop)
{
	for (unsigned i = 0; i < loop->ready_count; i++)
		fill(loop, &loop->clients[loop->ready[i].data.u32]);
}
