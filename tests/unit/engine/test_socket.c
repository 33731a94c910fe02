/* Sockets on loopback, for real: what is bound, what is received, what the kernel dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/net_tstamp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/socket.h"

#define DATA_BYTES 64u

struct fixture {
	struct socket socket;
	struct socket_batch batch;
	struct datagram *slots[SOCKET_BATCH];
	int client;
};

static union addr address(const char *host, uint16_t port)
{
	union addr parsed;

	assert_int_equal(addr_parse(host, port, &parsed), 0);
	return parsed;
}

static int open_at(const char *host, uint16_t port, unsigned bytes, struct socket *ret_socket)
{
	const struct socket_config buffers = { .receive_bytes = bytes };
	union addr where = address(host, port);

	return socket_open(&where, &buffers, ret_socket);
}

/* A socket of the server's at `host`, and a client's that is connected to it at `as`. */
static struct fixture *begin(const char *host, const char *as, unsigned bytes)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	union addr to;

	assert_non_null(fixture);
	assert_int_equal(socket_batch_init(&fixture->batch, DATA_BYTES, false), 0);
	for (unsigned i = 0; i < SOCKET_BATCH; i++) {
		fixture->slots[i] = calloc(1, sizeof(struct datagram) + DATA_BYTES);
		assert_non_null(fixture->slots[i]);
	}
	assert_int_equal(open_at(host, 0, bytes, &fixture->socket), 0);
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
	socket_close(&fixture->socket);
	socket_close(&fixture->socket); /* closed already */
	assert_int_equal(fixture->socket.fd, -1);
	close(fixture->client);
	free(fixture);
}

static void tell(const struct fixture *fixture, size_t length)
{
	static const char data[4 * DATA_BYTES] = "data";

	assert_int_equal(send(fixture->client, data, length, 0), length);
}

static int receive(struct fixture *fixture)
{
	return socket_receive(&fixture->socket, &fixture->batch, fixture->slots);
}

static void nothing_has_arrived(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", 0);

	(void)state;
	assert_int_equal(receive(fixture), 0);
	end(fixture);
}

/* Every length around the slot's: none is cut unnoticed. */
static void truncation_is_told(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", 0);

	(void)state;
	for (size_t length = 0; length <= (size_t)2 * DATA_BYTES; length++) {
		tell(fixture, length);
		assert_int_equal(receive(fixture), 1);
		assert_int_equal(fixture->slots[0]->truncated, length > DATA_BYTES);
		if (length <= DATA_BYTES)
			assert_int_equal(fixture->slots[0]->length, length);
	}
	end(fixture);
}

/* In every position, alone and in every pair: an empty one is one, and ends nothing. */
static void empty_ones_anywhere_in_a_batch(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", 0);

	(void)state;
	for (unsigned a = 0; a < SOCKET_BATCH; a++)
		for (unsigned b = a; b < SOCKET_BATCH; b++) {
			for (unsigned i = 0; i < SOCKET_BATCH; i++)
				tell(fixture, i == a || i == b ? 0 : 4);
			assert_int_equal(receive(fixture), SOCKET_BATCH);
			for (unsigned i = 0; i < SOCKET_BATCH; i++)
				assert_int_equal(
					fixture->slots[i]->length, i == a || i == b ? 0 : 4);
		}
	end(fixture);
}

/* Only as many slots as datagrams are touched. */
static void the_count_is_the_kernels(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", 0);

	(void)state;
	for (unsigned count = 1; count < SOCKET_BATCH; count++) {
		for (unsigned i = 0; i < SOCKET_BATCH; i++)
			fixture->slots[i]->length = 7777;
		for (unsigned i = 0; i < count; i++)
			tell(fixture, 1);
		assert_int_equal(receive(fixture), count);
		for (unsigned i = 0; i < SOCKET_BATCH; i++)
			assert_int_equal(fixture->slots[i]->length, i < count ? 1 : 7777);
	}
	end(fixture);
}

static int64_t timestamp_ns(const struct datagram *datagram)
{
	return datagram->timestamp.tv_sec * NS_PER_S + datagram->timestamp.tv_nsec;
}

static void times_of_arrival(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", 0);
	struct arrivals before = { 0 };

	(void)state;
	arrivals_read(&before, false);
	tell(fixture, 1);
	tell(fixture, 1);
	assert_int_equal(receive(fixture), 2);
	for (int i = 0; i < 2; i++) {
		assert_true(fixture->slots[i]->arrived_ns >= before.monotonic_ns - NS_PER_MS);
		assert_true(fixture->slots[i]->arrived_ns <= fixture->batch.arrivals.monotonic_ns);
		assert_true(timestamp_ns(fixture->slots[i]) >= before.realtime_ns - NS_PER_MS);
	}
	assert_true(timestamp_ns(fixture->slots[0]) <= timestamp_ns(fixture->slots[1]));
	end(fixture);
}

/* Of a socket that was another program's: its options take the room of the address that was asked. */
static void options_of_others(void **state)
{
	const int timestamping = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	struct fixture *fixture = begin("0.0.0.0", "127.0.0.1", 0);

	(void)state;
	tell(fixture, 1);
	assert_int_equal(receive(fixture), 1);
	assert_int_equal(fixture->slots[0]->cast, DATAGRAM_UNICAST);
	assert_int_equal(setsockopt(fixture->socket.fd, SOL_SOCKET, SO_TIMESTAMPING, &timestamping,
				 sizeof(timestamping)),
		0);
	tell(fixture, 1);
	assert_int_equal(receive(fixture), 1);
	assert_int_equal(fixture->slots[0]->cast, DATAGRAM_UNADDRESSED);
	end(fixture);
}

/* They leave room for the head of the address, but not for all of it: that is not what it was sent to. */
static void an_address_that_is_cut(void **state)
{
	enum { RECEIVE_MARK = 75, RECEIVE_PRIORITY = 82 }; /* of Linux 5.19 and 6.14 */
	const int on = 1;
	struct fixture *fixture = begin("0.0.0.0", "127.0.0.1", 0);
	bool possible =
		setsockopt(fixture->socket.fd, SOL_SOCKET, RECEIVE_MARK, &on, sizeof(on)) == 0 &&
		setsockopt(fixture->socket.fd, SOL_SOCKET, RECEIVE_PRIORITY, &on, sizeof(on)) == 0;

	(void)state;
	if (possible) {
		tell(fixture, 1);
		assert_int_equal(receive(fixture), 1);
		assert_int_equal(fixture->slots[0]->cast, DATAGRAM_UNADDRESSED);
	}
	end(fixture);
	if (!possible) {
		print_message(
			"# skip: this kernel lacks SO_RCVMARK or SO_RCVPRIORITY, or forbids them\n");
		skip();
	}
}

/* The kernel says of those that were queued before timestamps were switched on that they arrive when they
 * are received. */
static void times_without_timestamps(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", 0);
	struct arrivals *arrivals = &fixture->batch.arrivals;
	int64_t off_ns, on_ns;

	(void)state;
	arrivals_switch(arrivals, fixture->socket.fd, false);
	off_ns = arrivals->monotonic_ns;
	tell(fixture, 1);
	assert_int_equal(receive(fixture), 1);
	assert_true(fixture->slots[0]->arrived_ns > off_ns);
	assert_true(fixture->slots[0]->arrived_ns < arrivals->monotonic_ns);
	tell(fixture, 1);
	tell(fixture, 1);
	arrivals_switch(arrivals, fixture->socket.fd, true);
	on_ns = arrivals->in_doubt_ns;
	assert_int_equal(receive(fixture), 2);
	for (int i = 0; i < 2; i++)
		assert_true(fixture->slots[i]->arrived_ns <= on_ns);
	end(fixture);
}

/* The local address is the one that was asked, and the answer's source when it is sent. */
static void asks(const char *host, const char *as)
{
	struct fixture *fixture = begin(host, as, 0);
	union addr to = address(as, addr_port(&fixture->socket.bound)), from;
	struct send_control control;
	struct iovec vector = { .iov_base = "answer", .iov_len = 6 };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &vector, .msg_iovlen = 1 } };
	socklen_t length = sizeof(from);
	char data[16];

	assert_int_equal(fixture->socket.wildcard, addr_is_wildcard(&fixture->socket.bound));
	tell(fixture, 4);
	assert_int_equal(receive(fixture), 1);
	assert_true(addr_same_host(&fixture->slots[0]->local, &to));
	assert_int_equal(addr_port(&fixture->slots[0]->local), addr_port(&to));
	message.msg_hdr.msg_name = &fixture->slots[0]->client;
	message.msg_hdr.msg_namelen = addr_length(&fixture->slots[0]->client);
	message.msg_hdr.msg_controllen = socket_source(&fixture->slots[0]->local, &control);
	message.msg_hdr.msg_control = &control;
	assert_int_equal(sendmmsg(fixture->socket.fd, &message, 1, 0), 1);
	assert_int_equal(recvfrom(fixture->client, data, 16, 0, &from.sa, &length), 6);
	assert_true(addr_same_host(&from, &to));
	end(fixture);
}

static void local_address(void **state)
{
	(void)state;
	asks("127.0.0.1", "127.0.0.1");
	asks("127.0.0.5", "127.0.0.5");
	asks("0.0.0.0", "127.0.0.1");
	asks("0.0.0.0", "127.0.0.5");
	asks("0.0.0.0", "127.1.2.3");
	asks("::1", "::1");
	asks("::", "::1");
}

/* To many machines: as IP_PKTINFO says, also where the socket is bound to a broadcast address. */
static void is_cast(const char *host, const char *to, enum datagram_cast cast)
{
	struct fixture *fixture = begin(host, "127.0.0.1", 0);
	union addr many = address(to, addr_port(&fixture->socket.bound));
	union addr one = address("127.0.0.1", 0);
	int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	assert_int_equal(setsockopt(sender, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &one.in.sin_addr,
				 sizeof(one.in.sin_addr)),
		0);
	assert_int_equal(sendto(sender, "data", 4, 0, &many.sa, addr_length(&many)), 4);
	assert_int_equal(receive(fixture), 1);
	assert_int_equal(fixture->slots[0]->cast, cast);
	assert_true(
		addr_same_host(&fixture->slots[0]->local, cast == DATAGRAM_UNICAST ? &many : &one));
	close(sender);
	end(fixture);
}

static void sent_to_many(void **state)
{
	(void)state;
	is_cast("0.0.0.0", "127.0.0.1", DATAGRAM_UNICAST);
	is_cast("0.0.0.0", "127.0.0.9", DATAGRAM_UNICAST);
	is_cast("127.0.0.9", "127.0.0.9", DATAGRAM_UNICAST);
	is_cast("0.0.0.0", "127.255.255.255", DATAGRAM_BROADCAST);
	is_cast("127.255.255.255", "127.255.255.255", DATAGRAM_BROADCAST);
	is_cast("0.0.0.0", "224.0.0.1", DATAGRAM_MULTICAST);
}

/* A bind of IPv6 alone: the same port of IPv4 stays free, and v4-mapped datagrams do not come. Several
 * ports are tried, because another process may have the same one of IPv4. */
static void ipv6_takes_ipv6_only(void **state)
{
	int error = -EADDRINUSE;

	(void)state;
	for (unsigned i = 0; i < 100 && error == -EADDRINUSE; i++) {
		struct socket v6, v4;

		assert_int_equal(open_at("::", 0, 0, &v6), 0);
		error = open_at("0.0.0.0", addr_port(&v6.bound), 0, &v4);
		socket_close(&v6);
		if (error == 0)
			socket_close(&v4);
	}
	assert_int_equal(error, 0);
}

static void a_port_is_bound_once(void **state)
{
	struct socket first, second = { .fd = 4711 };
	int value = 1;
	socklen_t length = sizeof(value);

	(void)state;
	assert_int_equal(open_at("127.0.0.1", 0, 0, &first), 0);
	assert_int_equal(open_at("127.0.0.1", addr_port(&first.bound), 0, &second), -EADDRINUSE);
	assert_int_equal(open_at("0.0.0.0", addr_port(&first.bound), 0, &second), -EADDRINUSE);
	assert_int_equal(second.fd, 4711);
	assert_int_equal(getsockopt(first.fd, SOL_SOCKET, SO_REUSEADDR, &value, &length), 0);
	assert_int_equal(value, 0);
	assert_int_equal(getsockopt(first.fd, SOL_SOCKET, SO_REUSEPORT, &value, &length), 0);
	assert_int_equal(value, 0);
	socket_close(&first);
	assert_int_equal(open_at("192.0.2.1", 0, 0, &first), -EADDRNOTAVAIL);
}

/* The kernel doubles what it grants. Beyond rmem_max it needs a privilege. */
static void buffers(void **state)
{
	struct socket small, large;

	(void)state;
	assert_int_equal(open_at("127.0.0.1", 0, 65536, &small), 0);
	assert_int_equal(small.receive_buffer_bytes, 2 * 65536);
	assert_true(small.send_buffer_bytes > 0);
	assert_int_equal(open_at("127.0.0.1", 0, 64u << 20, &large), 0);
	if (geteuid() == 0)
		assert_int_equal(large.receive_buffer_bytes, 2 * (64u << 20));
	assert_true(large.receive_buffer_bytes >= small.receive_buffer_bytes);
	socket_close(&small);
	socket_close(&large);
}

/* While nobody receives: what was sent is what was received and what was dropped. */
static void kernel_drops(void **state)
{
	struct fixture *fixture = begin("127.0.0.1", "127.0.0.1", 1);
	uint64_t received = 0;
	int count;

	(void)state;
	assert_int_equal(socket_kernel_drops(&fixture->socket), 0);
	for (int i = 0; i < 1000; i++)
		tell(fixture, 32);
	while ((count = receive(fixture)) > 0)
		received += (uint64_t)count;
	assert_int_equal(count, 0);
	assert_true(received > 0 && received < 1000);
	assert_int_equal(received + socket_kernel_drops(&fixture->socket), 1000);
	end(fixture);
}

static struct own_addresses *know_own(void)
{
	struct own_addresses *own;

	assert_int_equal(own_addresses_new(&own), 0);
	assert_int_equal(own_addresses_read(own), 0);
	return own;
}

static void own_sockets(void **state)
{
	struct own_addresses *own = know_own();
	struct socket sockets[2];
	union addr source;
	uint16_t ports[2];

	(void)state;
	assert_int_equal(open_at("127.0.0.1", 0, 0, &sockets[0]), 0);
	assert_int_equal(open_at("0.0.0.0", 0, 0, &sockets[1]), 0);
	sockets[1].own = own;
	for (int i = 0; i < 2; i++)
		ports[i] = addr_port(&sockets[i].bound);
	source = address("127.0.0.1", ports[0]);
	assert_true(socket_is_own(sockets, 2, &source));
	source = address("127.0.0.2", ports[0]);
	assert_false(socket_is_own(sockets, 2, &source));
	source = address("127.0.0.2", ports[1]); /* all of 127/8 is this machine's */
	assert_true(socket_is_own(sockets, 2, &source));
	source = address("192.0.2.1", ports[1]);
	assert_false(socket_is_own(sockets, 2, &source));
	source = address("::1", ports[0]);
	assert_false(socket_is_own(sockets, 2, &source));
	source = address("127.0.0.1", (uint16_t)(ports[0] == 1 ? 2 : 1));
	assert_false(socket_is_own(sockets, 2, &source));
	sockets[1].own = NULL; /* they are not known */
	source = address("192.0.2.1", ports[1]);
	assert_true(socket_is_own(sockets, 2, &source));
	socket_close(&sockets[0]);
	socket_close(&sockets[1]);
	own_addresses_free(own);
}

/* Whether it is its own does not depend on which of several at one address it is compared with. */
static void own_sockets_beside_each_other(void **state)
{
	const struct socket_config config = { 0 };
	struct own_addresses *own = know_own();
	struct socket sockets[3];
	union addr source;

	(void)state;
	assert_int_equal(open_at("0.0.0.0", 0, 0, &sockets[0]), 0);
	sockets[0].own = own;
	for (int i = 1; i < 3; i++) {
		assert_int_equal(socket_open_reuseport(&sockets[0], &config, &sockets[i]), 0);
		assert_true(sockets[i].reuseport);
	}
	source = address("127.0.0.2", addr_port(&sockets[0].bound));
	assert_true(socket_is_own(sockets, 3, &source));
	source = address("192.0.2.1", addr_port(&sockets[0].bound));
	assert_false(socket_is_own(sockets, 3, &source));
	for (int i = 0; i < 3; i++)
		socket_close(&sockets[i]);
	own_addresses_free(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_has_arrived),
		cmocka_unit_test(truncation_is_told),
		cmocka_unit_test(empty_ones_anywhere_in_a_batch),
		cmocka_unit_test(the_count_is_the_kernels),
		cmocka_unit_test(times_of_arrival),
		cmocka_unit_test(times_without_timestamps),
		cmocka_unit_test(options_of_others),
		cmocka_unit_test(an_address_that_is_cut),
		cmocka_unit_test(local_address),
		cmocka_unit_test(sent_to_many),
		cmocka_unit_test(ipv6_takes_ipv6_only),
		cmocka_unit_test(a_port_is_bound_once),
		cmocka_unit_test(buffers),
		cmocka_unit_test(kernel_drops),
		cmocka_unit_test(own_sockets),
		cmocka_unit_test(own_sockets_beside_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
