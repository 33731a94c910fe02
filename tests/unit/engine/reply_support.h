/* What the tests of joined replies share: a kernel of their own behind sys_send().
 *
 * A batch is text, two characters a reply: the client, and the reply's length. Capital letters are
 * the same clients, who asked at another address of ours; "n" to "z" are those of "a" to "m" at another socket.
 * What the kernel saw is text, too, a word a message, with the lengths of all replies in it: "a1b2a1"
 * becomes "a11 b2". A message that it refused has a "!" before it. */
#ifndef ENGINE_REPLY_SUPPORT_H
#define ENGINE_REPLY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "engine/reply.h"

#define BATCH QUEUE_BATCH_MAX
#define REPLY_BYTES 65507u
#define SOCKETS 2u
#define CLIENTS 13u

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count);
int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);
void __wrap_log_event(
	struct log_ring *ring, enum log_event_id id, const struct log_field *fields, size_t count);

static struct {
	/* What the kernel refuses: the messages to these clients, */
	const char *bad;
	int error;
	bool joined_only; /* where they are joined, */
	size_t least;	  /* of replies at least so long, */
	unsigned times;	  /* so often; 0: always */
	unsigned at_most; /* messages a call; 0: all */

	/* What it saw. */
	char seen[1024];
	unsigned replies[BATCH]; /* of each message that was sent */
	unsigned messages, waits;
	unsigned sent[BATCH]; /* by the reply's number */
	unsigned empty[128];  /* by client */
	unsigned told_not_joined;
} kernel;

static struct {
	struct reply_batch *batch;
	struct socket sockets[SOCKETS];
	struct datagram *requests[BATCH];
	struct ledger results;
	struct loss losses[FAIL_COUNT]; /* of the last batch */
	uint16_t ports[CLIENTS];
	bool v6;
} world;

void __wrap_log_event(
	struct log_ring *ring, enum log_event_id id, const struct log_field *fields, size_t count)
{
	(void)ring;
	(void)fields;
	assert_true(count > 0);
	kernel.told_not_joined += id == EVENT_REPLIES_NOT_JOINED;
}

int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms)
{
	assert_int_equal(count, 1);
	assert_int_equal(fds[0].events, POLLOUT);
	assert_int_equal(timeout_ms, 5);
	kernel.waits++;
	return 1;
}

static union addr address(bool other, uint16_t port)
{
	union addr address;
	const char *text = world.v6 ? other ? "::5" : "::1" : other ? "127.0.0.5" : "127.0.0.1";

	assert_int_equal(addr_parse(text, port, &address), 0);
	return address;
}

static bool is_other(const unsigned char *last_byte)
{
	assert_true(*last_byte == 1 || *last_byte == 5);
	return *last_byte == 5;
}

/* The ancillary data is all that it must be, and nothing else: a source on a wildcard socket, a
 * segment's length where replies are joined. Is the source our other address? */
static bool check_control(const struct msghdr *header, const struct socket *socket)
{
	struct msghdr *given = (struct msghdr *)(uintptr_t)header;
	unsigned sources = 0, segments = 0;
	bool other = false;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(given); c != NULL; c = CMSG_NXTHDR(given, c)) {
		uint16_t bytes;

		if (c->cmsg_level == IPPROTO_UDP) {
			assert_int_equal(c->cmsg_type, UDP_SEGMENT);
			memcpy(&bytes, CMSG_DATA(c), sizeof(bytes));
			assert_int_equal(bytes, header->msg_iov[0].iov_len);
			segments++;
		} else if (c->cmsg_level == IPPROTO_IP) {
			other = is_other(
				CMSG_DATA(c) + offsetof(struct in_pktinfo, ipi_spec_dst) + 3);
			sources++;
		} else {
			assert_int_equal(c->cmsg_type, IPV6_PKTINFO);
			other = is_other(CMSG_DATA(c) + 15);
			sources++;
		}
	}
	assert_int_equal(sources, socket->wildcard);
	assert_int_equal(segments, header->msg_iovlen > 1);
	return other;
}

static char client_of(const struct msghdr *header, int fd)
{
	const struct socket *socket = &world.sockets[fd - 100];
	int number = 0;
	char client;

	while (number < (int)CLIENTS && world.ports[number] != addr_port(header->msg_name))
		number++;
	assert_in_range(number, 0, CLIENTS - 1);
	assert_int_equal(header->msg_namelen, addr_length(header->msg_name));
	client = (char)('a' + number + (int)CLIENTS * (fd - 100));
	return check_control(header, socket) ? (char)toupper(client) : client;
}

static void note(const struct msghdr *header, char client, bool refused)
{
	char *text = kernel.seen + strlen(kernel.seen);

	if (text > kernel.seen)
		*text++ = ' ';
	if (refused)
		*text++ = '!';
	*text++ = client;
	for (size_t i = 0; i < header->msg_iovlen; i++)
		*text++ = (char)('0' + header->msg_iov[i].iov_len % 10);
	*text = '\0';
	assert_true(text < kernel.seen + sizeof(kernel.seen));
}

static bool same_way(const struct datagram *a, const struct datagram *b)
{
	return addr_same(&a->client, &b->client) && addr_same(&a->local, &b->local) &&
	       a->socket == b->socket;
}

/* It goes to who asked, and before all later ones that go the same way. */
static void check_place(const struct msghdr *header, unsigned number)
{
	const struct datagram *request = world.requests[number];

	assert_memory_equal(header->msg_name, &request->client, addr_length(&request->client));
	for (unsigned i = number + 1; i < BATCH; i++)
		assert_false(kernel.sent[i] > 0 && same_way(world.requests[i], request));
}

static void take(const struct msghdr *header, char client)
{
	size_t length = header->msg_iov[0].iov_len;

	assert_true(header->msg_iovlen == 1 || length > 0);
	for (size_t i = 0; i < header->msg_iovlen; i++) {
		const unsigned char *data = header->msg_iov[i].iov_base;

		assert_int_equal(header->msg_iov[i].iov_len, length);
		if (length == 0) {
			kernel.empty[(int)client]++;
			continue;
		}
		check_place(header, data[0]);
		kernel.sent[data[0]]++;
		for (size_t k = 1; k < length; k++)
			assert_int_equal(data[k], data[0]);
	}
	kernel.replies[kernel.messages++] = (unsigned)header->msg_iovlen;
	note(header, client, false);
}

static bool refuses(const struct msghdr *header, char client)
{
	return kernel.error != 0 && strchr(kernel.bad, client) != NULL &&
	       (header->msg_iovlen > 1 || !kernel.joined_only) &&
	       header->msg_iov[0].iov_len >= kernel.least;
}

/* It sends what precedes the first message that it refuses; the error of that one is only reported
 * when it is the first (sendmmsg(2)). */
int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count)
{
	assert_in_range(count, 1, BATCH);
	if (kernel.at_most > 0 && count > kernel.at_most)
		count = kernel.at_most;
	for (unsigned i = 0; i < count; i++) {
		const struct msghdr *header = &messages[i].msg_hdr;
		char client = client_of(header, fd);

		if (refuses(header, client)) {
			int error = kernel.error;

			if (i > 0)
				return (int)i;
			note(header, client, true);
			if (kernel.times > 0 && --kernel.times == 0)
				kernel.error = 0;
			return -error;
		}
		take(header, client);
	}
	return (int)count;
}

static void begin(bool wildcard, bool v6)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.bad = "";
	memset(&world, 0, sizeof(world));
	world.v6 = v6;
	for (unsigned i = 0; i < CLIENTS; i++)
		world.ports[i] = (uint16_t)(2000 + i);
	assert_int_equal(reply_batch_new(REPLY_BYTES, 0, &world.batch), 0);
	world.batch->sockets = world.sockets;
	world.batch->losses = world.losses;
	for (unsigned i = 0; i < SOCKETS; i++)
		world.sockets[i] = (struct socket){
			.fd = 100 + (int)i, .wildcard = wildcard, .segments = true
		};
	for (unsigned i = 0; i < BATCH; i++) {
		world.requests[i] = calloc(1, sizeof(struct datagram));
		assert_non_null(world.requests[i]);
	}
}

static void end(void)
{
	for (unsigned i = 0; i < BATCH; i++)
		free(world.requests[i]);
	reply_batch_free(world.batch);
}

static struct datagram *ask(unsigned number, char client)
{
	struct datagram *request = world.requests[number];
	char letter = (char)tolower(client);

	request->client = address(false, world.ports[(unsigned)(letter - 'a') % CLIENTS]);
	request->local = address(client != letter, 99);
	request->addr_bytes = (uint8_t)addr_length(&request->client);
	request->socket = letter >= 'n';
	return request;
}

static void answer(unsigned number, size_t length)
{
	memset(world.batch->next_buffer, (int)number, length);
	reply_add(world.batch, world.requests[number], length);
}

/* Send a batch; nothing of the last one is left but what was learned. */
static void send_batch(const char *batch)
{
	unsigned count = (unsigned)strlen(batch) / 2;

	kernel.seen[0] = '\0';
	kernel.messages = kernel.waits = 0;
	memset(kernel.sent, 0, sizeof(kernel.sent));
	memset(kernel.empty, 0, sizeof(kernel.empty));
	memset(&world.results, 0, sizeof(world.results));
	memset(world.losses, 0, sizeof(world.losses));
	for (unsigned i = 0; i < count; i++) {
		(void)ask(i, batch[2 * (size_t)i]);
		answer(i, (size_t)(batch[2 * (size_t)i + 1] - '0'));
	}
	reply_send(world.batch, &world.results);
	assert_int_equal(world.batch->count, 0);
}

/* Each reply of the batch was sent once, but for those to `failed`, which were not sent. */
static void check_sent(const char *batch, const char *failed, int error)
{
	unsigned failures = 0, empty[128] = { 0 };

	for (unsigned i = 0; batch[2 * (size_t)i] != '\0'; i++) {
		char client = batch[2 * (size_t)i];
		bool fails = strchr(failed, client) != NULL;

		failures += fails;
		if (batch[2 * (size_t)i + 1] == '0')
			empty[(int)client] += !fails;
		else
			assert_int_equal(kernel.sent[i], !fails);
	}
	assert_memory_equal(kernel.empty, empty, sizeof(empty));
	assert_int_equal(world.results.replied, strlen(batch) / 2 - failures);
	assert_int_equal(world.results.failed[ledger_send_failure(error)], failures);
	assert_int_equal(ledger_failed(&world.results), failures);
	for (int i = 0; i < FAIL_COUNT; i++)
		assert_int_equal(world.losses[i].state == LOSS_THERE, world.results.failed[i] > 0);
}

static void must_send(const char *batch, const char *messages)
{
	send_batch(batch);
	assert_string_equal(kernel.seen, messages);
	check_sent(batch, "", EPERM);
}

#endif
