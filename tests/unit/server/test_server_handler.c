/* What a handler may do and return, and what becomes of it. */
#include <stdlib.h>

#include "server_support.h"

#define REPLY_MAX 512u /* max_datagram_bytes of setup_init() */

/* The context of the service, and so its state. */
static int room;

/* What the handler was given, last; and what it was told of errors. */
static struct {
	_Atomic unsigned calls, errors, last_error, closed, started, stopped;
	unsigned fail_worker; /* the number of the worker that cannot start, plus 1 */
	int open_error;
	size_t length, reply_size;
	char data[16];
	struct sockaddr_in client, local;
	socklen_t client_length, local_length;
	struct timespec arrived;
	unsigned worker;
	int sent;
	const struct dgram_server *server;
	char service[16];
	void *state;		     /* of the service */
	_Atomic unsigned led_astray; /* requests to verify() or handle_error() that led elsewhere */
} seen;

static void note(const struct dgram_request *request, size_t reply_size)
{
	seen.length = request->length;
	seen.reply_size = reply_size;
	memcpy(seen.data, request->data, request->length < 16 ? request->length : 16);
	memcpy(&seen.client, request->client, sizeof(seen.client));
	memcpy(&seen.local, request->local, sizeof(seen.local));
	seen.client_length = request->client_length;
	seen.local_length = request->local_length;
	seen.arrived = request->arrived;
	seen.worker = request->worker;
	seen.server = dgram_request_server(request);
	(void)snprintf(seen.service, sizeof(seen.service), "%s", dgram_request_service(request));
	seen.state = dgram_request_state(request);
}

/* As handle() noted of the same service. */
static void check_place(const struct dgram_request *request)
{
	if (dgram_request_state(request) != &room ||
		strcmp(dgram_request_service(request), "handler") != 0 ||
		dgram_request_server(request) == NULL)
		atomic_fetch_add(&seen.led_astray, 1);
}

/* Besides the reply: two more datagrams, one that cannot be sent. */
static ssize_t send_more(const struct dgram_request *request, void *reply)
{
	struct sockaddr_in nowhere = { .sin_family = AF_INET };

	seen.sent = dgram_request_send(request, request->client, request->client_length, "one", 3);
	if (seen.sent == 0)
		seen.sent =
			dgram_request_send(request, request->client, request->client_length, "", 0);
	if (dgram_request_send(request, (struct sockaddr *)&nowhere, sizeof(nowhere), "x", 1) == 0)
		seen.sent = -1;
	dgram_request_log(request, DGRAM_LOG_INFO, "sent", "%d more", 2);
	memcpy(reply, "three", 5);
	return 5;
}

/* What the request's text says. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	char text[32] = "";

	(void)state;
	note(request, size);
	atomic_fetch_add(&seen.calls, 1);
	memcpy(text, request->data, request->length < 31 ? request->length : 31);
	memset(reply, 'r', size);
	if (strcmp(text, "more") == 0)
		return send_more(request, reply);
	if (strcmp(text, "none") == 0)
		return DGRAM_NO_REPLY;
	return text[0] == '\0' ? 0 : (ssize_t)strtol(text, NULL, 10);
}

static bool verify(void *state, const struct dgram_request *request)
{
	(void)state;
	check_place(request);
	return request->length == 0 || *(const char *)request->data != '!';
}

static void handle_error(void *state, const struct dgram_request *request, int error)
{
	(void)state;
	check_place(request);
	atomic_store(&seen.last_error, (unsigned)error);
	atomic_fetch_add(&seen.errors, 1);
}

static int open_state(void *context, const struct dgram_start *start, void **ret_state)
{
	(void)start;
	*ret_state = context;
	return seen.open_error;
}

static void close_state(void *state)
{
	(void)state;
	atomic_fetch_add(&seen.closed, 1);
}

static int worker_start(void *state, const struct dgram_start *start, void **ret_worker_state)
{
	(void)state;
	if (start->worker + 1 == seen.fail_worker)
		return -EBADMSG;
	atomic_fetch_add(&seen.started, 1);
	*ret_worker_state = &seen;
	return 0;
}

static void worker_stop(void *worker_state)
{
	atomic_fetch_add(&seen.stopped, worker_state == &seen);
}

static const struct dgram_handler handler = {
	.abi = DGRAM_ABI,
	.name = "handler",
	.handle = handle,
	.open = open_state,
	.close = close_state,
	.worker_start = worker_start,
	.worker_stop = worker_stop,
	.verify = verify,
	.handle_error = handle_error,
};

struct fixture {
	struct setup setup;
	struct dgram_server *server;
	int client;
};

static int setup_server(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	memset(&seen, 0, sizeof(seen));
	setup_init(&fixture->setup, &handler);
	fixture->setup.services[0].context = &room;
	fixture->server = start(&fixture->setup);
	fixture->client = client_of(fixture->server, 0);
	*state = fixture;
	return 0;
}

static int teardown_server(void **state)
{
	struct fixture *fixture = *state;

	dgram_server_free(fixture->server);
	close(fixture->client);
	free(fixture);
	return 0;
}

/* Ask, stop, and return the books. */
static struct dgram_service_stats after(struct fixture *fixture, const char *text)
{
	tell(fixture->client, text, strlen(text));
	await_received(fixture->server, 0, 1);
	stop(fixture->server);
	return check_closed(fixture->server, 0);
}

static ssize_t heard(const struct fixture *fixture)
{
	char reply[2 * REPLY_MAX];

	return hear(fixture->client, reply, sizeof(reply), 0);
}

static void request_fields(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_in mine, server;
	struct timespec before, now;
	socklen_t length = sizeof(mine);
	struct sockaddr_storage address;

	clock_gettime(CLOCK_REALTIME, &before);
	(void)after(fixture, "0hello");
	clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(getsockname(fixture->client, (struct sockaddr *)&mine, &length), 0);
	assert_int_equal(dgram_server_address(fixture->server, 0, 0, &address), 0);
	memcpy(&server, &address, sizeof(server));
	assert_int_equal(seen.length, 6);
	assert_memory_equal(seen.data, "0hello", 6);
	assert_int_equal(seen.reply_size, REPLY_MAX);
	assert_int_equal(seen.client_length, sizeof(mine));
	assert_int_equal(seen.local_length, sizeof(server));
	assert_int_equal(seen.client.sin_port, mine.sin_port);
	assert_int_equal(seen.client.sin_addr.s_addr, mine.sin_addr.s_addr);
	assert_int_equal(seen.local.sin_port, server.sin_port);
	assert_int_equal(seen.local.sin_addr.s_addr, server.sin_addr.s_addr);
	assert_in_range(seen.arrived.tv_sec, before.tv_sec, now.tv_sec);
	assert_in_range(seen.arrived.tv_nsec, 0, 999999999);
	assert_in_range(seen.worker, 0, 3);
}

/* In handle(), where the worker has a state of its own; in verify() and handle_error(). */
static void a_request_leads_to_its_place(void **state)
{
	struct fixture *fixture = *state;

	(void)after(fixture, "-5");
	assert_ptr_equal(seen.server, fixture->server);
	assert_string_equal(seen.service, "handler");
	assert_ptr_equal(seen.state, &room);
	assert_int_equal(seen.errors, 1);
	assert_int_equal(seen.led_astray, 0);
}

static void an_empty_request(void **state)
{
	assert_int_equal(after(*state, "").replied, 1);
	assert_int_equal(seen.length, 0);
	assert_int_equal(heard(*state), 0);
}

static void an_empty_reply_is_sent(void **state)
{
	assert_int_equal(after(*state, "0").replied, 1);
	assert_int_equal(heard(*state), 0);
}

static void the_longest_reply_is_sent(void **state)
{
	assert_int_equal(after(*state, "512").replied, 1);
	assert_int_equal(heard(*state), REPLY_MAX);
}

static void no_reply_sends_nothing(void **state)
{
	assert_int_equal(after(*state, "none").no_reply, 1);
	assert_int_equal(heard(*state), -1);
	assert_int_equal(seen.errors, 0);
}

static void fails(void **state, const char *text, const char *why, int error)
{
	struct dgram_service_stats stats = after(*state, text);

	assert_int_equal(reason(stats.failed, why), 1);
	assert_int_equal(sum(stats.failed), 1);
	assert_int_equal(heard(*state), -1); /* nor half of one */
	assert_int_equal(seen.errors, 1);
	assert_int_equal(seen.last_error, error);
}

static void an_error_is_counted(void **state)
{
	fails(state, "-5", "handler", EIO);
}

static void an_error_that_is_none(void **state)
{
	fails(state, "-5000", "handler", EINVAL);
}

static void one_byte_too_many(void **state)
{
	fails(state, "513", "reply_size", EMSGSIZE);
}

static void far_too_many(void **state)
{
	fails(state, "9223372036854775807", "reply_size", EMSGSIZE);
}

static void the_least_number(void **state)
{
	fails(state, "-9223372036854775808", "handler", EINVAL);
}

static void one_below_no_reply(void **state)
{
	fails(state, "-65537", "handler", EINVAL);
}

static void verify_drops(void **state)
{
	struct dgram_service_stats stats = after(*state, "!");

	assert_int_equal(reason(stats.dropped, "verify"), 1);
	assert_int_equal(seen.calls, 0);
	assert_int_equal(heard(*state), -1);
}

/* Not in the books: those are about requests. */
static void a_handler_sends_more(void **state)
{
	struct fixture *fixture = *state;
	char reply[16];

	assert_int_equal(after(fixture, "more").replied, 1);
	assert_int_equal(seen.sent, 0);
	assert_int_equal(hear(fixture->client, reply, sizeof(reply), 0), 3);
	assert_memory_equal(reply, "one", 3);
	assert_int_equal(hear(fixture->client, reply, sizeof(reply), 0), 0);
	assert_int_equal(hear(fixture->client, reply, sizeof(reply), 0), 5);
	assert_memory_equal(reply, "three", 5);
}

static void each_worker_has_a_state(void **state)
{
	struct fixture *fixture = *state;

	(void)after(fixture, "0");
	assert_int_equal(seen.started, fixture->setup.options.workers);
	assert_int_equal(seen.stopped, fixture->setup.options.workers);
	dgram_server_free(fixture->server);
	fixture->server = NULL;
	assert_int_equal(seen.closed, 1);
}

/* Whichever worker cannot: its error is the start's, and the states of all others are stopped. */
static void a_worker_cannot_start(void **state)
{
	struct setup setup;

	(void)state;
	for (unsigned failing = 1; failing <= 4; failing++) {
		struct dgram_server *server;

		memset(&seen, 0, sizeof(seen));
		setup_init(&setup, &handler);
		server = make(&setup);
		seen.fail_worker = failing;
		assert_int_equal(dgram_server_start(server), -EBADMSG);
		assert_int_equal(seen.started, setup.options.workers - 1);
		assert_int_equal(seen.stopped, seen.started);
		check_threads(0);
		seen.fail_worker = 0;
		assert_int_equal(dgram_server_start(server), 0); /* it may be tried again */
		stop(server);
		dgram_server_free(server);
		assert_int_equal(seen.stopped, seen.started);
		assert_int_equal(seen.closed, 1);
	}
}

/* A worker that is added to a server that runs: the pool stays as it was. */
static void an_added_worker_cannot_start(void **state)
{
	struct fixture *fixture = *state;
	char reply[8];

	seen.fail_worker = 6;
	fixture->setup.options.workers = 8;
	assert_int_equal(
		dgram_server_reconfigure(fixture->server, &fixture->setup.options), -EBADMSG);
	assert_int_equal(ask(fixture->client, "1", reply, sizeof(reply)), 1);
	seen.fail_worker = 0;
	assert_int_equal(dgram_server_reconfigure(fixture->server, &fixture->setup.options), 0);
	stop(fixture->server);
	assert_int_equal(seen.stopped, seen.started);
	assert_int_equal(check_closed(fixture->server, 0).replied, 1);
}

/* Of two services, the second does not open: the first is closed. */
static void a_service_cannot_open(void **state)
{
	static const struct dgram_handler other = { DGRAM_ABI, "other", .handle = handle,
		.open = open_state, .close = close_state };
	struct dgram_handler opens = other;
	struct dgram_server *server;
	struct setup setup;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	opens.open = NULL;
	setup_init(&setup, &opens);
	setup.services[1].handler = &handler;
	setup.options.services_count = 2;
	server = make(&setup);
	seen.open_error = -ECONNREFUSED;
	assert_int_equal(dgram_server_bind(server), -ECONNREFUSED);
	assert_int_equal(seen.closed, 1);
	seen.open_error = ECONNREFUSED; /* positive by mistake */
	assert_int_equal(dgram_server_serve_forever(server), -ECONNREFUSED);
	assert_int_equal(seen.closed, 2);
	dgram_server_free(server);
	assert_int_equal(seen.closed, 2);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup_server, teardown_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(request_fields),
		WITH_SERVER(a_request_leads_to_its_place),
		WITH_SERVER(an_empty_request),
		WITH_SERVER(an_empty_reply_is_sent),
		WITH_SERVER(the_longest_reply_is_sent),
		WITH_SERVER(no_reply_sends_nothing),
		WITH_SERVER(an_error_is_counted),
		WITH_SERVER(an_error_that_is_none),
		WITH_SERVER(one_byte_too_many),
		WITH_SERVER(far_too_many),
		WITH_SERVER(the_least_number),
		WITH_SERVER(one_below_no_reply),
		WITH_SERVER(verify_drops),
		WITH_SERVER(a_handler_sends_more),
		WITH_SERVER(each_worker_has_a_state),
		cmocka_unit_test(a_worker_cannot_start),
		WITH_SERVER(an_added_worker_cannot_start),
		cmocka_unit_test(a_service_cannot_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
