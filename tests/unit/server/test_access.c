/* Who is let in, by a server that serves: real datagrams, and tables that are replaced under load. */
/* link: -Wl,--wrap=calloc,--wrap=malloc */
#include <arpa/inet.h>
#include <malloc.h>
#include <pthread.h>

#include "server_support.h"

#define RELOADS 1000u
#define PREFIXES 2000u
#define TEXT(of) of, sizeof(of) / sizeof((of)[0])

static const char *const two[] = { "127.0.0.2", "127.0.1.0/24" };
static const char *const half[] = { "127.0.0.0/9", "::ffff:127.0.1.7" };

static unsigned left; /* allocations that succeed before one fails; 0: all do */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static bool fails(void)
{
	return left > 0 && --left == 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

static int client_at(struct dgram_server *server, size_t service, const char *host)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	struct sockaddr_storage there;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, host, &here.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(dgram_server_address(server, service, 0, &there), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&there, sizeof(there)), 0);
	return fd;
}

/* A datagram from this host is let in, or counted as dropped for that reason. */
static void must_be(struct dgram_server *server, size_t service, const char *host, bool let_in)
{
	struct dgram_service_stats before = stats_of(server, service), after;
	int fd = client_at(server, service, host);

	tell(fd, "x", 1);
	await_received(server, service, before.received + 1);
	await_idle(server, service);
	after = stats_of(server, service);
	assert_int_equal(after.replied - before.replied, let_in);
	assert_int_equal(
		reason(after.dropped, "access") - reason(before.dropped, "access"), !let_in);
	assert_true(balances(&after));
	close(fd);
}

static void each_service_has_its_own(void **state)
{
	const struct dgram_access allows = {
		.allow = two, .allow_count = 2, .deny = half, .deny_count = 2
	};
	const struct dgram_access denies = { .deny = two, .deny_count = 2 };
	struct setup setup;
	struct dgram_server *server;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.services[0].access = &allows;
	setup.services[1].handler = setup.services[0].handler;
	setup.services[1].name = "other";
	setup.services[1].access = &denies;
	setup.options.services_count = 2;
	server = start(&setup);
	must_be(server, 0, "127.0.0.1", false);
	must_be(server, 0, "127.0.0.2", true);
	must_be(server, 0, "127.0.1.6", true);
	must_be(server, 0, "127.0.1.7", false); /* longer than what allows it */
	must_be(server, 0, "127.200.0.1", false);
	must_be(server, 1, "127.0.0.1", true);
	must_be(server, 1, "127.0.0.2", false);
	must_be(server, 1, "127.0.1.255", false);
	must_be(server, 1, "127.0.2.0", true);
	dgram_server_free(server);
}

static void of_ipv6(void **state)
{
	static const char *const loopback[] = { "::1" };
	const struct dgram_access denies = { .deny = TEXT(loopback) };
	struct setup setup;
	struct dgram_server *server;
	int client;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.services[0].hosts = loopback;
	setup.services[0].hosts_count = 1;
	setup.services[0].access = &denies;
	server = start(&setup);
	client = client_of(server, 0);
	tell(client, "x", 1);
	await_received(server, 0, 1);
	assert_int_equal(reason(stats_of(server, 0).dropped, "access"), 1);
	setup.services[0].access = NULL;
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
	tell(client, "x", 1);
	await_received(server, 0, 2);
	assert_int_equal(reason(stats_of(server, 0).dropped, "access"), 1);
	close(client);
	dgram_server_free(server);
}

/* Where a receiver runs the handler, and without any thread. */
static void without_a_queue(void **state)
{
	const struct dgram_access denies = { .deny = two, .deny_count = 1 };
	struct setup setup;
	struct dgram_server *server;
	int refused, let_in;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.services[0].concurrency = DGRAM_INLINE;
	setup.services[0].access = &denies;
	server = make(&setup);
	assert_int_equal(dgram_server_bind(server), 0);
	refused = client_at(server, 0, "127.0.0.2");
	let_in = client_at(server, 0, "127.0.0.3");
	tell(refused, "x", 1);
	assert_int_equal(dgram_server_handle_request(server, 1, patience_ms()), 1);
	tell(let_in, "x", 1);
	assert_int_equal(dgram_server_handle_request(server, 1, patience_ms()), 1);
	assert_int_equal(stats_of(server, 0).replied, 1);
	assert_int_equal(reason(stats_of(server, 0).dropped, "access"), 1);
	close(refused);
	close(let_in);
	dgram_server_free(server);
}

/* --- what cannot be */

static void must_refuse(const struct dgram_access *access, const char *message)
{
	struct dgram_server *server = NULL;
	char text[DGRAM_ERROR_TEXT_MAX] = "";
	struct setup setup;

	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.options.error_text = text;
	setup.options.error_text_size = sizeof(text);
	setup.services[0].access = access;
	assert_int_equal(dgram_server_new(&setup.options, &server), -EINVAL);
	assert_string_equal(text, message);
	setup.services[0].access = NULL;
	server = start(&setup);
	setup.services[0].access = access;
	text[0] = '\0';
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), -EINVAL);
	assert_string_equal(text, message);
	must_be(server, 0, "127.0.0.1", true);
	dgram_server_free(server);
}

static void wrong_ones_are_named(void **state)
{
	static const char *const bits[] = { "10.0.0.0/8", "10.0.0.1/8" };
	static const char *const missing[] = { NULL };
	static const char *const ten[] = { "10.0.0.0/8" }, *const same[] = {
		"::ffff:10.0.0.0/104"
	};

	(void)state;
	must_refuse(&(struct dgram_access){ .deny = TEXT(bits) },
		"services[0].access->deny[1]: has bits set behind the prefix; did you "
		"mean 10.0.0.0/8?");
	must_refuse(&(struct dgram_access){ .allow = TEXT(missing) },
		"services[0].access->allow[0]: missing");
	must_refuse(&(struct dgram_access){ .allow_count = 1 },
		"services[0].access->allow[0]: missing");
	must_refuse(&(struct dgram_access){ .allow = TEXT(ten), .deny = TEXT(same) },
		"services[0].access: allows and denies 10.0.0.0/8");
	must_refuse(&(struct dgram_access){ .allow = ten,
			    .allow_count = 1,
			    .deny = ten,
			    .deny_count = DGRAM_ACCESS_PREFIXES_MAX },
		"services[0].access: has more than 1048576 prefixes");
}

/* Each allocation fails once: nothing is reconfigured, and nothing is lost. */
static void without_memory(void **state)
{
	const struct dgram_access denies = { .deny = two, .deny_count = 2 };
	struct setup setup;
	struct dgram_server *server;
	unsigned failed = 0;
	int error = -ENOMEM;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	server = start(&setup);
	setup.services[0].access = &denies;
	for (unsigned number = 1; error < 0; number++) {
		left = number;
		error = dgram_server_reconfigure(server, &setup.options);
		left = 0;
		failed += error < 0;
		assert_true(error == 0 || error == -ENOMEM);
		must_be(server, 0, "127.0.0.2", error < 0);
	}
	assert_in_range(failed, 3, 100); /* rules, turns and the table */
	dgram_server_free(server);
}

/* --- replaced while it serves */

struct load {
	pthread_t thread;
	int fd;
	atomic_bool done;
	_Atomic unsigned sent;
};

static void *load_main(void *argument)
{
	struct load *load = argument;
	char reply[16];

	while (!atomic_load(&load->done)) {
		if (send(load->fd, "x", 1, 0) == 1)
			atomic_fetch_add(&load->sent, 1);
		while (recv(load->fd, reply, sizeof(reply), MSG_DONTWAIT) >= 0)
			;
	}
	return NULL;
}

static void begin_load(struct load *load, struct dgram_server *server)
{
	*load = (struct load){ .fd = client_at(server, 0, "127.0.0.2") };
	assert_int_equal(pthread_create(&load->thread, NULL, load_main, load), 0);
}

static void end_load(struct load *load)
{
	atomic_store(&load->done, true);
	assert_int_equal(pthread_join(load->thread, NULL), 0);
	close(load->fd);
}

static void make_texts(char (*room)[24], const char **texts)
{
	for (unsigned i = 0; i < PREFIXES; i++) {
		(void)snprintf(room[i], sizeof(room[i]), "10.%u.%u.0/25", i / 256, i % 256);
		texts[i] = room[i];
	}
}

static size_t heap_bytes(void)
{
	struct mallinfo2 heap = mallinfo2();

	return heap.uordblks + heap.hblkhd;
}

/* Two services share a table; every third time there is none. A receiver may use the last one for a moment. */
static void memory_does_not_grow(void **state)
{
	static char room[PREFIXES][24];
	static const char *texts[PREFIXES];
	struct dgram_access access = { .deny = texts, .deny_count = PREFIXES };
	struct setup setup;
	struct dgram_server *server;
	struct load load;
	size_t before = 0;

	(void)state;
	make_texts(room, texts);
	setup_init(&setup, dgram_builtin_handler("echo"));
	setup.services[1].handler = setup.services[0].handler;
	setup.services[1].name = "other";
	setup.options.services_count = 2;
	server = start(&setup);
	begin_load(&load, server);
	for (unsigned i = 0; i < scaled(RELOADS); i++) {
		setup.services[0].access = setup.services[1].access = i % 3 != 2 ? &access : NULL;
		assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
		if (i == 6)
			before = heap_bytes();
		else if (i > 6 && i % 3 == 0)
			assert_in_range(heap_bytes(), 0, before + (size_t)PREFIXES * 64);
	}
	end_load(&load);
	stop(server);
	assert_int_equal(load.sent,
		check_closed(server, 0).received + stats_of(server, 0).dropped_by_kernel);
	dgram_server_free(server);
}

/* Each table holds at once: what is sent after the call is judged by it. */
static void the_new_one_holds_at_once(void **state)
{
	const struct dgram_access denies = { .deny = two, .deny_count = 2 };
	struct setup setup;
	struct dgram_server *server;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	server = start(&setup);
	for (unsigned i = 0; i < scaled(50); i++) {
		setup.services[0].access = i % 2 != 0 ? &denies : NULL;
		assert_int_equal(dgram_server_reconfigure(server, &setup.options), 0);
		must_be(server, 0, "127.0.0.2", i % 2 == 0);
		must_be(server, 0, "127.0.0.1", true);
	}
	dgram_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_service_has_its_own),
		cmocka_unit_test(of_ipv6),
		cmocka_unit_test(without_a_queue),
		cmocka_unit_test(wrong_ones_are_named),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(memory_does_not_grow),
		cmocka_unit_test(the_new_one_holds_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
