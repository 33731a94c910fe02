/* Sockets that are handed in: they are served as others are, nothing that arrives at them is lost between two
 * servers, and what cannot be served is refused. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>

#include "server_support.h"

#define LOOPBACK(number) (INADDR_LOOPBACK - 1 + (number)) /* 127.0.0.1 and up */

static int option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* A UDP socket at this address of IPv4; port 0: the kernel picks one. */
static int bind_at(uint32_t host, uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT, 1), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage storage;
	struct sockaddr_in6 address; /* which has the port where IPv4 has it */
	socklen_t length = sizeof(storage);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&storage, &length), 0);
	memcpy(&address, &storage, sizeof(address));
	return ntohs(address.sin6_port);
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length), 0);
	return cookie;
}

/* Takes answers from nowhere else. */
static int connect_to(uint32_t host, uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void setup_fds(struct setup *setup, const int *fds, size_t count)
{
	setup_init(setup, dgram_builtin_handler("echo"));
	setup->services[0].fds = fds;
	setup->services[0].fds_count = count;
}

static void must_answer(int client)
{
	char reply[8];

	assert_int_equal(hear(client, reply, sizeof(reply), patience_ms()), 1);
}

/* Before the server is made, while it serves, and when it is gone: by two servers, one after the other, all are
 * answered. The caller's descriptor stays open. */
static void one_server_after_the_other(enum dgram_concurrency concurrency, uint32_t host)
{
	int fd = bind_at(host, 0), client = connect_to(LOOPBACK(70), port_of(fd));
	unsigned fds = open_fds();
	struct setup setup;

	setup_fds(&setup, &fd, 1);
	setup.services[0].concurrency = concurrency;
	for (unsigned round = 0; round < 3; round++) {
		struct dgram_server *server;

		for (unsigned i = 0; i < 10; i++)
			tell(client, "x", 1); /* nobody serves */
		server = start(&setup);
		assert_int_not_equal(dgram_server_socket(server, 0), fd);
		assert_int_equal(cookie_of(dgram_server_socket(server, 0)), cookie_of(fd));
		for (unsigned i = 0; i < 10; i++)
			must_answer(client);
		tell(client, "x", 1);
		must_answer(client);
		stop(server);
		assert_int_equal(check_closed(server, 0).replied, 11);
		assert_int_equal(dgram_server_free(server), 0);
		assert_int_equal(open_fds(), fds);
	}
	close(fd);
	close(client);
}

static void nothing_is_lost_in_between(void **state)
{
	(void)state;
	one_server_after_the_other(DGRAM_POOL, LOOPBACK(70));
	one_server_after_the_other(DGRAM_INLINE, LOOPBACK(70));
	one_server_after_the_other(DGRAM_POOL, INADDR_ANY);
	one_server_after_the_other(DGRAM_INLINE, INADDR_ANY);
}

/* The second server is handed the first one's socket while that serves. */
static void one_server_beside_the_other(void **state)
{
	struct dgram_server *servers[2];
	struct setup setup;
	int fd = bind_at(LOOPBACK(1), 0), client = connect_to(LOOPBACK(1), port_of(fd)), taken;
	uint64_t replied = 0;

	(void)state;
	setup_fds(&setup, &fd, 1);
	servers[0] = start(&setup);
	close(fd); /* the server has its own */
	taken = dgram_server_socket(servers[0], 0);
	setup.services[0].fds = &taken;
	servers[1] = start(&setup);
	for (unsigned i = 0; i < 100; i++)
		tell(client, "x", 1);
	for (unsigned i = 0; i < 100; i++)
		must_answer(client);
	stop(servers[0]);
	dgram_server_free(servers[0]);
	for (unsigned i = 0; i < 100; i++)
		tell(client, "x", 1);
	for (unsigned i = 0; i < 100; i++)
		must_answer(client);
	stop(servers[1]);
	replied = check_closed(servers[1], 0).replied;
	assert_in_range(replied, 100, 200);
	dgram_server_free(servers[1]);
	close(client);
}

/* What comes once the receivers of the first server have ended is the second one's. */
#define LATE 150u /* more than two batches of a receiver */

static struct {
	_Atomic unsigned inside, open;
	int client;
	bool sent;
} room;

static ssize_t hang(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	(void)size;
	atomic_fetch_add(&room.inside, 1);
	(void)reaches(&room.open, 1);
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

static int send_late_ones(void *context)
{
	(void)context;
	if (room.sent || threads_named("dgram/rx") > 0)
		return 0;
	room.sent = true;
	for (unsigned i = 0; i < LATE; i++)
		tell(room.client, "x", 1);
	atomic_store(&room.open, 1);
	return 0;
}

/* Of a server whose socket was handed in, or that bound it itself and was asked for it; in the end it may keep what it
 * has itself. */
static void what_is_late_for_one(bool handed_in, bool keeps)
{
	const unsigned taken_along = keeps && !handed_in ? LATE : 0;
	static const struct dgram_handler hanging = { DGRAM_ABI, "hanging", .handle = hang };
	int fd = bind_at(LOOPBACK(1), 0), taken;
	struct dgram_server *server;
	struct setup setup;

	memset(&room, 0, sizeof(room));
	setup_fds(&setup, &fd, handed_in);
	setup.services[0].handler = &hanging;
	setup.options.drain_timeout_ms = 600000;
	setup.options.hook = send_late_ones;
	setup.options.hook_interval_ms = 1;
	server = start(&setup);
	taken = fcntl(handed_in ? fd : dgram_server_socket(server, 0), F_DUPFD_CLOEXEC, 0);
	if (keeps)
		dgram_server_keep_sockets(server);
	room.client = client_of(server, 0);
	tell(room.client, "x", 1);
	assert_true(reaches(&room.inside, 1));
	stop(server);
	assert_true(room.sent);
	must_answer(room.client);
	assert_int_equal(check_closed(server, 0).received, 1 + taken_along);
	dgram_server_free(server);
	setup_fds(&setup, &taken, 1);
	server = start(&setup);
	for (unsigned i = 0; i < LATE - taken_along; i++)
		must_answer(room.client);
	dgram_server_free(server);
	close(room.client);
	close(taken);
	close(fd);
}

static void what_is_late_is_the_next_servers(void **state)
{
	(void)state;
	what_is_late_for_one(true, false);
	what_is_late_for_one(true, true);
	what_is_late_for_one(false, false);
	what_is_late_for_one(false, true);
}

/* Two of one address, and a third of another: two hosts, three receivers. */
static void several_sockets(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct sockaddr_storage address;
	int fds[3], clients[40];
	char reply[8];

	(void)state;
	fds[0] = bind_at(LOOPBACK(1), 0);
	fds[1] = bind_at(LOOPBACK(1), port_of(fds[0]));
	fds[2] = bind_at(LOOPBACK(2), port_of(fds[0]));
	setup_fds(&setup, fds, 3);
	server = make(&setup);
	assert_int_equal(dgram_server_socket(server, 0), -EBADF);
	assert_int_equal(dgram_server_start(server), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(cookie_of(dgram_server_socket(server, i)), cookie_of(fds[i]));
	assert_int_equal(dgram_server_socket(server, 3), -ENOENT);
	assert_int_equal(dgram_server_socket(server, SIZE_MAX), -ENOENT);
	assert_int_equal(dgram_server_fileno(server, 0, 0), dgram_server_socket(server, 0));
	assert_int_equal(dgram_server_fileno(server, 0, 1), dgram_server_socket(server, 2));
	assert_int_equal(dgram_server_fileno(server, 0, 2), -ENOENT);
	assert_int_equal(dgram_server_address(server, 0, 1, &address), 0);
	assert_int_equal(threads_named("dgram/rx"), 3);
	for (unsigned i = 0; i < 40; i++) {
		clients[i] = connect_to(LOOPBACK(1 + i % 2), port_of(fds[0]));
		assert_int_equal(ask(clients[i], "x", reply, sizeof(reply)), 1);
	}
	stop(server);
	assert_int_equal(check_closed(server, 0).replied, 40);
	dgram_server_free(server);
	for (unsigned i = 0; i < 40; i++)
		close(clients[i]);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
}

/* Those of hosts are listed as well, the receivers of each host behind each other. */
static void sockets_of_hosts(void **state)
{
	int fd = bind_at(LOOPBACK(1), 0);
	struct setup setup;
	struct dgram_server *server;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	own_address(&setup.services[0], 2);
	setup.services[0].receivers = 2;
	setup.services[1].name = "other";
	setup.services[1].handler = setup.services[0].handler;
	setup.services[1].fds = &fd;
	setup.services[1].fds_count = 1;
	setup.options.services_count = 2;
	server = make(&setup);
	assert_int_equal(dgram_server_bind(server), 0);
	for (size_t host = 0; host < 2; host++)
		assert_int_equal(dgram_server_socket(server, 2 * host),
			dgram_server_fileno(server, 0, host));
	assert_int_equal(port_of(dgram_server_socket(server, 3)), setup.services[0].port);
	assert_int_equal(dgram_server_socket(server, 4), dgram_server_fileno(server, 1, 0));
	assert_int_equal(dgram_server_socket(server, 5), -ENOENT);
	dgram_server_free(server);
	close(fd);
}

static void ipv6(void **state)
{
	const struct sockaddr_in6 address = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct setup setup;
	struct dgram_server *server;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), client;
	char reply[8];

	(void)state;
	if (fd < 0 || option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0 ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		skip();
	setup_fds(&setup, &fd, 1);
	server = start(&setup);
	client = client_of(server, 0);
	assert_int_equal(ask(client, "x", reply, sizeof(reply)), 1);
	dgram_server_free(server);
	close(client);
	close(fd);
}

/* Closed before it was bound; and bound when it is back. */
static void closed_too_early(void **state)
{
	int fd = bind_at(LOOPBACK(1), 0), spare = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	struct setup setup;
	struct dgram_server *server;
	int client;
	char reply[8];

	(void)state;
	setup_fds(&setup, &fd, 1);
	server = make(&setup);
	close(fd);
	assert_int_equal(dgram_server_start(server), -EBADF);
	check_threads(0);
	assert_int_equal(dup3(spare, fd, O_CLOEXEC), fd);
	assert_int_equal(dgram_server_start(server), 0);
	client = client_of(server, 0);
	assert_int_equal(ask(client, "x", reply, sizeof(reply)), 1);
	dgram_server_free(server);
	close(client);
	close(fd);
	close(spare);
}

static void must_refuse(const struct setup *setup, const char *why)
{
	char text[DGRAM_ERROR_TEXT_MAX] = "";
	struct dgram_server *server = NULL;
	struct setup other = *setup;

	other.options.services = other.services;
	other.options.error_text = text;
	other.options.error_text_size = sizeof(text);
	assert_int_equal(dgram_server_new(&other.options, &server), -EINVAL);
	assert_null(server);
	assert_string_equal(text, why);
}

static void must_refuse_fd(int fd, const char *why)
{
	struct setup setup;

	assert_true(fd >= 0);
	setup_fds(&setup, &fd, 1);
	must_refuse(&setup, why);
	close(fd);
}

static int bound(int fd)
{
	const struct sockaddr_in6 any = { .sin6_family = AF_INET6 };

	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	return fd;
}

static void sockets_that_cannot_be(void **state)
{
	int fd = bind_at(LOOPBACK(1), 0);
	struct setup setup;

	(void)state;
	must_refuse_fd(
		open("/dev/null", O_RDWR | O_CLOEXEC), "services[0].fds[0]: is not a socket");
	must_refuse_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		"services[0].fds[0]: is not a UDP socket");
	must_refuse_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
		"services[0].fds[0]: is not a UDP socket");
	must_refuse_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
		"services[0].fds[0]: is not bound to a port");
	must_refuse_fd(connect_to(LOOPBACK(1), port_of(fd)),
		"services[0].fds[0]: is connected, so that only one client could ask");
	must_refuse_fd(bind_at(0xe0000001, 0), "services[0].fds[0]: is bound to a multicast "
					       "address, which no answer can leave from");
	close(fd);
	setup_fds(&setup, &fd, 1);
	must_refuse(&setup, "services[0].fds[0]: is not an open descriptor");
}

static void a_socket_of_both_families(void **state)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (fd < 0 || option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) < 0)
		skip();
	must_refuse_fd(bound(fd), "services[0].fds[0]: takes IPv4, too: set IPV6_V6ONLY, and hand "
				  "in a socket for IPv4 beside it");
}

static void what_does_not_go_together(void **state)
{
	static const char *const hosts[] = { "127.0.0.1" };
	int fds[3] = { bind_at(LOOPBACK(1), 0) };
	struct setup setup;

	(void)state;
	fds[1] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	fds[2] = bind_at(LOOPBACK(1), port_of(fds[0]));
	setup_fds(&setup, fds, 2);
	must_refuse(&setup, "services[0].fds[1]: is the same socket as services[0].fds[0]");
	close(fds[1]);
	fds[1] = bind_at(LOOPBACK(2), 0);
	setup_fds(&setup, fds, 3);
	must_refuse(&setup, "services[0].fds[2]: has the same address as services[0].fds[0], so it "
			    "must stand behind it");
	setup_fds(&setup, fds, 1);
	setup.services[0].hosts = hosts;
	setup.services[0].hosts_count = 1;
	must_refuse(
		&setup, "services[0].fds: cannot be set with hosts, port, receivers or freebind");
	setup_fds(&setup, fds, 1);
	setup.services[0].receivers = 2;
	must_refuse(
		&setup, "services[0].fds: cannot be set with hosts, port, receivers or freebind");
	setup_fds(&setup, NULL, 1);
	must_refuse(&setup, "services[0].fds: missing");
	setup_fds(&setup, fds, 1025);
	must_refuse(&setup, "services[0].fds_count: must be a whole number from 0 to 1024");
	setup_fds(&setup, fds, 1);
	setup.services[1] = setup.services[0];
	setup.services[1].name = "other";
	setup.services[1].fds = &fds[2];
	setup.options.services_count = 2;
	must_refuse(&setup, "services[1].fds[0]: has the same address as services[0].fds[0]");
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_in_between),
		cmocka_unit_test(one_server_beside_the_other),
		cmocka_unit_test(what_is_late_is_the_next_servers),
		cmocka_unit_test(several_sockets),
		cmocka_unit_test(sockets_of_hosts),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(closed_too_early),
		cmocka_unit_test(sockets_that_cannot_be),
		cmocka_unit_test(a_socket_of_both_families),
		cmocka_unit_test(what_does_not_go_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
