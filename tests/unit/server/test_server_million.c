/* The books, for a million numbered datagrams: everything that can happen to one happens to many of
 * them at once, and each is accounted for, exactly, at the end and at every moment in between. What
 * may not happen to them on a slow machine is made to happen before: a full queue, jobs that expire,
 * a full buffer of the kernel's. */
/* link: -Wl,--wrap=sendmmsg */
#include <pthread.h>
#include <stdlib.h>

#include "server_support.h"

#define MILLION 1000000u
#define CLIENTS 2u	/* of each service */
#define REQUEST_MAX 64u /* max_datagram_bytes */
#define SLOW_NS 2000000
#define PARTS 16u /* of a client's requests: in each of them snapshots are made */

enum { ECHO, TINY, SHORT, STALE, FAULTY, UNSENDABLE, SERVICES };

struct packet {
	uint32_t service;
	uint32_t client;
	uint64_t sequence;
};

/* What the handlers and the kernel's stand-in did, counted apart from the books. */
static struct {
	_Atomic uint64_t ran[SERVICES];
	_Atomic uint64_t errors, no_replies, too_large, refused, poisoned[8];
	atomic_bool held; /* slow handlers, and the receiver of the tiny buffer */
} seen;

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

/* Errors that the network would give, by the sequence number. */
static const struct {
	int error;
	const char *reason;
} poisons[8] = {
	{ 0, NULL },
	{ ENOBUFS, "send_no_buffer" },
	{ EPERM, "send_forbidden" },
	{ ENETUNREACH, "send_unreachable" },
	{ EADDRNOTAVAIL, "send_no_source" },
	{ EMSGSIZE, "send_too_long" },
	{ EINVAL, "send_invalid" },
	{ 0, NULL },
};

/* The error of the first that has one, of replies that leave together: none is sent. */
static int poison_of(const struct msghdr *header)
{
	int error = 0;

	for (size_t i = 0; i < header->msg_iovlen && error == 0; i++) {
		const struct iovec *reply = &header->msg_iov[i];
		struct packet packet;

		if (reply->iov_len != sizeof(packet))
			continue;
		memcpy(&packet, reply->iov_base, sizeof(packet));
		if (packet.service == UNSENDABLE)
			error = poisons[packet.sequence % 8].error;
	}
	return error;
}

/* As the kernel has it: what precedes the bad one is sent, its error comes with the next call. */
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	unsigned good = 0;

	while (good < count && poison_of(&messages[good].msg_hdr) == 0)
		good++;
	if (good > 0)
		return __real_sendmmsg(fd, messages, good, flags);
	errno = poison_of(&messages[0].msg_hdr);
	return -1;
}

static ssize_t echo(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	(void)size;
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

static struct packet packet_of(const struct dgram_request *request)
{
	struct packet packet = { 0 };

	if (request->length == sizeof(packet))
		memcpy(&packet, request->data, sizeof(packet));
	return packet;
}

static bool hold(void *state, const struct dgram_request *request)
{
	(void)state;
	(void)request;
	while (atomic_load(&seen.held))
		nap();
	return true;
}

static ssize_t slow(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	const struct timespec time = { .tv_nsec = SLOW_NS };
	_Atomic uint64_t *ran = state;

	atomic_fetch_add(ran, 1);
	(void)hold(state, request);
	nanosleep(&time, NULL);
	return echo(state, request, reply, size);
}

static ssize_t misbehave(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	atomic_fetch_add(&seen.ran[FAULTY], 1);
	switch (packet_of(request).sequence % 8) {
	case 1:
		atomic_fetch_add(&seen.errors, 1);
		return -EIO;
	case 2:
		atomic_fetch_add(&seen.no_replies, 1);
		return DGRAM_NO_REPLY;
	case 3:
		atomic_fetch_add(&seen.too_large, 1);
		return (ssize_t)size + 1;
	case 4:
		atomic_fetch_add(&seen.errors, 1);
		return -5000000; /* not even an errno value */
	default:
		return echo(state, request, reply, size);
	}
}

static bool verify(void *state, const struct dgram_request *request)
{
	bool good = packet_of(request).sequence % 8 != 5;

	(void)state;
	atomic_fetch_add(&seen.refused, !good);
	return good;
}

static ssize_t poison(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	atomic_fetch_add(&seen.ran[UNSENDABLE], 1);
	atomic_fetch_add(&seen.poisoned[packet_of(request).sequence % 8], 1);
	return echo(state, request, reply, size);
}

static const struct dgram_handler tiny_handler = { DGRAM_ABI, "tiny", .handle = echo,
	.verify = hold };
static const struct dgram_handler slow_handler = { DGRAM_ABI, "slow", .handle = slow };
static const struct dgram_handler fail_handler = { DGRAM_ABI, "faulty", .handle = misbehave,
	.verify = verify };
static const struct dgram_handler poison_handler = { DGRAM_ABI, "unsendable", .handle = poison };

struct watch {
	pthread_t thread;
	struct dgram_server *server;
	atomic_bool done;
	_Atomic unsigned snapshots;
	unsigned wrong;
};

struct client {
	pthread_t thread;
	struct watch *watch;
	int fd;
	uint32_t service, number;
	uint64_t requests, replies, wrong;
	unsigned char *answered; /* by sequence */
};

static void take_reply(struct client *client, const void *data, size_t length)
{
	struct packet packet = { 0 };

	if (length == sizeof(packet))
		memcpy(&packet, data, sizeof(packet));
	if (length != sizeof(packet) || packet.service != client->service ||
		packet.client != client->number || packet.sequence >= client->requests ||
		client->answered[packet.sequence]++ > 0)
		client->wrong++;
	client->replies++;
}

static void take_replies(struct client *client)
{
	char data[2 * REQUEST_MAX];
	ssize_t length;

	while ((length = recv(client->fd, data, sizeof(data), MSG_DONTWAIT)) >= 0)
		take_reply(client, data, (size_t)length);
}

/* One in 64 is too long. */
static void *client_main(void *argument)
{
	struct client *client = argument;
	unsigned char data[2 * REQUEST_MAX] = { 0 };

	for (uint64_t i = 0; i < client->requests; i++) {
		struct packet packet = { client->service, client->number, i };
		size_t length = i % 64 == 63 ? sizeof(data) : sizeof(packet);

		memcpy(data, &packet, sizeof(packet));
		if (send(client->fd, data, length, 0) != (ssize_t)length)
			client->wrong++;
		if (i % 16 == 15)
			take_replies(client);
		if (i % (client->requests / PARTS + 1) == 0 &&
			!reaches(&client->watch->snapshots, client->watch->snapshots + 2))
			client->wrong++;
	}
	return NULL;
}

static void *watch_main(void *argument)
{
	struct watch *watch = argument;
	struct dgram_service_stats before[SERVICES] = { 0 }, *now;

	while (!atomic_load(&watch->done)) {
		for (unsigned i = 0; i < SERVICES; i++) {
			if (dgram_server_stats(watch->server, i, &now) != 0)
				abort();
			watch->wrong += !balances(now) || now->received < before[i].received ||
					now->replied < before[i].replied ||
					now->dropped_by_kernel < before[i].dropped_by_kernel;
			before[i] = *now;
			dgram_stats_free(now);
		}
		atomic_fetch_add(&watch->snapshots, 1);
	}
	return NULL;
}

struct test {
	struct dgram_service services[SERVICES];
	struct dgram_server *server;
	struct client clients[SERVICES * CLIENTS];
	uint64_t sent[SERVICES];
	int early[SERVICES]; /* clients from before; 0: none */
	struct watch watch;
};

static void start_server(struct test *test)
{
	const struct dgram_handler *echo_handler = dgram_builtin_handler("echo");
	const struct dgram_handler *handlers[SERVICES] = { echo_handler, &tiny_handler,
		&slow_handler, &slow_handler, &fail_handler, &poison_handler };
	static const char *const names[SERVICES] = { "echo", "tiny", "short", "stale", "faulty",
		"unsendable" };
	struct dgram_options options;
	int bytes = 1; /* the least that the kernel grants */

	dgram_options_init(&options, DGRAM_ABI);
	for (unsigned i = 0; i < SERVICES; i++) {
		dgram_service_init(&test->services[i], DGRAM_ABI);
		test->services[i].name = names[i];
		test->services[i].handler = handlers[i];
		test->services[i].context = &seen.ran[i];
		test->services[i].queue_max_wait_ms = i == STALE ? 5 : 0;
	}
	test->services[ECHO].min_source_port = 20000;
	test->services[SHORT].queue_capacity = 16;
	test->services[SHORT].max_workers = 1;
	test->services[STALE].max_workers = 1;
	options.services = test->services;
	options.services_count = SERVICES;
	options.max_datagram_bytes = REQUEST_MAX;
	options.log_target = "none";
	assert_int_equal(dgram_server_new(&options, &test->server), 0);
	assert_int_equal(dgram_server_bind(test->server), 0);
	assert_int_equal(setsockopt(dgram_server_fileno(test->server, TINY, 0), SOL_SOCKET,
				 SO_RCVBUF, &bytes, sizeof(bytes)),
		0);
	assert_int_equal(dgram_server_start(test->server), 0);
}

/* From a port below the service's least, and from one of the server's own sockets. */
static void send_forbidden(struct test *test)
{
	struct sockaddr_in low = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_storage address;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint16_t port = 10000;

	assert_int_equal(dgram_server_address(test->server, ECHO, 0, &address), 0);
	do {
		low.sin_port = htons(port++);
	} while (bind(fd, (struct sockaddr *)&low, sizeof(low)) < 0 && port < 20000);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(
			sendto(fd, "low", 3, 0, (struct sockaddr *)&address, sizeof(low)), 3);
		assert_int_equal(sendto(dgram_server_fileno(test->server, TINY, 0), "self", 4, 0,
					 (struct sockaddr *)&address, sizeof(low)),
			4);
	}
	test->sent[ECHO] += 200;
	close(fd);
}

/* `count` requests to a service. Their client stays open, or their replies would be refused. */
static void send_some(struct test *test, unsigned service, unsigned count)
{
	test->early[service] = client_of(test->server, service);
	for (unsigned i = 0; i < count; i++)
		tell(test->early[service], "x", 1);
	test->sent[service] += count;
}

/* While handlers are held one request runs, 16 wait, and the others find a full queue; those that wait
 * for 5 ms expire; and the buffer of a receiver that is held overflows. */
static void overflow(struct test *test)
{
	atomic_store(&seen.held, true);
	send_some(test, SHORT, 1 + 16 + 5);
	send_some(test, STALE, 5);
	send_some(test, TINY, 200);
	await_received(test->server, SHORT, test->sent[SHORT]);
	await_received(test->server, STALE, test->sent[STALE]);
	for (unsigned i = 0; i < 6; i++)
		nap();
	atomic_store(&seen.held, false);
}

static void run_clients(struct test *test)
{
	for (unsigned i = 0; i < SERVICES * CLIENTS; i++) {
		struct client *client = &test->clients[i];

		client->service = i % SERVICES;
		client->number = i;
		client->watch = &test->watch;
		client->requests = scaled(MILLION) / (SERVICES * CLIENTS);
		client->answered = calloc(client->requests, 1);
		client->fd = client_of(test->server, client->service);
		assert_non_null(client->answered);
		test->sent[client->service] += client->requests;
	}
	for (unsigned i = 0; i < SERVICES * CLIENTS; i++)
		assert_int_equal(pthread_create(&test->clients[i].thread, NULL, client_main,
					 &test->clients[i]),
			0);
	for (unsigned i = 0; i < SERVICES * CLIENTS; i++)
		pthread_join(test->clients[i].thread, NULL);
}

/* Replies that reached their clients' sockets; none twice, none that was not asked for. */
static void check_clients(struct test *test)
{
	uint64_t replies[SERVICES] = { 0 };

	for (unsigned i = 0; i < SERVICES * CLIENTS; i++) {
		struct client *client = &test->clients[i];

		take_replies(client);
		assert_int_equal(client->wrong, 0);
		replies[client->service] += client->replies;
		close(client->fd);
		free(client->answered);
	}
	for (unsigned i = 0; i < SERVICES; i++) {
		assert_true(i == STALE || replies[i] > 0);
		assert_true(replies[i] <= stats_of(test->server, i).replied);
		if (test->early[i] > 0)
			close(test->early[i]);
	}
}

static void check_reasons(struct dgram_server *server)
{
	struct dgram_service_stats stats = stats_of(server, SHORT);

	assert_true(reason(stats.dropped, "queue_full") > 0);
	assert_int_equal(stats.replied, seen.ran[SHORT]);
	assert_int_equal(stats.queued_max, 16);

	stats = stats_of(server, STALE);
	assert_true(reason(stats.dropped, "expired") > 0);
	assert_int_equal(stats.replied, seen.ran[STALE]);

	stats = stats_of(server, FAULTY);
	assert_int_equal(reason(stats.failed, "handler"), seen.errors);
	assert_int_equal(reason(stats.failed, "reply_size"), seen.too_large);
	assert_int_equal(reason(stats.dropped, "verify"), seen.refused);
	assert_int_equal(stats.no_reply, seen.no_replies);
	assert_int_equal(
		stats.replied, seen.ran[FAULTY] - seen.errors - seen.too_large - seen.no_replies);
	assert_true(seen.errors > 0 && seen.too_large > 0 && seen.refused > 0);

	stats = stats_of(server, UNSENDABLE);
	for (unsigned i = 0; i < 8; i++) {
		assert_true(seen.poisoned[i] > 0);
		if (poisons[i].reason != NULL)
			assert_int_equal(reason(stats.failed, poisons[i].reason), seen.poisoned[i]);
	}
	assert_int_equal(stats.replied, seen.poisoned[0] + seen.poisoned[7]);

	stats = stats_of(server, ECHO);
	assert_int_equal(reason(stats.dropped, "source_port_low"), 100);
	assert_int_equal(reason(stats.dropped, "source_self"), 100);
	assert_true(stats_of(server, TINY).dropped_by_kernel > 0);
}

/* All that was received and not dropped was run by one of them. */
static void check_workers(struct dgram_server *server)
{
	struct dgram_worker_stats *worker;
	uint64_t run = 0, requests = 0;

	for (unsigned i = 0; i < SERVICES; i++) {
		struct dgram_service_stats stats = stats_of(server, i);

		run += stats.received - sum(stats.dropped);
	}
	for (size_t i = 0; dgram_server_worker_stats(server, i, &worker) == 0; i++) {
		requests += worker->requests;
		dgram_stats_free(worker);
	}
	assert_int_equal(requests, run);
}

static void every_datagram_is_accounted_for(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	(void)state;
	assert_non_null(test);
	start_server(test);
	test->watch.server = test->server;
	assert_int_equal(pthread_create(&test->watch.thread, NULL, watch_main, &test->watch), 0);
	send_forbidden(test); /* while nothing overflows */
	await_received(test->server, ECHO, test->sent[ECHO]);
	overflow(test);
	run_clients(test);
	atomic_store(&test->watch.done, true);
	pthread_join(test->watch.thread, NULL);
	stop(test->server);

	for (unsigned i = 0; i < SERVICES; i++) {
		struct dgram_service_stats stats = check_closed(test->server, i);

		assert_int_equal(test->sent[i], stats.received + stats.dropped_by_kernel);
		/* The longest have the least chance of the tiny buffer. */
		assert_true(i == TINY || reason(stats.dropped, "truncated") > 0);
	}
	check_workers(test->server);
	assert_int_equal(test->watch.wrong, 0);
	check_reasons(test->server);
	check_clients(test);
	dgram_server_free(test->server);
	free(test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_datagram_is_accounted_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
