/* Joined replies through the kernel: what arrives is what was sent, each by itself, in order, and
 * from the address that was asked. */
/* link: -Wl,--wrap=sys_send */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/reply.h"
#include "support/scaled.h"

#define BATCH QUEUE_BATCH_MAX
#define REPLY_BYTES 6000u
#define CLIENTS 4u

static struct {
	struct log *log;
	struct socket socket;
	struct reply_batch *batch;
	struct datagram *requests[BATCH];
	union addr asked; /* of ours */
	struct loss losses[FAIL_COUNT];
	struct client {
		int fd;
		union addr address;
	} clients[CLIENTS];
} world;

static unsigned messages; /* that were sent */

int __real_sys_send(int fd, struct mmsghdr *headers, unsigned count);
int __wrap_sys_send(int fd, struct mmsghdr *headers, unsigned count);
int __wrap_sys_send(int fd, struct mmsghdr *headers, unsigned count)
{
	int sent = __real_sys_send(fd, headers, count);

	messages += sent > 0 ? (unsigned)sent : 0;
	return sent;
}

static void open_client(struct client *client, const char *host)
{
	socklen_t length = sizeof(client->address);
	int bytes = 1 << 20;

	assert_int_equal(addr_parse(host, 0, &client->address), 0);
	client->fd = socket(client->address.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(client->fd >= 0);
	assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
	assert_int_equal(bind(client->fd, &client->address.sa, addr_length(&client->address)), 0);
	assert_int_equal(getsockname(client->fd, &client->address.sa, &length), 0);
}

static void begin(const char *bound, const char *asked, const char *host)
{
	const struct log_settings settings = {
		.format = "logfmt", .color = "never", .target = "none"
	};
	union addr address;

	assert_int_equal(log_new(&settings, 0, &world.log), 0);
	assert_int_equal(addr_parse(bound, 0, &address), 0);
	assert_int_equal(socket_open(&address, &(struct socket_config){ 0 }, &world.socket), 0);
	assert_int_equal(addr_parse(asked, addr_port(&world.socket.bound), &world.asked), 0);
	assert_int_equal(reply_batch_new(REPLY_BYTES, 0, &world.batch), 0);
	assert_int_equal(log_add_ring(world.log, LOG_WORKER, 0, &world.batch->log), 0);
	world.batch->sockets = &world.socket;
	world.batch->losses = world.losses;
	for (unsigned i = 0; i < CLIENTS; i++)
		open_client(&world.clients[i], host);
	for (unsigned i = 0; i < BATCH; i++) {
		world.requests[i] = calloc(1, sizeof(struct datagram));
		assert_non_null(world.requests[i]);
		world.requests[i]->local = world.asked;
	}
}

static void end(void)
{
	for (unsigned i = 0; i < BATCH; i++)
		free(world.requests[i]);
	for (unsigned i = 0; i < CLIENTS; i++)
		close(world.clients[i].fd);
	reply_batch_free(world.batch);
	socket_close(&world.socket);
	log_free(world.log);
}

/* A reply is its number, over and over. */
static void must_hear(const struct client *client, unsigned number, size_t length)
{
	struct pollfd poll_fd = { .fd = client->fd, .events = POLLIN };
	unsigned char data[REPLY_BYTES + 1];
	union addr from = { 0 };
	socklen_t from_length = sizeof(from);

	assert_int_equal(poll(&poll_fd, 1, patience_ms()), 1);
	assert_int_equal(
		recvfrom(client->fd, data, sizeof(data), 0, &from.sa, &from_length), length);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(data[i], number);
	assert_true(addr_same_host(&from, &world.asked));
	assert_int_equal(addr_port(&from), addr_port(&world.asked));
}

static void must_hear_no_more(const struct client *client)
{
	unsigned char byte;

	assert_int_equal(recv(client->fd, &byte, 1, MSG_DONTWAIT), -1);
}

/* Which client reply `number` is for, and how long it is: runs of one length, short and long, and
 * empty ones among them. */
static struct client *client_of(unsigned number, unsigned clients)
{
	return &world.clients[number * 7 / 3 % clients];
}

static size_t length_of(unsigned number, size_t most)
{
	static const size_t parts[] = { 1, 1, 1, 1, 2, 2, 0, 1, 1, 3 };

	return most / 3 * parts[number / 4 % 10];
}

static void one_batch(unsigned clients, size_t most)
{
	struct ledger results = { 0 };

	messages = 0;
	for (unsigned i = 0; i < BATCH; i++) {
		world.requests[i]->client = client_of(i, clients)->address;
		world.requests[i]->addr_bytes = (uint8_t)addr_length(&world.requests[i]->client);
		memset(world.batch->next_buffer, (int)i, length_of(i, most));
		reply_add(world.batch, world.requests[i], length_of(i, most));
		if (world.batch->full)
			reply_send(world.batch, &results);
	}
	reply_send(world.batch, &results);
	assert_int_equal(results.replied, BATCH);
	if (world.socket.segments)
		assert_true(messages < BATCH / 2);
	assert_int_equal(ledger_failed(&results), 0);
	for (unsigned i = 0; i < BATCH; i++)
		must_hear(client_of(i, clients), i, length_of(i, most));
	for (unsigned i = 0; i < CLIENTS; i++)
		must_hear_no_more(&world.clients[i]);
}

static void must_arrive(const char *bound, const char *asked, const char *client)
{
	begin(bound, asked, client);
	for (unsigned clients = 1; clients <= CLIENTS; clients++) {
		one_batch(clients, 3);
		one_batch(clients, 72);
		one_batch(clients, 3600);
		one_batch(clients, REPLY_BYTES); /* too long for all in one message */
	}
	if (world.socket.segments) /* nothing was learned: all were borne */
		assert_int_equal(world.batch->gso_bytes_sure, world.batch->gso_bytes_max);
	end();
}

static void from_one_address(void **state)
{
	(void)state;
	must_arrive("127.0.0.1", "127.0.0.1", "127.0.0.1");
	must_arrive("::1", "::1", "::1");
}

static void from_the_address_that_was_asked(void **state)
{
	(void)state;
	must_arrive("0.0.0.0", "127.0.0.5", "127.0.0.1");
	must_arrive("0.0.0.0", "127.0.0.1", "127.0.0.9");
	must_arrive("::", "::1", "::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_one_address),
		cmocka_unit_test(from_the_address_that_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
