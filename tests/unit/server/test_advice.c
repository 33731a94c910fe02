/* What the log advises about losses, by the figures of the last second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/server.h"

/* Two services over one pool; the first is advised on. */
static struct dgram_server *server;

static int setup(void **state)
{
	(void)state;
	server = calloc(1, sizeof(*server));
	assert_non_null(server);
	server->services = calloc(2, sizeof(*server->services));
	server->losses = calloc(2, sizeof(*server->losses));
	assert_non_null(server->services);
	assert_non_null(server->losses);
	server->services_count = 2;
	server->options.workers = 4;
	for (int i = 0; i < 2; i++)
		server->services[i].queue = (struct queue *)server; /* it has one */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(server->services);
	free(server->losses);
	free(server);
	return 0;
}

static void load(unsigned service, uint64_t arrived, int64_t each_ns)
{
	server->losses[service].load = (struct service_load){
		.arrived = arrived, .served = 1, .running = 4, .each_ns = each_ns
	};
}

static void must_advise(unsigned reason, const char *expected)
{
	char text[SERVER_ADVICE_MAX];

	server_advice(server, 0, reason, "what the table says", text);
	assert_string_equal(text, expected);
}

static void too_few_workers(void **state)
{
	(void)state;
	load(0, 400, 20 * NS_PER_MS);
	must_advise(DROP_EXPIRED,
		"400/s at 20 ms need about 9 workers; there are 4: raise pool.workers");
	must_advise(DROP_QUEUE_FULL,
		"400/s at 20 ms need about 9 workers; there are 4: raise pool.workers");
	server->services[0].max_workers = 2;
	load(0, 2000, 1500 * NS_PER_US);
	must_advise(DROP_EXPIRED,
		"2000/s at 1.5 ms need about 4 workers; there are 2: raise max_workers");
	server->services[0].max_workers = 9; /* more than there are */
	load(0, 100000, 70 * NS_PER_US);
	must_advise(DROP_EXPIRED,
		"100000/s at 70 us need about 8 workers; there are 4: raise pool.workers");
}

/* What is lost now has waited: the second before counts, too. */
static void a_load_that_is_over(void **state)
{
	(void)state;
	load(0, 3, 20 * NS_PER_MS);
	server->losses[0].load.arrived_before = 400;
	must_advise(DROP_EXPIRED,
		"400/s at 20 ms need about 9 workers; there are 4: raise pool.workers");
}

static void another_service_has_them(void **state)
{
	(void)state;
	load(0, 100, 10 * NS_PER_MS);
	load(1, 100, 100 * NS_PER_MS);
	must_advise(DROP_EXPIRED,
		"all services together need about 13 workers; there are 4: raise pool.workers, or "
		"limit the slow ones by max_workers");
}

static void a_burst(void **state)
{
	(void)state;
	load(0, 100, 10 * NS_PER_MS);
	must_advise(DROP_QUEUE_FULL,
		"100/s at 10 ms need about 2 of the 4 workers: it is a burst, or some took far "
		"longer; raise queue.capacity");
	must_advise(DROP_EXPIRED,
		"100/s at 10 ms need about 2 of the 4 workers: it is a burst, or some took far "
		"longer; raise pool.workers or queue.max_wait_ms");
}

static void handlers_that_hang(void **state)
{
	(void)state;
	load(0, 100, 10 * NS_PER_MS);
	server->losses[0].load.served = 0;
	must_advise(DROP_EXPIRED,
		"no handler returned in the last second, and 4 requests are in their hands: find "
		"what they wait for");
}

static void without_a_queue(void **state)
{
	static const char expected[] =
		"1/s were served by receivers that run the handler themselves: raise receivers, or "
		"have the pool do it, with concurrency pool";

	(void)state;
	load(0, 100, 10 * NS_PER_MS);
	server->services[0].queue = NULL;
	must_advise(DROP_EXPIRED, expected);
	must_advise(SERVER_LOST_BY_KERNEL, expected);
}

static void what_needs_no_figures(void **state)
{
	(void)state;
	load(0, 400, 20 * NS_PER_MS);
	must_advise(DROP_TRUNCATED, "what the table says");
	must_advise(LEDGER_REASON(FAIL_HANDLER), "what the table says");
}

static void a_full_buffer(void **state)
{
	struct socket sockets[] = { { .receive_buffer_bytes = 2048 },
		{ .receive_buffer_bytes = 8192 }, { .receive_buffer_bytes = 0 } };
	struct listener listeners[] = { { .service = 1 }, { .service = 0 }, { .service = 0 } };

	(void)state;
	server->sockets = sockets;
	server->listeners = listeners;
	server->sockets_count = 3; /* the last waits for its address */
	server->options.receive_buffer_bytes = 4096;
	must_advise(
		SERVER_LOST_BY_KERNEL, "the buffer of 4096 bytes was full: what the table says");
	server->options.receive_buffer_bytes = 8192;
	must_advise(SERVER_LOST_BY_KERNEL,
		"the kernel granted 4096 of the 8192 bytes of socket.receive_buffer_bytes: raise "
		"net.core.rmem_max");
	sockets[1].receive_buffer_bytes = 0;
	must_advise(SERVER_LOST_BY_KERNEL, "what the table says");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(too_few_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(a_load_that_is_over, setup, teardown),
		cmocka_unit_test_setup_teardown(another_service_has_them, setup, teardown),
		cmocka_unit_test_setup_teardown(a_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(handlers_that_hang, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(what_needs_no_figures, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_buffer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
