/* How long requests waited and took, of whichever thread ran them. */
#include "server_support.h"

static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state, (void)request, (void)reply, (void)size;
	return 0;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle };

static uint64_t measured(const struct dgram_bucket *buckets, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		assert_true(buckets[i].count > 0);
		assert_true(i == 0 || buckets[i].most_ns > buckets[i - 1].most_ns);
		sum += buckets[i].count;
	}
	return sum;
}

static void must_have_measured(struct dgram_server *server, uint64_t requests)
{
	struct dgram_service_times *times;

	assert_int_equal(dgram_server_times(server, 0, &times), 0);
	assert_string_equal(times->name, "handler");
	assert_int_equal(measured(times->socket_wait_ns, times->socket_wait_ns_count), requests);
	assert_int_equal(measured(times->queue_wait_ns, times->queue_wait_ns_count), requests);
	assert_int_equal(measured(times->service_ns, times->service_ns_count), requests);
	dgram_stats_free(times);
	assert_int_equal(dgram_server_times(server, 1, &times), -ENOENT);
}

static void must_measure(enum dgram_concurrency concurrency, bool never_blocks)
{
	struct dgram_handler other = handler;
	struct dgram_server *server;
	struct setup setup;
	int client;

	other.never_blocks = never_blocks;
	setup_init(&setup, &other);
	setup.services[0].concurrency = concurrency;
	server = start(&setup);
	must_have_measured(server, 0);
	client = client_of(server, 0);
	for (unsigned i = 0; i < 50; i++)
		tell(client, "x", 1);
	await_received(server, 0, 50);
	stop(server);
	must_have_measured(server, 50);
	dgram_server_free(server);
	close(client);
}

static void each_request_is_measured(void **state)
{
	(void)state;
	must_measure(DGRAM_POOL, false);
	must_measure(DGRAM_POOL, true);
	must_measure(DGRAM_INLINE, false);
}

static void advice(void **state)
{
	(void)state;
	assert_string_equal(dgram_advice("dropped_verify"), "see that handler's documentation");
	assert_non_null(dgram_advice("dropped_by_kernel"));
	assert_null(dgram_advice("received"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_measured),
		cmocka_unit_test(advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
