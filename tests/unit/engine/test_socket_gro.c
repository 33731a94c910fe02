/* Trains: messages in which the kernel hands over several datagrams (UDP_GRO). Each of them is a
 * datagram, none vanishes, whatever the lengths and the room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/socket.h"

#define DATA_BYTES 120u
#define SEGMENTS_MAX 64u /* that one message is taken apart into */

struct fixture {
	struct socket socket;
	struct socket_batch batch;
	struct datagram *slots[SOCKET_BATCH];
	int client;
	unsigned sent;	   /* bytes, to tell one from the other */
	unsigned received; /* the same */
	unsigned datagrams;
	unsigned truncated;
};

static union addr address(const char *host, uint16_t port)
{
	union addr parsed;

	assert_int_equal(addr_parse(host, port, &parsed), 0);
	return parsed;
}

static struct fixture *begin(const char *host, const char *as, bool gro)
{
	const struct socket_config config = { .gro = gro };
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	union addr where = address(host, 0), to;

	assert_non_null(fixture);
	assert_int_equal(socket_open(&where, &config, &fixture->socket), 0);
	assert_int_equal(fixture->socket.gro, gro);
	assert_int_equal(socket_batch_init(&fixture->batch, DATA_BYTES, gro), 0);
	for (unsigned i = 0; i < SOCKET_BATCH; i++) {
		fixture->slots[i] = calloc(1, sizeof(struct datagram) + DATA_BYTES);
		assert_non_null(fixture->slots[i]);
	}
	to = address(as, addr_port(&fixture->socket.bound));
	fixture->client = socket(to.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fixture->client >= 0);
	assert_int_equal(connect(fixture->client, &to.sa, addr_length(&to)), 0);
	return fixture;
}

static void end(struct fixture *fixture)
{
	for (unsigned i = 0; i < SOCKET_BATCH; i++)
		free(fixture->slots[i]);
	socket_batch_destroy(&fixture->batch);
	socket_batch_destroy(&fixture->batch); /* destroyed already */
	socket_close(&fixture->socket);
	close(fixture->client);
	free(fixture);
}

/* Datagrams of `segment` bytes, the last of which may be shorter, as one message. */
static void send_train(struct fixture *fixture, size_t length, int segment)
{
	static unsigned char bytes[65507];

	for (size_t i = 0; i < length; i++)
		bytes[i] = (unsigned char)(fixture->sent++ % 251);
	assert_int_equal(
		setsockopt(fixture->client, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)),
		0);
	assert_int_equal(send(fixture->client, bytes, length, 0), length);
}

static int receive(struct fixture *fixture)
{
	int count = socket_receive(&fixture->socket, &fixture->batch, fixture->slots);

	for (int i = 0; i < count; i++) {
		const struct datagram *datagram = fixture->slots[i];

		fixture->datagrams++;
		fixture->truncated += datagram->truncated;
		assert_true(datagram->arrived_ns <= fixture->batch.arrivals.monotonic_ns);
		assert_true(datagram->timestamp.tv_sec > 0);
		for (size_t j = 0; j < datagram->length; j++, fixture->received++)
			if (!datagram->truncated)
				assert_int_equal(datagram->data[j], fixture->received % 251);
	}
	return count;
}

static void receive_all(struct fixture *fixture)
{
	while (receive(fixture) > 0)
		;
	assert_int_equal(fixture->received, fixture->sent);
}

static void must_come_whole(size_t length, int segment, bool gro)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", gro);

	send_train(fixture, length, segment);
	receive_all(fixture);
	assert_int_equal(fixture->datagrams,
		segment == 0 || length == 0 ? 1 : (length + (size_t)segment - 1) / (size_t)segment);
	assert_int_equal(fixture->truncated, 0);
	end(fixture);
}

static void every_length_of_the_last(void **state)
{
	(void)state;
	for (size_t last = 1; last <= 100; last++)
		must_come_whole(6300 + last, 100, true);
	must_come_whole(6350, 100, false);
}

static void one_is_no_train(void **state)
{
	(void)state;
	must_come_whole(0, 0, true);
	must_come_whole(1, 0, true);
	must_come_whole(DATA_BYTES, 0, true);
	must_come_whole(1, 1, true);
	must_come_whole(SEGMENTS_MAX, 1, true);
}

/* More than the slots hold: the rest waits for the next call. */
static void more_than_a_batch(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", true);

	(void)state;
	for (int i = 0; i < 5; i++)
		send_train(fixture, 5000, 100);
	for (int i = 0; i < 250 / (int)SOCKET_BATCH; i++)
		assert_int_equal(receive(fixture), SOCKET_BATCH);
	assert_int_equal(receive(fixture), 250 % SOCKET_BATCH);
	assert_int_equal(receive(fixture), 0);
	assert_int_equal(fixture->received, fixture->sent);
	end(fixture);
}

/* The trap: a train of 450 bytes into slots of 120. Each of its datagrams is too long or not, by
 * itself, and none is missing. */
static void too_long_ones_are_told_one_by_one(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", true);

	(void)state;
	send_train(fixture, (size_t)10 * 450 + 20, 450);
	receive_all(fixture);
	assert_int_equal(fixture->datagrams, 11);
	assert_int_equal(fixture->truncated, 10);
	end(fixture);
}

/* Trains, single ones and empty ones, in their order. */
static void a_mixture(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", true);
	unsigned expected = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		send_train(fixture, 330, 33);
		send_train(fixture, 0, 0);
		send_train(fixture, 77, 0);
		send_train(fixture, 90, 40);
		expected += 10 + 1 + 1 + 3;
	}
	receive_all(fixture);
	assert_int_equal(fixture->datagrams, expected);
	assert_int_equal(fixture->truncated, 0);
	end(fixture);
}

/* Every datagram of a train came from its client, to the address that it asked. */
static void addresses(const char *host, const char *as)
{
	struct fixture *fixture = begin(host, as, true);
	union addr to = address(as, 0), from;
	socklen_t length = sizeof(from);

	memset(&from, 0, sizeof(from));
	assert_int_equal(getsockname(fixture->client, &from.sa, &length), 0);
	send_train(fixture, 300, 30);
	assert_int_equal(receive(fixture), 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(addr_same_host(&fixture->slots[i]->client, &from));
		assert_int_equal(addr_port(&fixture->slots[i]->client), addr_port(&from));
		assert_true(addr_same_host(&fixture->slots[i]->local, &to));
	}
	end(fixture);
}

static void where_they_came_from(void **state)
{
	(void)state;
	addresses("127.0.0.1", "127.0.0.1");
	addresses("0.0.0.0", "127.0.0.5");
	addresses("::", "::1");
}

static void nothing_has_arrived(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", true);

	(void)state;
	assert_int_equal(receive(fixture), 0);
	end(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_of_the_last),
		cmocka_unit_test(one_is_no_train),
		cmocka_unit_test(more_than_a_batch),
		cmocka_unit_test(too_long_ones_are_told_one_by_one),
		cmocka_unit_test(a_mixture),
		cmocka_unit_test(where_they_came_from),
		cmocka_unit_test(nothing_has_arrived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
