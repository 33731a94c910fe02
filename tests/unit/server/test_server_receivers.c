/* Several receivers for each host: the kernel divides the clients among them, and nobody else gets
 * any of them. */
#include <arpa/inet.h>

#include "server_support.h"

#define RECEIVERS 4u
#define CLIENTS 64u

static struct {
	_Atomic unsigned starts, stops, inside, open;
	_Atomic unsigned fails;				 /* this worker does not start */
	_Atomic unsigned calls[DGRAM_RECEIVERS_MAX + 1]; /* by receiver; the last: by the pool */
} room;

static int start_worker(void *state, const struct dgram_start *start, void **ret_state)
{
	if (start->worker == atomic_load(&room.fails))
		return -EPROTO;
	atomic_fetch_add(&room.starts, 1);
	*ret_state = state;
	return 0;
}

static void stop_worker(void *state)
{
	(void)state;
	atomic_fetch_add(&room.stops, 1);
}

/* An echo, but for "hang"; and for "who", the answer to which is the receiver's number. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	unsigned number = request->worker < DGRAM_WORKERS_MAX ? DGRAM_RECEIVERS_MAX
							      : request->worker - DGRAM_WORKERS_MAX;

	(void)state;
	(void)size;
	atomic_fetch_add(&room.calls[number], 1);
	if (request->length == 4 && memcmp(request->data, "hang", 4) == 0) {
		atomic_fetch_add(&room.inside, 1);
		while (!reaches(&room.open, 1))
			;
	}
	memcpy(reply, request->data, request->length);
	if (request->length == 3 && memcmp(request->data, "who", 3) == 0)
		*(char *)reply = (char)('0' + number);
	return (ssize_t)request->length;
}

static const struct dgram_handler blocking = { DGRAM_ABI, "blocking", .handle = handle,
	.worker_start = start_worker, .worker_stop = stop_worker };
static const struct dgram_handler quick = { DGRAM_ABI, "quick", .handle = handle,
	.worker_start = start_worker, .worker_stop = stop_worker, .never_blocks = true };

/* Inline; by the pool; by receivers that help. */
static const struct way {
	const struct dgram_handler *handler;
	enum dgram_concurrency concurrency;
	bool serve; /* the receivers do, too */
} ways[] = {
	{ &blocking, DGRAM_INLINE, true },
	{ &blocking, DGRAM_POOL, false },
	{ &quick, DGRAM_POOL, true },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void setup_way(struct setup *setup, const struct way *way, unsigned receivers)
{
	memset(&room, 0, sizeof(room));
	atomic_store(&room.fails, UINT32_MAX);
	setup_init(setup, way->handler);
	setup->services[0].concurrency = way->concurrency;
	setup->services[0].receivers = receivers;
}

static void finish(struct dgram_server *server, uint64_t replied)
{
	struct dgram_service_stats stats;

	stop(server);
	stats = check_closed(server, 0);
	assert_int_equal(stats.received, replied);
	assert_int_equal(stats.replied, replied);
	assert_int_equal(stats.dropped_by_kernel, 0);
	dgram_server_free(server);
	check_threads(0);
	assert_int_equal(room.starts, room.stops);
}

/* Who serves where receivers help is a matter of time: see test_server_help. */
static void every_client_is_served(void **state)
{
	struct setup setup;
	char reply[8];

	(void)state;
	for (unsigned w = 0; w < WAYS; w++) {
		struct dgram_server *server;
		unsigned used = 0;

		setup_way(&setup, &ways[w], RECEIVERS);
		server = start(&setup);
		for (unsigned i = 0; i < CLIENTS; i++) {
			int client = client_of(server, 0);

			assert_int_equal(ask(client, "hello", reply, sizeof(reply)), 5);
			close(client);
		}
		finish(server, CLIENTS);
		for (unsigned i = 0; i < DGRAM_RECEIVERS_MAX; i++)
			used += room.calls[i] > 0;
		assert_true(used <= RECEIVERS);
		assert_true(ways[w].serve || used == 0);
		if (ways[w].concurrency == DGRAM_INLINE)
			assert_true(used > 1 && room.calls[DGRAM_RECEIVERS_MAX] == 0);
	}
}

static void hosts_have_receivers_each(void **state)
{
	const char *hosts[] = { "127.0.0.1", "127.0.0.2", "::1" };
	struct sockaddr_storage address, bound;
	struct setup setup;
	struct dgram_server *server;

	(void)state;
	setup_way(&setup, &ways[0], 3);
	setup.services[0].hosts = hosts;
	setup.services[0].hosts_count = 3;
	server = start(&setup);
	check_threads(9 + 1);
	for (size_t i = 0; i < 3; i++) {
		int fd = dgram_server_fileno(server, 0, i);
		socklen_t length = sizeof(bound);

		assert_int_equal(dgram_server_address(server, 0, i, &address), 0);
		assert_int_equal(address.ss_family, i < 2 ? AF_INET : AF_INET6);
		if (i < 2)
			assert_int_equal(ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr),
				0x7f000001 + i);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &length), 0);
		assert_memory_equal(&bound, &address, length);
	}
	assert_int_equal(dgram_server_fileno(server, 0, 3), -ENOENT);
	assert_int_equal(dgram_server_address(server, 0, 3, &address), -ENOENT);
	finish(server, 0);
}

/* As another program would: without SO_REUSEPORT. */
static int bind_plainly(const struct dgram_service *service)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(service->port),
		.sin_addr.s_addr = inet_addr(service->hosts[0]) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -errno;
}

/* A second one with so many receivers cannot have the first one's port, before that is free. */
static void must_refuse(unsigned first, unsigned second)
{
	struct setup setup, other;
	struct dgram_server *holder, *server;
	unsigned fds;

	setup_way(&setup, &ways[2], first);
	setup_way(&other, &ways[2], second);
	own_address(&setup.services[0], 1);
	own_address(&other.services[0], 1);
	holder = start(&setup);
	server = make(&other);
	fds = open_fds();
	assert_int_equal(dgram_server_bind(server), -EADDRINUSE);
	assert_int_equal(dgram_server_start(server), -EADDRINUSE);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(bind_plainly(&other.services[0]), -EADDRINUSE);
	stop(holder);
	dgram_server_free(holder);
	assert_int_equal(dgram_server_start(server), 0);
	stop(server);
	dgram_server_free(server);
}

static void the_port_is_not_shared_with_others(void **state)
{
	(void)state;
	must_refuse(2, 2);
	must_refuse(2, 1);
	must_refuse(1, 2);
}

static void nor_taken_from_others(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int holder;

	(void)state;
	setup_way(&setup, &ways[0], 2);
	own_address(&setup.services[0], 1);
	holder = bind_plainly(&setup.services[0]);
	assert_true(holder >= 0);
	server = make(&setup);
	assert_int_equal(dgram_server_bind(server), -EADDRINUSE);
	close(holder);
	assert_int_equal(dgram_server_start(server), 0);
	finish(server, 0);
}

/* Eight clients with so many each on their way, numbered. */
static void must_keep_order(const struct way *way, enum dgram_ordering ordering)
{
	enum { WINDOW = 40, PEERS = 8 };
	unsigned rounds = scaled(50);
	struct setup setup;
	struct dgram_server *server;
	int clients[PEERS];

	setup_way(&setup, way, 2);
	setup.services[0].queue_ordering = ordering;
	server = start(&setup);
	for (unsigned i = 0; i < PEERS; i++)
		clients[i] = client_of(server, 0);
	for (uint32_t round = 0; round < rounds; round++) {
		for (uint32_t k = 0; k < WINDOW; k++)
			for (unsigned i = 0; i < PEERS; i++)
				tell(clients[i], &k, sizeof(k));
		for (uint32_t k = 0; k < WINDOW; k++)
			for (unsigned i = 0; i < PEERS; i++) {
				uint32_t reply;

				assert_int_equal(
					hear(clients[i], &reply, sizeof(reply), patience_ms()),
					sizeof(reply));
				assert_int_equal(reply, k);
			}
	}
	for (unsigned i = 0; i < PEERS; i++)
		close(clients[i]);
	finish(server, (uint64_t)rounds * WINDOW * PEERS);
}

static void replies_keep_their_order(void **state)
{
	(void)state;
	must_keep_order(&ways[0], DGRAM_ORDERING_NONE); /* inline, they cannot but */
	for (unsigned w = 1; w < WAYS; w++)
		must_keep_order(&ways[w], DGRAM_ORDERING_PER_CLIENT);
}

/* Two clients that two receivers have. */
static void open_two(struct dgram_server *server, int ret_clients[2])
{
	char first[4] = "", second[4] = "";

	ret_clients[0] = client_of(server, 0);
	assert_int_equal(ask(ret_clients[0], "who", first, sizeof(first)), 3);
	for (unsigned i = 0; i < 1000; i++) {
		ret_clients[1] = client_of(server, 0);
		assert_int_equal(ask(ret_clients[1], "who", second, sizeof(second)), 3);
		if (second[0] != first[0])
			return;
		close(ret_clients[1]);
	}
	fail_msg("one receiver has them all");
}

static void one_that_hangs_holds_up_its_own(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int clients[2];
	uint64_t before;
	char reply[8];

	(void)state;
	setup_way(&setup, &ways[0], 2);
	server = start(&setup);
	open_two(server, clients);
	before = stats_of(server, 0).received;
	tell(clients[0], "hang", 4);
	assert_true(reaches(&room.inside, 1));
	tell(clients[0], "late", 4);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(ask(clients[1], "x", reply, sizeof(reply)), 1);
	for (int i = 0; stats_of(server, 0).running > 1 && i < patience_ms(); i++)
		nap(); /* answered, and not in the books yet */
	assert_int_equal(stats_of(server, 0).running, 1);
	assert_int_equal(hear(clients[0], reply, sizeof(reply), 0), -1);
	atomic_store(&room.open, 1);
	assert_int_equal(hear(clients[0], reply, sizeof(reply), patience_ms()), 4);
	assert_int_equal(hear(clients[0], reply, sizeof(reply), patience_ms()), 4);
	close(clients[0]);
	close(clients[1]);
	finish(server, before + 102);
}

static void must_not_start(const struct way *way, unsigned number)
{
	bool is_there = number < DGRAM_WORKERS_MAX ? way->concurrency == DGRAM_POOL : way->serve;
	struct setup setup;
	struct dgram_server *server;

	setup_way(&setup, way, 3);
	setup.options.workers = 2;
	server = make(&setup);
	atomic_store(&room.fails, number);
	assert_int_equal(dgram_server_start(server), is_there ? -EPROTO : 0);
	if (is_there) {
		check_threads(0);
		assert_int_equal(room.starts, room.stops);
		atomic_store(&room.fails, UINT32_MAX);
		assert_int_equal(dgram_server_start(server), 0);
	}
	finish(server, 0);
}

/* Whichever of them it is, in the pool or at a receiver: none is left running, and once it does
 * start, all is well. */
static void a_worker_that_does_not_start(void **state)
{
	(void)state;
	for (unsigned w = 0; w < WAYS; w++) {
		for (unsigned i = 0; i < 2; i++)
			must_not_start(&ways[w], i);
		for (unsigned i = 0; i < 3; i++)
			must_not_start(&ways[w], DGRAM_WORKERS_MAX + i);
	}
}

static void alone(void **state)
{
	(void)state;
	for (unsigned w = 0; w < WAYS; w++) {
		struct setup setup;
		struct dgram_server *server;
		int clients[16], received = 0;
		char reply[8];

		setup_way(&setup, &ways[w], RECEIVERS);
		server = make(&setup);
		assert_int_equal(dgram_server_bind(server), 0);
		for (unsigned i = 0; i < 16; i++) {
			clients[i] = client_of(server, 0);
			tell(clients[i], "hello", 5);
		}
		while (received < 16)
			received += dgram_server_handle_request(server, 0, patience_ms());
		for (unsigned i = 0; i < 16; i++) {
			assert_int_equal(hear(clients[i], reply, sizeof(reply), 0), 5);
			close(clients[i]);
		}
		check_threads(0);
		assert_int_equal(check_closed(server, 0).replied, 16);
		dgram_server_free(server);
		assert_int_equal(room.starts, room.stops);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_client_is_served),
		cmocka_unit_test(hosts_have_receivers_each),
		cmocka_unit_test(the_port_is_not_shared_with_others),
		cmocka_unit_test(nor_taken_from_others),
		cmocka_unit_test(replies_keep_their_order),
		cmocka_unit_test(one_that_hangs_holds_up_its_own),
		cmocka_unit_test(a_worker_that_does_not_start),
		cmocka_unit_test(alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
