/* The receiver's admission: what is queued, what is dropped, and for which reason; on loopback, and
 * for sources that loopback does not have, with a kernel of our own behind sys_receive(). Time stands
 * still, or passes as a test says. */
/* link: -Wl,--wrap=sys_receive,--wrap=sys_wait,--wrap=sys_monotonic_ns,--wrap=sys_realtime_ns */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "engine/receiver.h"
#include "support/scaled.h"

#define DATA_BYTES 64u
#define CAPACITY 256u

int __real_sys_receive(int fd, struct mmsghdr *messages, unsigned count);
int __wrap_sys_receive(int fd, struct mmsghdr *messages, unsigned count);
int __real_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);
int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);
int64_t __wrap_sys_monotonic_ns(void);
int64_t __wrap_sys_realtime_ns(void);

static int64_t now_ns;

int64_t __wrap_sys_monotonic_ns(void)
{
	return now_ns;
}

int64_t __wrap_sys_realtime_ns(void)
{
	return 1000 * NS_PER_S + now_ns;
}

/* Instead of what comes from the socket, when there is any. */
static struct {
	union addr sources[SOCKET_BATCH];
	unsigned count;
	unsigned repeats;   /* of the same */
	int64_t takes_ns;   /* each reception */
	int64_t arrived_ns; /* monotonic; 0: the kernel does not say */
	unsigned truncated; /* so many of the first */
	const char *asked;  /* the address that they were sent to; NULL: the kernel does not say */
	int error;
} fake;

static union addr address(const char *host, uint16_t port)
{
	union addr parsed;

	assert_int_equal(addr_parse(host, port, &parsed), 0);
	return parsed;
}

/* As a wildcard socket of the machine 10.0.0.1 has it. */
static void put_asked(struct msghdr *header)
{
	struct cmsghdr *control = header->msg_control;
	union addr asked = address(fake.asked, 0);
	struct in_pktinfo v4 = { .ipi_addr = asked.in.sin_addr,
		.ipi_spec_dst = address("10.0.0.1", 0).in.sin_addr };
	struct in6_pktinfo v6 = { .ipi6_addr = asked.in6.sin6_addr };
	bool is_v4 = asked.sa.sa_family == AF_INET;
	size_t length = is_v4 ? sizeof(v4) : sizeof(v6);

	*control = (struct cmsghdr){ .cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
		.cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO,
		.cmsg_len = CMSG_LEN(length) };
	memcpy(CMSG_DATA(control), is_v4 ? (void *)&v4 : (void *)&v6, length);
	header->msg_controllen = CMSG_SPACE(length);
}

static void write_timestamp(struct msghdr *header)
{
	struct cmsghdr *control = header->msg_control;
	const struct timespec arrived = { .tv_sec = 1000 + fake.arrived_ns / NS_PER_S,
		.tv_nsec = fake.arrived_ns % NS_PER_S };

	*control = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_TIMESTAMPNS,
		.cmsg_len = CMSG_LEN(sizeof(arrived)) };
	memcpy(CMSG_DATA(control), &arrived, sizeof(arrived));
	header->msg_controllen = CMSG_SPACE(sizeof(arrived));
}

int __wrap_sys_receive(int fd, struct mmsghdr *messages, unsigned count)
{
	if (fake.error != 0)
		return -fake.error;
	if (fake.count == 0)
		return __real_sys_receive(fd, messages, count);
	assert_true(fake.count <= count);
	count = fake.count;
	if (fake.repeats > 0)
		fake.repeats--;
	else
		fake.count = 0;
	now_ns += fake.takes_ns;
	fake.arrived_ns += fake.arrived_ns > 0;
	for (unsigned i = 0; i < count; i++) {
		memcpy(messages[i].msg_hdr.msg_name, &fake.sources[i], sizeof(union addr));
		messages[i].msg_hdr.msg_flags = i < fake.truncated ? MSG_TRUNC : 0;
		messages[i].msg_hdr.msg_controllen = 0;
		if (fake.arrived_ns > 0)
			write_timestamp(&messages[i].msg_hdr);
		if (fake.asked != NULL)
			put_asked(&messages[i].msg_hdr);
		messages[i].msg_len = 4;
	}
	return (int)count;
}

static unsigned verified;

/* Every second one. */
static bool verify(void *state, const struct dgram_request *request)
{
	(void)state;
	(void)request;
	return verified++ % 2 == 0;
}

struct fixture {
	struct receiver receiver;
	struct service service;
	struct dgram_handler handler;
	struct socket sockets[2]; /* 0: it receives from; 1: another of ours, a wildcard */
	struct slab *slab;
	struct log *log;
	struct worker_shared workers;
	_Atomic unsigned shutdowns;
	int stop_fd;
	struct own_addresses *own;
	struct guard_ports ports;
	union addr offered;
};

static int setup(void **state)
{
	const struct log_settings log = { .format = "auto", .color = "auto", .target = "none" };
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const struct queue_limits limits = {
		.capacity = CAPACITY, .workers_max = 1, .demand = &fixture->workers.demand
	};
	const struct queue_settings queue = { .max_workers = 1 };
	struct socket_config config = { 0 };
	const char *hosts[] = { "127.0.0.1", "0.0.0.0" };

	assert_non_null(fixture);
	memset(&fake, 0, sizeof(fake));
	now_ns = NS_PER_S;
	verified = 0;
	assert_int_equal(own_addresses_new(&fixture->own), 0);
	assert_int_equal(own_addresses_read(fixture->own), 0);
	config.own = fixture->own;
	for (int i = 0; i < 2; i++) {
		union addr bound = address(hosts[i], 0);

		assert_int_equal(socket_open(&bound, &config, &fixture->sockets[i]), 0);
		guard_ports_add(&fixture->ports, addr_port(&fixture->sockets[i].bound));
	}
	assert_int_equal(slab_new(CAPACITY + SOCKET_BATCH, DATA_BYTES, &fixture->slab), 0);
	assert_int_equal(queue_new(&limits, &queue, &fixture->service.queue), 0);
	assert_int_equal(log_new(&log, 1, &fixture->log), 0);
	fixture->handler = (struct dgram_handler){ .abi = DGRAM_ABI, .name = "test" };
	fixture->service.name = (char *)(uintptr_t) "test";
	fixture->service.handler.calls = &fixture->handler;
	fixture->service.min_source_port = 1024;
	fixture->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fixture->receiver = (struct receiver){ .service = &fixture->service,
		.sockets = fixture->sockets,
		.sockets_count = 2,
		.is_first = true,
		.ports = &fixture->ports,
		.slab = fixture->slab,
		.workers = &fixture->workers,
		.shutdowns = &fixture->shutdowns,
		.stop_fd = fixture->stop_fd };
	assert_int_equal(log_add_ring(fixture->log, LOG_RECEIVER, 0, &fixture->receiver.log), 0);
	assert_int_equal(receiver_prepare(&fixture->receiver, DATA_BYTES, false), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	struct datagram_list left = { 0 };

	receiver_release(&fixture->receiver);
	queue_discard(fixture->service.queue, &left);
	slab_give(fixture->slab, &left);
	queue_free(fixture->service.queue);
	slab_free(fixture->slab); /* asserts that every slot came back */
	log_free(fixture->log);
	own_addresses_free(fixture->own);
	for (int i = 0; i < 2; i++)
		socket_close(&fixture->sockets[i]);
	close(fixture->stop_fd);
	free(fixture);
	return 0;
}

static struct ledger books(const struct fixture *fixture)
{
	struct queue_report report;

	queue_snapshot(fixture->service.queue, &report);
	assert_true(ledger_balances(&report.ledger));
	return report.ledger;
}

/* After a change of what it serves. */
static void prepare_again(struct fixture *fixture)
{
	receiver_release(&fixture->receiver);
	assert_int_equal(receiver_prepare(&fixture->receiver, DATA_BYTES, false), 0);
}

/* One from there: queued, or dropped for this reason. */
static void comes_from(struct fixture *fixture, const char *host, uint16_t port, int drop)
{
	struct ledger before = books(fixture), after;

	fake.sources[0] = address(host, port);
	fake.count = 1;
	assert_int_equal(receiver_step(&fixture->receiver), 1);
	after = books(fixture);
	assert_int_equal(after.received, before.received + 1);
	assert_int_equal(after.queued, before.queued + (drop < 0));
	for (int i = 0; i < DROP_COUNT; i++)
		assert_int_equal(after.dropped[i], before.dropped[i] + (i == drop));
}

static void sources(void **state)
{
	struct fixture *fixture = *state;
	uint16_t own = addr_port(&fixture->sockets[0].bound);
	uint16_t wildcard = addr_port(&fixture->sockets[1].bound);

	comes_from(fixture, "127.0.0.1", 0, DROP_SOURCE_PORT_ZERO);
	comes_from(fixture, "127.0.0.1", 1, DROP_SOURCE_PORT_LOW);
	comes_from(fixture, "127.0.0.1", 7, DROP_SOURCE_PORT_LOW);
	comes_from(fixture, "127.0.0.1", 1023, DROP_SOURCE_PORT_LOW);
	comes_from(fixture, "127.0.0.1", 1024, -1);
	comes_from(fixture, "127.0.0.1", own, DROP_SOURCE_SELF);
	comes_from(fixture, "127.0.0.2", own, -1);
	comes_from(fixture, "127.0.0.2", wildcard, DROP_SOURCE_SELF);
	comes_from(fixture, "192.0.2.1", wildcard, -1);
	fixture->service.min_source_port = 1;
	comes_from(fixture, "127.0.0.1", 1, -1);
	comes_from(fixture, "127.0.0.1", 0, DROP_SOURCE_PORT_ZERO);
	fixture->service.min_source_port = 65535;
	comes_from(fixture, "127.0.0.1", 65534, DROP_SOURCE_PORT_LOW);
}

static void what_was_sent_to_many(void **state)
{
	static const struct {
		const char *asked;
		int drop;
	} rows[] = { { "10.0.0.1", -1 }, { "255.255.255.255", DROP_BROADCAST },
		{ "10.0.0.255", DROP_BROADCAST }, { "10.0.0.0", DROP_BROADCAST },
		{ "224.0.0.1", DROP_MULTICAST }, { "239.255.255.255", DROP_MULTICAST },
		{ "fd00::1", -1 }, { "ff02::1", DROP_MULTICAST } };
	struct fixture *fixture = *state;

	for (int broadcast = 0; broadcast < 2; broadcast++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			fixture->service.broadcast = broadcast;
			prepare_again(fixture);
			fake.asked = rows[i].asked;
			comes_from(fixture, "192.0.2.1", 5000, broadcast ? -1 : rows[i].drop);
			comes_from(fixture, "192.0.2.1", 1023,
				broadcast || rows[i].drop < 0 ? DROP_SOURCE_PORT_LOW
							      : rows[i].drop);
		}
}

/* A bad one in every position, and in every pair of them: all others are queued. */
static void a_bad_one_anywhere_in_a_batch(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned a = 0; a < SOCKET_BATCH; a++)
		for (unsigned b = a; b < SOCKET_BATCH; b++) {
			struct datagram_list dropped = { 0 };
			struct ledger before = books(fixture), after;
			unsigned bad = a == b ? 1 : 2;

			for (unsigned i = 0; i < SOCKET_BATCH; i++)
				fake.sources[i] = address("127.0.0.9", i == a || i == b ? 0 : 5000);
			fake.count = SOCKET_BATCH;
			assert_int_equal(receiver_step(&fixture->receiver), SOCKET_BATCH);
			after = books(fixture);
			assert_int_equal(after.queued, SOCKET_BATCH - bad);
			assert_int_equal(after.dropped[DROP_SOURCE_PORT_ZERO],
				before.dropped[DROP_SOURCE_PORT_ZERO] + bad);
			queue_discard(fixture->service.queue, &dropped);
			slab_give(fixture->slab, &dropped);
		}
}

static void truncated_ones(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < SOCKET_BATCH; i++)
		fake.sources[i] = address("127.0.0.9", 5000);
	fake.truncated = 40;
	fake.count = SOCKET_BATCH;
	assert_int_equal(receiver_step(&fixture->receiver), SOCKET_BATCH);
	assert_int_equal(books(fixture).dropped[DROP_TRUNCATED], 40);
	assert_int_equal(books(fixture).queued, SOCKET_BATCH - 40);
}

static void the_handler_verifies(void **state)
{
	struct fixture *fixture = *state;

	fixture->handler.verify = verify;
	prepare_again(fixture);
	for (unsigned i = 0; i < SOCKET_BATCH; i++)
		fake.sources[i] = address("127.0.0.9", i < 10 ? 0 : 5000); /* not asked: 10 */
	fake.count = SOCKET_BATCH;
	assert_int_equal(receiver_step(&fixture->receiver), SOCKET_BATCH);
	assert_int_equal(verified, SOCKET_BATCH - 10);
	assert_int_equal(books(fixture).dropped[DROP_VERIFY], (SOCKET_BATCH - 10) / 2);
	assert_int_equal(books(fixture).queued, (SOCKET_BATCH - 10) / 2);
}

/* Whatever the error, it is returned, nothing is counted and no slot is lost. */
static void errors_of_the_socket(void **state)
{
	static const int errors[] = { ENOBUFS, ENOMEM, EPERM, EACCES, ENETUNREACH, EHOSTUNREACH,
		ECONNREFUSED, EMSGSIZE, EINVAL, EIO, EBADF, ENETDOWN };
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fake.error = errors[i];
		assert_int_equal(receiver_step(&fixture->receiver), -errors[i]);
	}
	fake.error = EAGAIN;
	assert_int_equal(receiver_step(&fixture->receiver), 0);
	assert_int_equal(books(fixture).received, 0);
	fake.error = 0;
	comes_from(fixture, "127.0.0.9", 5000, -1);
}

static void send_to(const union addr *to, unsigned count)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(sendto(fd, "data", 4, 0, &to->sa, addr_length(to)), 4);
	close(fd);
}

static void send_some(const struct fixture *fixture, unsigned count)
{
	send_to(&fixture->sockets[0].bound, count);
}

/* Told to stop, it takes what has arrived by then. */
static void it_stops_when_told(void **state)
{
	struct fixture *fixture = *state;
	atomic_store(&fixture->shutdowns, 1);

	send_some(fixture, 150);
	assert_int_equal(eventfd_write(fixture->stop_fd, 1), 0);
	receiver_run(&fixture->receiver);
	assert_int_equal(books(fixture).queued, 150);
}

static void it_refuses_what_comes_too_late(void **state)
{
	struct fixture *fixture = *state;

	worker_close(&fixture->workers);
	send_some(fixture, 150);
	receiver_finish(&fixture->receiver, true);
	assert_int_equal(books(fixture).received, 150);
	assert_int_equal(books(fixture).dropped[DROP_DRAINING], 150);
}

/* Another socket at the same port of another address: the receiver's, from the take-over on. */
static void offer_at(struct fixture *fixture, const char *host)
{
	union addr bound = address(host, addr_port(&fixture->sockets[0].bound));
	struct socket next;

	assert_int_equal(socket_open(&bound, &(struct socket_config){ 0 }, &next), 0);
	receiver_offer(&fixture->receiver, &next);
	fixture->offered = next.bound;
}

/* What is in the old one is not lost, and the new one is read at once. */
static void a_socket_that_is_offered(void **state)
{
	struct fixture *fixture = *state;

	send_some(fixture, 150);
	offer_at(fixture, "127.0.0.3");
	receiver_take_over(&fixture->receiver);
	assert_int_equal(books(fixture).queued, 150);
	send_to(&fixture->offered, 3);
	assert_int_equal(receiver_step(&fixture->receiver), 3);
	receiver_take_over(&fixture->receiver);
	assert_int_equal(receiver_step(&fixture->receiver), 0);
	assert_int_equal(books(fixture).queued, 153);
}

/* Before it is taken over, or while: both are read. */
static void a_stop_takes_the_one_that_is_offered(void **state)
{
	struct fixture *fixture = *state;

	send_some(fixture, 5);
	offer_at(fixture, "127.0.0.3");
	send_to(&fixture->offered, 7);
	atomic_store(&fixture->shutdowns, 1);
	assert_int_equal(eventfd_write(fixture->stop_fd, 1), 0);
	receiver_run(&fixture->receiver);
	assert_int_equal(books(fixture).queued, 12);
	assert_false(atomic_load(&fixture->receiver.offered));
}

static void *run_receiver(void *receiver)
{
	receiver_run(receiver);
	return NULL;
}

/* One that waits takes it over, and serves it: so often that some find it waiting. */
static void an_offer_wakes(void **state)
{
	struct fixture *fixture = *state;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run_receiver, &fixture->receiver), 0);
	for (unsigned round = 1; round <= 50; round++) {
		offer_at(fixture, round % 2 == 0 ? "127.0.0.3" : "127.0.0.4");
		send_to(&fixture->offered, 1);
		for (int i = 0; books(fixture).queued < round && i < patience_ms(); i++)
			(void)poll(NULL, 0, 1);
		assert_int_equal(books(fixture).queued, round);
	}
	atomic_store(&fixture->shutdowns, 1);
	assert_int_equal(eventfd_write(fixture->stop_fd, 1), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* More than the queue holds: the oldest go, and their slots come back. */
static void a_full_queue(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned round = 0; round < 10; round++) {
		send_some(fixture, SOCKET_BATCH);
		assert_int_equal(receiver_step(&fixture->receiver), SOCKET_BATCH);
	}
	assert_int_equal(books(fixture).queued, CAPACITY);
	assert_int_equal(books(fixture).dropped[DROP_QUEUE_FULL], 10 * SOCKET_BATCH - CAPACITY);
}

/* How long the next one may wait, by its deadline. */
static int64_t time_allowed(struct fixture *fixture)
{
	struct datagram_list waiting = { 0 };
	int64_t allowed_ns;

	comes_from(fixture, "192.0.2.1", 2000, -1);
	queue_discard(fixture->service.queue, &waiting);
	allowed_ns = waiting.first->expires_ns - waiting.first->arrived_ns;
	slab_give(fixture->slab, &waiting);
	return allowed_ns;
}

static void deadlines_that_change(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(time_allowed(fixture), DATAGRAM_FOREVER_NS);
	atomic_store(&fixture->service.max_wait_ns, 5 * NS_PER_MS);
	assert_int_equal(time_allowed(fixture), 5 * NS_PER_MS);
	atomic_store(&fixture->service.max_wait_ns, 0);
	assert_int_equal(time_allowed(fixture), DATAGRAM_FOREVER_NS);
}

/* Where there is one: its first wait takes 20 s and brings a datagram, which arrives while the receiver asks for
 * it; the second wait ends it. */
static struct fixture *sleeper;
static unsigned sleeps;

int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms)
{
	if (sleeper == NULL)
		return __real_sys_wait(fds, count, timeout_ms);
	if (sleeps++ > 0) {
		atomic_store(&sleeper->shutdowns, 1);
		return 1;
	}
	now_ns += 20 * NS_PER_S;
	fake.sources[0] = address("192.0.2.1", 2000);
	fake.count = 1;
	fake.takes_ns = NS_PER_US;
	fake.arrived_ns = now_ns + 500;
	fds[1].revents = POLLIN;
	return 1;
}

/* Timestamps were switched on, nothing came, and then for a long time nothing: what comes has just arrived. */
static void one_after_a_long_sleep(void **state)
{
	struct fixture *fixture = *state;
	struct datagram_list waiting = { 0 };

	atomic_store(&fixture->service.max_wait_ns, NS_PER_S);
	arrivals_switch(&fixture->receiver.batch.arrivals, fixture->sockets[0].fd, false);
	sleeps = 0;
	sleeper = fixture;
	receiver_run(&fixture->receiver);
	sleeper = NULL;
	assert_int_equal(books(fixture).queued, 1);
	queue_discard(fixture->service.queue, &waiting);
	assert_in_range(waiting.first->received_ns - waiting.first->arrived_ns, 0, NS_PER_MS);
	slab_give(fixture->slab, &waiting);
}

#define WITH_RECEIVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* A stop takes what had arrived by then, however long that takes; what arrived later ends it, and so does an
 * empty socket. Where the arrival times are unknown, time does: here 200 ms, which is two receptions. */
static void a_stop_takes_what_had_arrived(void **state)
{
	static const struct {
		int64_t arrived_ns; /* after the stop; 0: the kernel does not say */
		unsigned count;	    /* of each reception */
		unsigned receptions;
	} cases[] = { { -100, SOCKET_BATCH, 10 }, { 1, SOCKET_BATCH, 1 }, { 0, SOCKET_BATCH, 2 },
		{ -100, SOCKET_BATCH - 1, 1 } };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct queue_report report;
		uint64_t before;

		queue_snapshot(fixture->service.queue, &report);
		before = report.ledger.received;
		now_ns += NS_PER_S;
		for (unsigned j = 0; j < cases[i].count; j++)
			fake.sources[j] = address("10.0.0.1", 30000);
		fake.count = cases[i].count;
		fake.repeats = 9;
		fake.takes_ns = 100 * NS_PER_MS;
		fake.arrived_ns = cases[i].arrived_ns != 0 ? now_ns + cases[i].arrived_ns : 0;
		receiver_finish(&fixture->receiver, false);
		fake.count = 0;
		queue_snapshot(fixture->service.queue, &report);
		assert_int_equal(
			report.ledger.received - before, cases[i].receptions * cases[i].count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_stop_takes_what_had_arrived, setup, teardown),
		WITH_RECEIVER(sources),
		WITH_RECEIVER(what_was_sent_to_many),
		WITH_RECEIVER(a_bad_one_anywhere_in_a_batch),
		WITH_RECEIVER(truncated_ones),
		WITH_RECEIVER(the_handler_verifies),
		WITH_RECEIVER(errors_of_the_socket),
		WITH_RECEIVER(it_stops_when_told),
		WITH_RECEIVER(it_refuses_what_comes_too_late),
		WITH_RECEIVER(a_socket_that_is_offered),
		WITH_RECEIVER(a_stop_takes_the_one_that_is_offered),
		WITH_RECEIVER(an_offer_wakes),
		WITH_RECEIVER(a_full_queue),
		WITH_RECEIVER(deadlines_that_change),
		WITH_RECEIVER(one_after_a_long_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
