/* Limits of a server that runs: they hold for what its receivers let in and for what its handlers send, and change
 * while it serves. */
#include "server_support.h"

#define NEVER_AGAIN_S 3600u /* a burst of so long is not refilled during a test */

static const char *const loopback[] = { "192.0.2.0/24", "127.0.0.0/8" };

/* A service whose source may send 20 requests, and one more each second. */
static void setup_limited(struct setup *setup)
{
	setup_init(setup, dgram_builtin_handler("echo"));
	setup->services[0].limits_requests_per_s = 1;
	setup->services[0].limits_burst_s = 20;
	setup->services[0].limits_leak = 0;
}

/* Send so many more, and return how many of them were replied to. */
static unsigned ask_many(struct dgram_server *server, int client, unsigned requests)
{
	struct dgram_service_stats before = stats_of(server, 0), after;

	for (unsigned i = 0; i < requests; i++)
		tell(client, "x", 1);
	await_received(server, 0, before.received + requests);
	await_idle(server, 0);
	after = stats_of(server, 0);
	assert_true(balances(&after));
	assert_int_equal(after.replied - before.replied + reason(after.dropped, "limit") -
				 reason(before.dropped, "limit"),
		requests);
	return (unsigned)(after.replied - before.replied);
}

static unsigned seconds_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned)(now.tv_sec - begin->tv_sec) + 1;
}

static void requests_over_the_limit_are_dropped(void **state)
{
	struct timespec begin;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct dgram_server *server;
		struct setup setup;
		int client;

		setup_limited(&setup);
		setup.services[0].concurrency = i == 0 ? DGRAM_POOL : DGRAM_INLINE;
		server = start(&setup);
		client = client_of(server, 0);
		clock_gettime(CLOCK_MONOTONIC, &begin);
		assert_in_range(ask_many(server, client, 100), 20, 20 + seconds_since(&begin));
		stop(server);
		(void)check_closed(server, 0);
		dgram_server_free(server);
		close(client);
	}
}

static void reconfigure(struct dgram_server *server, const struct setup *setup)
{
	assert_int_equal(dgram_server_reconfigure(server, &setup->options), 0);
}

static void they_change_while_it_serves(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct timespec begin;
	int client;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	server = start(&setup);
	client = client_of(server, 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(ask_many(server, client, 100), 100);
	setup_limited(&setup);
	reconfigure(server, &setup);
	assert_in_range(ask_many(server, client, 100), 20, 20 + seconds_since(&begin));
	setup.services[0].limits_exempt = loopback;
	setup.services[0].limits_exempt_count = 2;
	reconfigure(server, &setup);
	assert_int_equal(ask_many(server, client, 100), 100);
	setup.services[0].limits_exempt_count = 1;
	reconfigure(server, &setup);
	assert_in_range(ask_many(server, client, 100), 0, seconds_since(&begin));
	setup.services[0].limits_dry_run = true;
	reconfigure(server, &setup);
	assert_int_equal(stats_of(server, 0).would_drop_limit, 0);
	assert_int_equal(ask_many(server, client, 100), 100);
	assert_in_range(stats_of(server, 0).would_drop_limit, 100 - seconds_since(&begin), 100);
	setup.services[0].limits_dry_run = false;
	setup.services[0].limits_leak = 1;
	reconfigure(server, &setup);
	assert_int_equal(ask_many(server, client, 100), 100);
	setup.services[0].limits_requests_per_s = 0;
	reconfigure(server, &setup);
	assert_int_equal(ask_many(server, client, 100), 100);
	dgram_server_free(server);
	close(client);
}

/* What is refused changes no limits, whether it says so itself or another value does. */
static void refused_values_change_nothing(void **state)
{
	static const char *const wrong[] = { "127.0.0.0/8", "127.0.0.1/8" };
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_limited(&setup);
	setup.services[0].limits_burst_s = NEVER_AGAIN_S;
	server = start(&setup);
	client = client_of(server, 0);
	assert_int_equal(ask_many(server, client, 100), 100);
	setup.services[0].limits_burst_s = 1;
	setup.services[0].limits_exempt = wrong;
	setup.services[0].limits_exempt_count = 2;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), -EINVAL);
	setup.services[0].limits_exempt_count = 0;
	setup.options.log_target = "/nowhere/at/all.log";
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), -ENOENT);
	assert_int_equal(ask_many(server, client, 100), 100);
	dgram_server_free(server);
	close(client);
}

/* Whoever sends them, a worker, a receiver that helps, or an inline one. */
static void replies_count(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct dgram_server *server;
		struct setup setup;
		char reply[64], request[61] = { 0 };
		int client;

		setup_init(&setup, dgram_builtin_handler("echo"));
		setup.services[0].limits_reply_bytes_per_s = 1;
		setup.services[0].limits_burst_s = 150;
		setup.services[0].limits_leak = 0;
		setup.services[0].concurrency = i == 0 ? DGRAM_INLINE : DGRAM_POOL;
		setup.options.receivers_assist = i == 1;
		server = start(&setup);
		client = client_of(server, 0);
		memset(request, 'x', 60);
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(ask(client, request, reply, sizeof(reply)), 60);
		tell(client, "x", 1);
		await_received(server, 0, 4);
		await_idle(server, 0);
		assert_int_equal(reason(stats_of(server, 0).dropped, "limit"), 1);
		dgram_server_free(server);
		close(client);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_over_the_limit_are_dropped),
		cmocka_unit_test(they_change_while_it_serves),
		cmocka_unit_test(refused_values_change_nothing),
		cmocka_unit_test(replies_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
