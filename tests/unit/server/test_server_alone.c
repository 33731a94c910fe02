/* A server without threads, one batch at a time; and the hook of one that has them. */
/* link: -Wl,--wrap=sys_wait */
#include <netinet/udp.h>
#include <sys/eventfd.h>

#include "server_support.h"

static _Atomic int waited_ms;			    /* the last wait's limit */
static struct dgram_server *_Atomic stop_in_a_wait; /* shut down by the next wait; NULL: none */

int __real_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);
int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);

int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms)
{
	struct dgram_server *stopped = atomic_exchange(&stop_in_a_wait, NULL);

	waited_ms = timeout_ms;
	if (stopped != NULL)
		dgram_server_shutdown(stopped);
	return __real_sys_wait(fds, count, timeout_ms);
}

static struct dgram_server *make_echo(struct setup *setup, int *ret_client)
{
	struct dgram_server *server;

	setup_init(setup, dgram_builtin_handler("echo"));
	server = make(setup);
	assert_int_equal(dgram_server_bind(server), 0);
	*ret_client = client_of(server, 0);
	return server;
}

static void nothing_arrives(void **state)
{
	struct setup setup;
	int client;
	struct dgram_server *server = make_echo(&setup, &client);

	(void)state;
	assert_int_equal(dgram_server_handle_request(server, 0, 0), 0);
	assert_int_equal(waited_ms, 0);
	assert_int_equal(dgram_server_handle_request(server, 0, 30), 0);
	assert_int_equal(waited_ms, 30);
	dgram_server_free(server);
	close(client);
}

/* One call answers what has arrived, at most a batch of it, before it returns. */
static void a_batch_at_a_time(void **state)
{
	struct setup setup;
	int client, received = 0, calls = 0;
	struct dgram_server *server = make_echo(&setup, &client);
	char reply[8];

	(void)state;
	tell(client, "x", 1);
	assert_int_equal(dgram_server_handle_request(server, 0, -1), 1);
	assert_int_equal(hear(client, reply, sizeof(reply), 0), 1);
	for (int i = 0; i < 200; i++)
		tell(client, "x", (unsigned)i % 2);
	for (; received < 200 && calls < 200; calls++) {
		int count = dgram_server_handle_request(server, 0, 0);

		assert_in_range(count, 1, 64);
		received += count;
		for (int i = 0; i < count; i++)
			assert_in_range(hear(client, reply, sizeof(reply), 0), 0, 1);
	}
	assert_int_equal(received, 200);
	check_threads(0);
	assert_int_equal(check_closed(server, 0).replied, 201);
	dgram_server_free(server);
	close(client);
}

/* So many in one message, which comes as one where both ends can. */
static void tell_train(int fd, unsigned count)
{
	static const char data[64] = "";
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = "";
	struct iovec vector = { .iov_base = (void *)(uintptr_t)data, .iov_len = count };
	struct msghdr header = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *segment = CMSG_FIRSTHDR(&header);
	const uint16_t bytes = 1;

	segment->cmsg_level = IPPROTO_UDP;
	segment->cmsg_type = UDP_SEGMENT;
	segment->cmsg_len = CMSG_LEN(sizeof(bytes));
	memcpy(CMSG_DATA(segment), &bytes, sizeof(bytes));
	assert_int_equal(sendmsg(fd, &header, 0), count);
}

/* What a call has taken from the kernel and not served, the next one serves: no poll(2) tells of it. */
static void trains(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	int client, received = 0;
	char reply[8];

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.options.gro = true;
	server = make(&setup);
	assert_int_equal(dgram_server_bind(server), 0);
	client = client_of(server, 0);
	for (unsigned i = 0; i < 5; i++)
		tell_train(client, 50);
	while (received < 250) {
		int count = dgram_server_handle_request(server, 0, patience_ms());

		assert_in_range(count, 1, 250);
		received += count;
		for (int i = 0; i < count; i++)
			assert_int_equal(hear(client, reply, sizeof(reply), 0), 1);
	}
	assert_int_equal(received, 250);
	assert_int_equal(check_closed(server, 0).replied, 250);
	dgram_server_free(server);
	close(client);
}

/* After shutdown() nothing waits, and a loop ends. */
static void shutdown_ends_the_wait(void **state)
{
	struct setup setup;
	int client;
	struct dgram_server *server = make_echo(&setup, &client);

	(void)state;
	dgram_server_shutdown(server);
	assert_int_equal(dgram_server_handle_request(server, 0, -1), -ESHUTDOWN);
	assert_int_equal(dgram_server_handle_request(server, 0, -1), -ESHUTDOWN);
	dgram_server_free(server);
	close(client);
}

/* A shutdown that comes while it waits is not mistaken for a timeout; and what had arrived by then is served. */
static void shutdown_comes_while_it_waits(void **state)
{
	struct setup setup;
	int client;
	struct dgram_server *server = make_echo(&setup, &client);

	(void)state;
	stop_in_a_wait = server;
	assert_int_equal(dgram_server_handle_request(server, 0, -1), -ESHUTDOWN);
	assert_int_equal(dgram_server_free(server), 0);
	close(client);
	server = make_echo(&setup, &client);
	tell(client, "x", 1);
	stop_in_a_wait = server;
	assert_int_equal(dgram_server_handle_request(server, 0, -1), 1);
	assert_int_equal(dgram_server_handle_request(server, 0, -1), -ESHUTDOWN);
	assert_int_equal(check_closed(server, 0).replied, 1);
	assert_int_equal(dgram_server_free(server), 0);
	close(client);
}

static void one_at_a_time(bool gro, enum dgram_concurrency concurrency)
{
	struct setup setup;
	struct dgram_server *server;
	int clients[2];
	char reply[8];

	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.options.gro = gro;
	setup.services[0].concurrency = concurrency;
	setup.services[1] = setup.services[0];
	setup.services[1].name = "other";
	setup.options.services_count = 2;
	server = make(&setup);
	assert_int_equal(dgram_server_bind(server), 0);
	for (unsigned i = 0; i < 2; i++)
		clients[i] = client_of(server, i);
	tell_train(clients[0], 20);
	tell_train(clients[0], 20);
	tell(clients[1], "x", 1);
	for (unsigned i = 0; i < 41; i++) {
		/* The second socket's turn is next, although more waits at the first. */
		int client = clients[i == 1];

		assert_int_equal(dgram_server_handle_request(server, 1, patience_ms()), 1);
		assert_int_equal(hear(client, reply, sizeof(reply), 0), 1);
		assert_int_equal(hear(client, reply, sizeof(reply), 0), -1);
	}
	assert_int_equal(dgram_server_handle_request(server, 1, 0), 0);
	tell_train(clients[0], 20);
	assert_int_equal(dgram_server_handle_request(server, 7, patience_ms()), 7);
	assert_int_equal(dgram_server_handle_request(server, 0, patience_ms()), 13);
	assert_int_equal(check_closed(server, 0).replied, 60);
	assert_int_equal(check_closed(server, 1).replied, 1);
	assert_int_equal(dgram_server_free(server), 0);
	close(clients[0]);
	close(clients[1]);
}

static void exactly_one(void **state)
{
	(void)state;
	one_at_a_time(false, DGRAM_POOL);
	one_at_a_time(true, DGRAM_POOL);
	one_at_a_time(false, DGRAM_INLINE);
	one_at_a_time(true, DGRAM_INLINE);
}

struct hooked {
	struct dgram_server *server;
	int fd;
	unsigned calls, stop_after;
	eventfd_t last;
	int result; /* from its third call on, one less each time; 0: the hook never ends it */
};

/* Each call drains the descriptor. */
static int hook(void *context)
{
	struct hooked *hooked = context;

	(void)eventfd_read(hooked->fd, &hooked->last);
	if (++hooked->calls == hooked->stop_after)
		dgram_server_shutdown(hooked->server);
	else if (hooked->stop_after > 100)
		(void)eventfd_write(hooked->fd, hooked->calls);
	return hooked->result == 0 || hooked->calls < 3 ? 0 : hooked->result--;
}

static void serve_hooked(struct hooked *hooked, unsigned interval_ms, bool by_fd)
{
	struct setup setup;

	hooked->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(hooked->fd >= 0);
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.options.hook = hook;
	setup.options.hook_context = hooked;
	setup.options.hook_interval_ms = interval_ms;
	setup.options.hook_fd = by_fd ? hooked->fd : -1;
	hooked->server = make(&setup);
	assert_int_equal(dgram_server_serve_forever(hooked->server), hooked->result);
	dgram_server_free(hooked->server);
	close(hooked->fd);
	assert_true(hooked->calls >= hooked->stop_after);
}

static void the_hook_is_called_by_interval(void **state)
{
	struct hooked hooked = { .stop_after = 5 };

	(void)state;
	serve_hooked(&hooked, 3, false);
}

/* By nothing else: without an interval, it would wait for ever. */
static void the_hook_is_called_by_descriptor(void **state)
{
	struct hooked hooked = { .stop_after = 500 };

	(void)state;
	serve_hooked(&hooked, 0, true);
	assert_true(hooked.last > 0);
}

/* It drains as after a shutdown; the hook runs on meanwhile, but only the first result counts. */
static void the_hook_ends_it(void **state)
{
	struct setup setup;
	struct hooked hooked = { .fd = -1, .result = -1000 };
	int client;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.options.hook = hook;
	setup.options.hook_context = &hooked;
	setup.options.hook_interval_ms = 1;
	hooked.server = make(&setup);
	assert_int_equal(dgram_server_bind(hooked.server), 0);
	client = client_of(hooked.server, 0);
	for (unsigned i = 0; i < 100; i++)
		tell(client, "x", 1);
	assert_int_equal(dgram_server_serve_forever(hooked.server), -1000);
	assert_true(hooked.calls >= 3);
	assert_int_equal(check_closed(hooked.server, 0).replied, 100);
	assert_int_equal(dgram_server_serve_forever(hooked.server), -EALREADY);
	assert_int_equal(dgram_server_free(hooked.server), 0);
	close(client);
}

/* A file is always ready, so there is nothing to wait for: known before anything is started. */
static void a_hook_fd_that_cannot_be_waited_for(void **state)
{
	struct setup setup;
	struct hooked hooked = { .fd = -1, .stop_after = 1 };
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.options.hook = hook;
	setup.options.hook_context = &hooked;
	setup.options.hook_fd = fileno(file);
	hooked.server = make(&setup);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(dgram_server_serve_forever(hooked.server), -EPERM);
	check_threads(0);
	assert_int_equal(hooked.calls, 0);
	assert_int_equal(
		dgram_server_handle_request(hooked.server, 0, 0), 0); /* it waits without it */
	assert_int_equal(dgram_server_free(hooked.server), 0);
	(void)fclose(file);
}

static void free_calls_no_hook(void **state)
{
	struct setup setup;
	struct hooked hooked = { .fd = eventfd(1, EFD_CLOEXEC) };
	struct dgram_server *server;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.options.hook = hook;
	setup.options.hook_context = &hooked;
	setup.options.hook_fd = hooked.fd;
	server = start(&setup);
	assert_int_equal(dgram_server_free(server), 0);
	assert_int_equal(hooked.calls, 0);
	close(hooked.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_arrives),
		cmocka_unit_test(a_batch_at_a_time),
		cmocka_unit_test(trains),
		cmocka_unit_test(exactly_one),
		cmocka_unit_test(shutdown_ends_the_wait),
		cmocka_unit_test(shutdown_comes_while_it_waits),
		cmocka_unit_test(the_hook_is_called_by_interval),
		cmocka_unit_test(the_hook_is_called_by_descriptor),
		cmocka_unit_test(the_hook_ends_it),
		cmocka_unit_test(free_calls_no_hook),
		cmocka_unit_test(a_hook_fd_that_cannot_be_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
