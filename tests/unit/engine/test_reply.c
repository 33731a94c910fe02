/* Replies with a kernel of our own behind sys_send(): a reply that cannot be sent costs itself and
 * no other, wherever it stands in the batch, and is counted under its reason. */
/* link: -Wl,--wrap=sys_send,--wrap=sys_wait */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "engine/reply.h"

#define BATCH QUEUE_BATCH_MAX
#define REPLY_BYTES 100u
#define SOCKETS 3u

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count);
int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);

/* The kernel: sends what precedes the first message that it will not send; its error is only
 * reported when that one is the first (sendmmsg(2)). */
static struct {
	int errors[BATCH];	  /* errno by the client's number; 0: is sent */
	unsigned failures[BATCH]; /* how often it fails before it is sent; 0: always */
	unsigned sent[BATCH];	  /* how often it was */
	int fds[BATCH];
	unsigned at_most; /* messages a call; 0: all */
	unsigned calls, waits;
	int wait_ms;
} kernel;

static unsigned client_of(const struct msghdr *header)
{
	const union addr *client = header->msg_name;

	return addr_port(client) - 2000u;
}

static int refuse(unsigned client)
{
	int error = kernel.errors[client];

	if (error != 0 && kernel.failures[client] > 0 && --kernel.failures[client] == 0)
		kernel.errors[client] = 0;
	return -error;
}

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count)
{
	kernel.calls++;
	assert_in_range(count, 1, BATCH);
	if (kernel.at_most > 0 && count > kernel.at_most)
		count = kernel.at_most;
	for (unsigned i = 0; i < count; i++) {
		unsigned client = client_of(&messages[i].msg_hdr);

		if (kernel.errors[client] != 0)
			return i > 0 ? (int)i : refuse(client);
		assert_int_equal(messages[i].msg_hdr.msg_iovlen, 1);
		assert_int_equal(messages[i].msg_hdr.msg_iov->iov_len, client % 3);
		if (client % 3 > 0)
			assert_memory_equal(
				messages[i].msg_hdr.msg_iov->iov_base, "rr", client % 3);
		kernel.sent[client]++;
		kernel.fds[client] = fd;
	}
	return (int)count;
}

int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms)
{
	assert_int_equal(count, 1);
	assert_int_equal(fds[0].events, POLLOUT);
	kernel.waits++;
	kernel.wait_ms = timeout_ms;
	return 1;
}

struct fixture {
	struct log *log;
	struct reply_batch *batch;
	struct socket sockets[SOCKETS];
	struct datagram *requests[BATCH];
	struct ledger results;
	struct loss losses[FAIL_COUNT];
};

static int setup(void **state)
{
	const struct log_settings settings = {
		.format = "logfmt", .color = "never", .target = "none"
	};
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	assert_int_equal(log_new(&settings, 0, &fixture.log), 0);
	assert_int_equal(reply_batch_new(REPLY_BYTES, 0, &fixture.batch), 0);
	assert_int_equal(log_add_ring(fixture.log, LOG_WORKER, 0, &fixture.batch->log), 0);
	fixture.batch->sockets = fixture.sockets;
	fixture.batch->losses = fixture.losses;
	for (unsigned i = 0; i < SOCKETS; i++)
		fixture.sockets[i].fd = 100 + (int)i;
	for (unsigned i = 0; i < BATCH; i++) {
		struct datagram *request = calloc(1, sizeof(*request) + REPLY_BYTES);

		assert_non_null(request);
		assert_int_equal(
			addr_parse("127.0.0.1", (uint16_t)(2000 + i), &request->client), 0);
		fixture.requests[i] = request;
	}
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < BATCH; i++)
		free(fixture->requests[i]);
	reply_batch_free(fixture->batch);
	log_free(fixture->log);
	return 0;
}

static void reset(struct fixture *fixture)
{
	memset(&kernel, 0, sizeof(kernel));
	memset(&fixture->results, 0, sizeof(fixture->results));
}

static void send_batch(struct fixture *fixture, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		memset(fixture->batch->next_buffer, 'r', i % 3);
		reply_add(fixture->batch, fixture->requests[i], i % 3);
	}
	reply_send(fixture->batch, &fixture->results);
	assert_int_equal(fixture->batch->count, 0);
}

/* Of `count`, those with an error are not sent; all others are, once. */
static void check_sent(const struct fixture *fixture, unsigned count)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(kernel.sent[i], kernel.errors[i] == 0);
		failed += kernel.errors[i] != 0;
	}
	assert_int_equal(fixture->results.replied, count - failed);
	assert_int_equal(ledger_failed(&fixture->results), failed);
}

static const struct {
	int error;
	enum ledger_failure reason;
	const char *name;
} reasons[] = {
	{ EAGAIN, FAIL_SEND_NO_BUFFER, "send_no_buffer" },
	{ ENOBUFS, FAIL_SEND_NO_BUFFER, "send_no_buffer" },
	{ ENOMEM, FAIL_SEND_NO_BUFFER, "send_no_buffer" },
	{ EPERM, FAIL_SEND_FORBIDDEN, "send_forbidden" },
	{ EACCES, FAIL_SEND_FORBIDDEN, "send_forbidden" },
	{ ENETUNREACH, FAIL_SEND_UNREACHABLE, "send_unreachable" },
	{ EHOSTUNREACH, FAIL_SEND_UNREACHABLE, "send_unreachable" },
	{ ENETDOWN, FAIL_SEND_UNREACHABLE, "send_unreachable" },
	{ EADDRNOTAVAIL, FAIL_SEND_NO_SOURCE, "send_no_source" },
	{ EMSGSIZE, FAIL_SEND_TOO_LONG, "send_too_long" },
	{ EINVAL, FAIL_SEND_INVALID, "send_invalid" }, { EIO, FAIL_SEND_INVALID, "send_invalid" },
	{ 5000, FAIL_SEND_INVALID, "send_invalid" }, /* no errno at all */
};

#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

static void all_are_sent_with_one_call(void **state)
{
	for (unsigned count = 1; count <= BATCH; count++) {
		reset(*state);
		send_batch(*state, count);
		check_sent(*state, count);
		assert_int_equal(kernel.calls, 1);
	}
}

static void none_makes_no_call(void **state)
{
	reset(*state);
	send_batch(*state, 0);
	assert_int_equal(kernel.calls, 0);
}

static void a_bad_one_costs_only_itself(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned r = 0; r < REASONS; r++)
		for (unsigned bad = 0; bad < BATCH; bad++) {
			reset(fixture);
			kernel.errors[bad] = reasons[r].error;
			send_batch(fixture, BATCH);
			check_sent(fixture, BATCH);
			assert_int_equal(fixture->results.failed[reasons[r].reason], 1);
			assert_string_equal(
				ledger_failure_names[reasons[r].reason], reasons[r].name);
		}
}

static void two_bad_ones_of_a_full_batch(void **state)
{
	for (unsigned a = 0; a < BATCH; a++)
		for (unsigned b = a + 1; b < BATCH; b++) {
			reset(*state);
			kernel.errors[a] = EPERM;
			kernel.errors[b] = EMSGSIZE;
			send_batch(*state, BATCH);
			check_sent(*state, BATCH);
		}
}

/* Every set of bad ones, of any two reasons. */
static void every_subset_of_eight(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned r = 0; r < REASONS; r++)
		for (unsigned set = 0; set < 256; set++) {
			unsigned next = (r + 1) % REASONS;

			reset(fixture);
			for (unsigned i = 0; i < 8; i++)
				if (set >> i & 1)
					kernel.errors[i] = reasons[i % 2 ? next : r].error;
			send_batch(fixture, 8);
			check_sent(fixture, 8);
		}
}

static void all_are_bad(void **state)
{
	for (unsigned r = 0; r < REASONS; r++) {
		reset(*state);
		for (unsigned i = 0; i < BATCH; i++)
			kernel.errors[i] = reasons[r].error;
		send_batch(*state, BATCH);
		check_sent(*state, BATCH);
		assert_true(kernel.calls <= 2 * BATCH);
	}
}

/* A batch that stops early, for no fault of the next message. */
static void partial_sends_go_on(void **state)
{
	for (unsigned at_most = 1; at_most < BATCH; at_most++)
		for (unsigned bad = 0; bad < BATCH; bad++) {
			reset(*state);
			kernel.at_most = at_most;
			kernel.errors[bad] = EPERM;
			send_batch(*state, BATCH);
			check_sent(*state, BATCH);
		}
}

static void a_full_buffer_is_waited_for_once(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned bad = 0; bad < BATCH; bad++) {
		reset(fixture);
		kernel.errors[bad] = bad % 2 ? EAGAIN : ENOBUFS;
		kernel.failures[bad] = 1;
		send_batch(fixture, BATCH);
		check_sent(fixture, BATCH);
		assert_int_equal(fixture->results.replied, BATCH);
		assert_int_equal(kernel.waits, 1);
		assert_int_equal(kernel.wait_ms, 5);
	}
	reset(fixture);
	for (unsigned i = 0; i < BATCH; i++)
		kernel.errors[i] = EAGAIN;
	send_batch(fixture, BATCH);
	assert_int_equal(kernel.waits, 1);
	assert_int_equal(fixture->results.failed[FAIL_SEND_NO_BUFFER], BATCH);
	/* and again in the next batch */
	send_batch(fixture, BATCH);
	assert_int_equal(kernel.waits, 2);
}

/* What the kernel says where there is no way to the client, it also says where our address is gone. */
static void loses(struct fixture *fixture, const char *local, int error, enum ledger_failure reason)
{
	unsigned sources = 0;

	reset(fixture);
	for (unsigned i = 0; i < BATCH; i++) {
		bool here = i % 3 == 0;

		assert_int_equal(
			addr_parse(here ? "127.0.0.1" : local, 7, &fixture->requests[i]->local), 0);
		kernel.errors[i] = error;
		sources += !here;
	}
	send_batch(fixture, BATCH);
	check_sent(fixture, BATCH);
	assert_int_equal(fixture->results.failed[reason], sources);
	assert_int_equal(fixture->results.failed[ledger_send_failure(error)], BATCH - sources);
}

static void our_address_is_gone(void **state)
{
	struct fixture *fixture = *state;
	union addr locals[BATCH];

	for (unsigned i = 0; i < BATCH; i++)
		locals[i] = fixture->requests[i]->local;
	loses(fixture, "192.0.2.1", ENETUNREACH, FAIL_SEND_NO_SOURCE);
	loses(fixture, "2001:db8::1", EINVAL, FAIL_SEND_NO_SOURCE);
	for (unsigned i = 0; i < BATCH; i++)
		fixture->requests[i]->local = locals[i];
}

/* Runs of one socket go together, in order; the bad one of a socket stops no other socket's. */
static void sockets_do_not_mix(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned run = 1; run <= BATCH; run++)
		for (unsigned bad = 0; bad < BATCH; bad++) {
			reset(fixture);
			for (unsigned i = 0; i < BATCH; i++)
				fixture->requests[i]->socket = (uint16_t)(i / run % SOCKETS);
			kernel.errors[bad] = ENETUNREACH;
			send_batch(fixture, BATCH);
			check_sent(fixture, BATCH);
			for (unsigned i = 0; i < BATCH; i++)
				if (i != bad)
					assert_int_equal(
						kernel.fds[i], 100 + (int)(i / run % SOCKETS));
		}
	for (unsigned i = 0; i < BATCH; i++)
		fixture->requests[i]->socket = 0;
}

static void buffers_are_apart(void **state)
{
	struct fixture *fixture = *state;
	unsigned char *end = NULL; /* of the last one */

	reset(fixture);
	for (unsigned i = 0; i < BATCH; i++) {
		unsigned char *buffer = fixture->batch->next_buffer;
		size_t length = i % 3;

		assert_true(end == NULL || buffer >= end);
		assert_int_equal((uintptr_t)buffer % 64, 0);
		memset(buffer, 'r', REPLY_BYTES);
		reply_add(fixture->batch, fixture->requests[i], length);
		end = buffer + (length > 0 ? length : 1);
	}
	reply_send(fixture->batch, &fixture->results);
	check_sent(fixture, BATCH);
	kernel.errors[0] = EPERM;
	for (size_t length = 0; length <= REPLY_BYTES; length++) {
		unsigned char *buffer = fixture->batch->next_buffer;
		size_t room;

		reply_add(fixture->batch, fixture->requests[0], length);
		room = (size_t)(fixture->batch->next_buffer - buffer);
		assert_true(room % 64 == 0 && room > length);
		reply_send(fixture->batch, &fixture->results);
	}
	assert_true(reply_batch_bytes(fixture->batch) >= (size_t)BATCH * REPLY_BYTES);
}

/* Each in the slot of the request before it, which is done; the first in a buffer of its own. */
static void slots_hold_replies(void **state)
{
	struct fixture *fixture = *state;
	struct reply_batch *in_buffers = fixture->batch;

	reset(fixture);
	assert_int_equal(reply_batch_new(REPLY_BYTES, REPLY_BYTES, &fixture->batch), 0);
	fixture->batch->sockets = fixture->sockets;
	assert_true(
		reply_batch_bytes(fixture->batch) <= sizeof(*fixture->batch) + REPLY_BYTES + 63);
	for (unsigned round = 0; round < 2; round++) {
		unsigned char *first = fixture->batch->next_buffer;

		for (unsigned i = 0; i < BATCH; i++) {
			assert_ptr_equal(fixture->batch->next_buffer,
				i == 0 ? first : fixture->requests[i - 1]->data);
			assert_false(fixture->batch->full);
			memset(fixture->requests[i]->data, 'q', REPLY_BYTES);
			memset(fixture->batch->next_buffer, 'r', REPLY_BYTES);
			reply_add(fixture->batch, fixture->requests[i], i % 3);
		}
		reply_send(fixture->batch, &fixture->results);
	}
	assert_int_equal(fixture->results.replied, 2 * BATCH);
	reply_batch_free(fixture->batch);
	fixture->batch = in_buffers;
}

/* A slot that is a byte too short holds none. */
static void short_slots_hold_none(void **state)
{
	struct fixture *fixture = *state;
	struct reply_batch *batch;

	assert_int_equal(reply_batch_new(REPLY_BYTES, REPLY_BYTES - 1, &batch), 0);
	reply_add(batch, fixture->requests[0], REPLY_BYTES);
	assert_ptr_equal(batch->next_buffer, batch->buffers + 128);
	reply_batch_free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_sent_with_one_call),
		cmocka_unit_test(slots_hold_replies),
		cmocka_unit_test(short_slots_hold_none),
		cmocka_unit_test(none_makes_no_call),
		cmocka_unit_test(a_bad_one_costs_only_itself),
		cmocka_unit_test(two_bad_ones_of_a_full_batch),
		cmocka_unit_test(every_subset_of_eight),
		cmocka_unit_test(all_are_bad),
		cmocka_unit_test(partial_sends_go_on),
		cmocka_unit_test(a_full_buffer_is_waited_for_once),
		cmocka_unit_test(our_address_is_gone),
		cmocka_unit_test(sockets_do_not_mix),
		cmocka_unit_test(buffers_are_apart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
