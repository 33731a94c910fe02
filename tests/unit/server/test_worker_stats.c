/* What each worker has done, as any thread may read it. */
#include <pthread.h>

#include "server_support.h"

static struct {
	_Atomic unsigned inside, open;
} room;

/* "e" fails, "h" hangs until it may return. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	char first = request->length > 0 ? *(const char *)request->data : ' ';

	(void)state;
	(void)reply;
	(void)size;
	atomic_fetch_add(&room.inside, 1);
	if (first == 'h')
		(void)reaches(&room.open, 1);
	return first == 'e' ? -EIO : 0;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle };

/* All workers together. */
struct total {
	unsigned workers, receivers;
	uint64_t requests, errors, busy_ns, measured;
};

static void add_worker(struct total *total, const struct dgram_worker_stats *stats)
{
	total->workers += stats->number < DGRAM_WORKERS_MAX;
	total->receivers += stats->number >= DGRAM_WORKERS_MAX;
	total->requests += stats->requests;
	total->errors += stats->errors;
	total->busy_ns += stats->busy_ns;
	for (size_t i = 0; i < stats->service_ns_count; i++) {
		assert_true(stats->service_ns[i].count > 0);
		assert_true(
			i == 0 || stats->service_ns[i].most_ns > stats->service_ns[i - 1].most_ns);
		total->measured += stats->service_ns[i].count;
	}
}

static struct total total_of(struct dgram_server *server)
{
	struct total total = { 0 };
	struct dgram_worker_stats *stats;
	size_t i = 0;

	for (; dgram_server_worker_stats(server, i, &stats) == 0; i++) {
		add_worker(&total, stats);
		dgram_stats_free(stats);
	}
	assert_int_equal(dgram_server_worker_stats(server, i, &stats), -ENOENT);
	assert_int_equal(dgram_server_worker_stats(server, SIZE_MAX, &stats), -ENOENT);
	return total;
}

static struct total after(enum dgram_concurrency concurrency, bool never_blocks)
{
	struct dgram_handler other = handler;
	struct setup setup;
	struct dgram_server *server;
	struct total total;
	int client;

	other.never_blocks = never_blocks;
	setup_init(&setup, &other);
	setup.services[0].concurrency = concurrency;
	setup.options.workers = 3;
	server = start(&setup);
	client = client_of(server, 0);
	for (unsigned i = 0; i < 100; i++)
		tell(client, i % 10 == 0 ? "e" : "x", 1);
	await_received(server, 0, 100);
	stop(server);
	total = total_of(server);
	assert_int_equal(reason(check_closed(server, 0).failed, "handler"), 10);
	dgram_server_free(server);
	close(client);
	return total;
}

static void must_have_served(struct total total, unsigned workers, unsigned receivers)
{
	assert_int_equal(total.workers, workers);
	assert_int_equal(total.receivers, receivers);
	assert_int_equal(total.requests, 100);
	assert_int_equal(total.errors, 10);
	assert_int_equal(total.measured, 100);
	assert_true(total.busy_ns > 0);
}

static void whoever_ran_it_has_it(void **state)
{
	(void)state;
	must_have_served(after(DGRAM_POOL, false), 3, 0);
	must_have_served(after(DGRAM_POOL, true), 3, 1);
	must_have_served(after(DGRAM_INLINE, false), 0, 1);
}

/* A call that has not returned counts as busy time, and nowhere else yet. */
static void a_call_that_runs(void **state)
{
	struct total total = { 0 };
	struct dgram_server *server;
	struct setup setup;
	int client;

	(void)state;
	memset(&room, 0, sizeof(room));
	setup_init(&setup, &handler);
	server = start(&setup);
	client = client_of(server, 0);
	tell(client, "h", 1);
	assert_true(reaches(&room.inside, 1));
	for (int i = 0; total.busy_ns < 5000000 && i < patience_ms(); i++) {
		nap();
		total = total_of(server);
	}
	assert_true(total.busy_ns >= 5000000);
	assert_int_equal(total.requests + total.measured, 0);
	atomic_store(&room.open, 1);
	stop(server);
	assert_int_equal(total_of(server).requests, 1);
	dgram_server_free(server);
	close(client);
}

static struct {
	struct dgram_server *server;
	_Atomic unsigned looks, most, done;
} watch;

static void *look_on(void *unused)
{
	(void)unused;
	while (atomic_load(&watch.done) == 0) {
		struct dgram_worker_stats *stats;
		unsigned count = 0;

		while (dgram_server_worker_stats(watch.server, count, &stats) == 0) {
			dgram_stats_free(stats);
			count++;
		}
		if (count > atomic_load(&watch.most))
			atomic_store(&watch.most, count);
		atomic_fetch_add(&watch.looks, 1);
	}
	return NULL;
}

/* Those that are added while somebody looks; and those that have ended stay. */
static void the_pool_grows_meanwhile(void **state)
{
	struct setup setup;
	pthread_t looking;

	(void)state;
	memset(&watch, 0, sizeof(watch));
	setup_init(&setup, &handler);
	setup.options.workers = 1;
	watch.server = start(&setup);
	assert_int_equal(pthread_create(&looking, NULL, look_on, NULL), 0);
	for (unsigned workers = 2; workers <= 40; workers++) {
		setup.options.workers = workers % 2 == 0 ? workers : 1;
		assert_int_equal(dgram_server_reconfigure(watch.server, &setup.options), 0);
		assert_true(reaches(&watch.looks, workers));
	}
	assert_true(reaches(&watch.looks, atomic_load(&watch.looks) + 2));
	atomic_store(&watch.done, 1);
	assert_int_equal(pthread_join(looking, NULL), 0);
	assert_int_equal(watch.most, 40);
	assert_int_equal(total_of(watch.server).workers, 40);
	dgram_server_free(watch.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_ran_it_has_it),
		cmocka_unit_test(a_call_that_runs),
		cmocka_unit_test(the_pool_grows_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
