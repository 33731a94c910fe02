#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/loss.h"

static struct datagram *datagram_of(uint16_t port)
{
	struct datagram *datagram = calloc(1, sizeof(*datagram));

	assert_non_null(datagram);
	assert_int_equal(addr_parse("127.0.0.1", port, &datagram->client), 0);
	datagram->length = port;
	return datagram;
}

static void must_be(struct loss *loss, uint16_t port, int error, int64_t wait_ns)
{
	struct loss_example example;
	int64_t longest_ns = -1;

	assert_int_equal(loss_take(loss, &example, &longest_ns), port > 0);
	assert_int_equal(longest_ns, wait_ns);
	if (port == 0)
		return;
	assert_int_equal(addr_port(&example.client), port);
	assert_int_equal(example.bytes, port);
	assert_int_equal(example.error, error);
}

/* The first since the last call, and the longest wait of all since then. */
static void an_example_is_one_of_the_last(void **state)
{
	struct datagram *one = datagram_of(1), *two = datagram_of(2);
	struct loss loss = { 0 };

	(void)state;
	must_be(&loss, 0, 0, 0);
	loss_note(&loss, one, 7, EIO);
	loss_note(&loss, two, 9, 0);
	loss_note(&loss, two, 8, 0);
	must_be(&loss, 1, EIO, 9);
	must_be(&loss, 0, 0, 0);
	loss_note(&loss, two, 3, 0);
	must_be(&loss, 2, 0, 3);
	free(one);
	free(two);
}

static struct {
	struct loss loss;
	atomic_bool over;
} shared;

static void *lose(void *argument)
{
	const struct datagram *datagram = argument;

	while (!atomic_load(&shared.over))
		loss_note(&shared.loss, datagram, datagram->length, (int)datagram->length);
	return NULL;
}

/* All of an example is one datagram's, whoever else loses one. */
static void examples_are_whole(void **state)
{
	struct datagram *datagrams[2] = { datagram_of(1), datagram_of(2) };
	pthread_t threads[2];
	unsigned taken = 0;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lose, datagrams[i]), 0);
	while (taken < 1000) {
		struct loss_example example;
		int64_t longest_ns;

		if (!loss_take(&shared.loss, &example, &longest_ns))
			continue;
		assert_in_range(example.bytes, 1, 2);
		assert_int_equal(addr_port(&example.client), example.bytes);
		assert_int_equal(example.error, example.bytes);
		taken++;
	}
	atomic_store(&shared.over, true);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		free(datagrams[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_example_is_one_of_the_last),
		cmocka_unit_test(examples_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
