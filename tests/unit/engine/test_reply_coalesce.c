/* Which replies of a batch leave as one message, and in which order. */
/* link: -Wl,--wrap=sys_send,--wrap=sys_wait,--wrap=log_event */
#include "reply_support.h"

static void one_batch(const char *batch, const char *messages)
{
	for (int wildcard = 0; wildcard < 2; wildcard++)
		for (int v6 = 0; v6 < 2; v6++) {
			begin(wildcard, v6);
			must_send(batch, messages);
			must_send(batch, messages); /* and again: nothing was left behind */
			end();
		}
}

static void one_length_to_one_client_is_one_message(void **state)
{
	(void)state;
	one_batch("", "");
	one_batch("a1", "a1");
	one_batch("a1a1a1", "a111");
	one_batch("a1b1c1", "a1 b1 c1");
	one_batch("a1b1a1b1", "a11 b11");
	one_batch("a1b2c3c3b2a1a1", "a111 b22 c33");
	one_batch("a1n1a1n1", "a11 n11"); /* the same client, who asks two sockets */
	one_batch("n2a2n2b2a2", "n22 a22 b2");
}

/* A client's replies never change their order, so only its newest message grows. */
static void order_is_kept(void **state)
{
	(void)state;
	one_batch("a1a2a1", "a1 a2 a1");
	one_batch("a1a2a1a2", "a1 a2 a1 a2");
	one_batch("a1a1a2a2a1a1", "a11 a22 a11");
	one_batch("a1b1a2b1a1a1", "a1 b11 a2 a11");
	one_batch("a1a9a9b9a1b9", "a1 a99 b99 a1");
	one_batch("b3a1a2b3a1b3a1", "b333 a1 a2 a11");
}

static void empty_ones_are_never_joined(void **state)
{
	(void)state;
	one_batch("a0a0", "a0 a0");
	one_batch("a1a0a1", "a1 a0 a1");
	one_batch("a0b0a0a1a1b0", "a0 b0 a0 a11 b0");
}

static uint32_t draw(void)
{
	static uint32_t random = 1;

	random = random * 1664525u + 1013904223u;
	return random >> 16;
}

/* Two replies each to 32 clients, 8 ports of 4 hosts each, wherever their messages are looked for. */
static void any_clients_are_told_apart(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		uint32_t hosts[4];

		begin(false, false);
		for (unsigned i = 0; i < 8; i++)
			world.ports[i] = (uint16_t)(2000 + i * 4096 + draw() % 4096);
		for (unsigned i = 0; i < 4; i++)
			hosts[i] = 0x7f000000u + (i << 16) + draw();
		for (unsigned i = 0; i < BATCH; i++) {
			ask(i, (char)('a' + i % 8))->client.in.sin_addr.s_addr =
				htonl(hosts[i / 8 % 4]);
			answer(i, 1);
		}
		reply_send(world.batch, &world.results);
		assert_int_equal(world.results.replied, BATCH);
		assert_int_equal(kernel.messages, BATCH / 2);
		for (unsigned i = 0; i < BATCH; i++)
			assert_int_equal(kernel.sent[i], 1);
		end();
	}
}

static void sources_are_not_mixed(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		begin(true, v6);
		must_send("a1A1a1A1", "a11 A11");
		must_send("A1b1a1B1A1a1", "A11 b1 a11 B1");
		must_send("a1A2a1A2a2", "a11 A22 a2");
		end();
	}
}

static void without_segments_each_is_a_message(void **state)
{
	(void)state;
	begin(true, false);
	world.sockets[0].segments = false;
	must_send("a1a1b1a1", "a1 a1 b1 a1");
	must_send("n1a1n1a1", "n11 a1 a1"); /* the other one has them */
	end();
}

/* Replies of this length to one client, a batch or as many as have room: the messages have so many, and the last the
 * rest. */
static void must_divide(size_t length, unsigned most)
{
	unsigned count = 0;

	begin(false, false);
	while (count < BATCH && !world.batch->full) {
		(void)ask(count, 'a');
		answer(count++, length);
	}
	assert_int_equal(count, length <= 1023 ? BATCH : 65536 / (length / 64 * 64 + 64) + 1);
	reply_send(world.batch, &world.results);
	assert_int_equal(world.results.replied, count);
	assert_int_equal(kernel.messages, (count + most - 1) / most);
	for (unsigned i = 0; i + 1 < kernel.messages; i++)
		assert_int_equal(kernel.replies[i], most);
	for (unsigned i = 0; i < BATCH; i++)
		assert_int_equal(kernel.sent[i], i < count);
	end();
}

static void messages_have_a_limit(void **state)
{
	(void)state;
	must_divide(1, BATCH);
	must_divide(1015, BATCH); /* 64960 bytes */
	must_divide(1023, 63);
	must_divide(2000, 32);
	must_divide(8192, 7);
	must_divide(32500, 2);
	must_divide(32501, 1);
	must_divide(65507, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_length_to_one_client_is_one_message),
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(empty_ones_are_never_joined),
		cmocka_unit_test(any_clients_are_told_apart),
		cmocka_unit_test(sources_are_not_mixed),
		cmocka_unit_test(without_segments_each_is_a_message),
		cmocka_unit_test(messages_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
