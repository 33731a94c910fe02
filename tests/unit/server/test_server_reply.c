/* A handler that answers before it returns: what the client gets, in which order, and what the books say. */
/* link: -Wl,--wrap=sys_send,--wrap=sys_monotonic_ns */
#include <arpa/inet.h>

#include "server_support.h"

#define REPLY_MAX 512u /* max_datagram_bytes of setup_init() */

static struct {
	_Atomic unsigned answered, open, errors;
	_Atomic int last_result; /* of dgram_request_reply() */
	_Atomic int fail_next;	 /* with this errno value; 0: not */
	_Atomic unsigned size;	 /* that handle() was given */
	_Atomic unsigned sends;
	atomic_bool no_time; /* passes */
} room;

int64_t __real_sys_monotonic_ns(void);
int64_t __wrap_sys_monotonic_ns(void);

int64_t __wrap_sys_monotonic_ns(void)
{
	return atomic_load(&room.no_time) ? 1 : __real_sys_monotonic_ns();
}

int __real_sys_send(int fd, struct mmsghdr *messages, unsigned count);
int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count);

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count)
{
	int error = atomic_exchange(&room.fail_next, 0);

	atomic_fetch_add(&room.sends, 1);
	return error != 0 ? -error : __real_sys_send(fd, messages, count);
}

/* Bytes of a reply: what was asked, its number among the replies of its request, and filling. */
static size_t compose(const struct dgram_request *request, void *reply, char number, size_t length)
{
	char *text = reply;

	memset(text, '.', length);
	memcpy(text, request->data, request->length < 8 ? request->length : 8);
	text[request->length < 8 ? request->length : 8] = number;
	return length;
}

static void answer(const struct dgram_request *request, const void *data, size_t length)
{
	atomic_store(&room.last_result, dgram_request_reply(request, data, length));
	atomic_fetch_add(&room.answered, 1);
}

/* The request's letters, one after the other. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	const char *letters = request->data;
	char own[DGRAM_DATAGRAM_BYTES_MAX + 1], number = '0';

	(void)state;
	atomic_store(&room.size, (unsigned)size);
	for (size_t i = 0; i < request->length; i++, number++)
		switch (letters[i]) {
		case 'r': /* from a buffer of its own */
			answer(request, own, compose(request, own, number, 12));
			break;
		case 'R': /* the longest, from where its last reply is to be */
			answer(request, reply, compose(request, reply, number, size));
			break;
		case 'E': /* an empty one */
			answer(request, own, 0);
			break;
		case 'L': /* too long */
			answer(request, own, compose(request, own, number, size + 1));
			break;
		case 'b':
			(void)reaches(&room.open, 1);
			break;
		case 'x': /* returns one */
			return (ssize_t)compose(request, reply, number, 12);
		case 'e':
			return -EIO;
		default:
			return DGRAM_NO_REPLY;
		}
	return DGRAM_NO_REPLY;
}

static bool verify(void *state, const struct dgram_request *request)
{
	(void)state;
	if (request->length > 0 && *(const char *)request->data == 'v')
		answer(request, "v", 1);
	return true;
}

static void handle_error(void *state, const struct dgram_request *request, int error)
{
	(void)state;
	(void)request;
	atomic_fetch_add(&room.errors, error == EIO);
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle,
	.verify = verify, .handle_error = handle_error };

/* Which kinds of service all is tried with. */
struct kind {
	enum dgram_concurrency concurrency;
	bool never_blocks, wildcard;
};

static const struct kind kinds[] = {
	{ DGRAM_POOL, false, false },
	{ DGRAM_POOL, true, false },
	{ DGRAM_INLINE, false, false },
	{ DGRAM_POOL, false, true },
	{ DGRAM_INLINE, false, true },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct dgram_server *make_kind(struct setup *setup, const struct kind *kind)
{
	static const char *const wildcards[] = { "0.0.0.0" };
	static struct dgram_handler handlers[2];
	struct dgram_server *server;

	memset(&room, 0, sizeof(room));
	handlers[kind->never_blocks] = handler;
	handlers[kind->never_blocks].never_blocks = kind->never_blocks;
	setup_init(setup, &handlers[kind->never_blocks]);
	setup->options.workers = 1;
	setup->services[0].concurrency = kind->concurrency;
	if (kind->wildcard) {
		setup->services[0].hosts = wildcards;
		setup->services[0].hosts_count = 1;
	}
	server = make(setup);
	assert_int_equal(dgram_server_bind(server), 0);
	return server;
}

/* Of a wildcard, at an address that is not the one which the kernel would send from: the client takes nothing
 * from another. */
static int connect_kind(struct dgram_server *server, const struct kind *kind)
{
	struct sockaddr_storage storage;
	struct sockaddr_in address;
	int fd;

	if (!kind->wildcard)
		return client_of(server, 0);
	assert_int_equal(dgram_server_address(server, 0, 0, &storage), 0);
	memcpy(&address, &storage, sizeof(address));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 70);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The next reply is the one of this number to this request. */
static void must_hear(int client, const char *request, char number, size_t length)
{
	char reply[2 * REPLY_MAX] = "";
	size_t at = strlen(request) < 8 ? strlen(request) : 8;

	assert_int_equal(hear(client, reply, sizeof(reply), 0), length);
	assert_memory_equal(reply, request, at);
	assert_int_equal(reply[at], number);
}

struct expected {
	unsigned replied, no_reply, failed, extra;
};

static void check_books(struct dgram_server *server, const struct expected *expected)
{
	struct dgram_service_stats stats = check_closed(server, 0);

	assert_int_equal(stats.replied, expected->replied);
	assert_int_equal(stats.no_reply, expected->no_reply);
	assert_int_equal(sum(stats.failed), expected->failed);
	assert_int_equal(stats.replies_extra, expected->extra);
}

/* What comes of one request: the numbers of the replies, in their order. */
static void must_give(const char *request, const char *numbers, struct expected expected)
{
	for (unsigned i = 0; i < KINDS; i++) {
		struct setup setup;
		struct dgram_server *server = make_kind(&setup, &kinds[i]);
		int client = connect_kind(server, &kinds[i]);
		char reply;

		tell(client, request, strlen(request));
		dgram_server_shutdown(server);
		assert_int_equal(dgram_server_serve_forever(server), 0);
		for (const char *number = numbers; *number != '\0'; number++)
			must_hear(client, request, *number,
				request[*number - '0'] == 'R' ? REPLY_MAX : 12);
		assert_int_equal(hear(client, &reply, 1, 0), -1);
		check_books(server, &expected);
		dgram_server_free(server);
		close(client);
	}
}

static void one_answer(void **state)
{
	(void)state;
	must_give("rn", "0", (struct expected){ .replied = 1 });
	must_give("Rn", "0", (struct expected){ .replied = 1 });
	must_give("x", "0", (struct expected){ .replied = 1 });
	must_give("n", "", (struct expected){ .no_reply = 1 });
}

static void further_answers(void **state)
{
	(void)state;
	must_give("rrrn", "012", (struct expected){ .replied = 1, .extra = 2 });
	must_give("rx", "01", (struct expected){ .replied = 1, .extra = 1 });
	must_give("rRx", "012", (struct expected){ .replied = 1, .extra = 2 });
	must_give("RrRx", "0123", (struct expected){ .replied = 1, .extra = 3 });
}

/* It was answered, whatever comes then. */
static void an_error_after_the_answer(void **state)
{
	(void)state;
	must_give("re", "0", (struct expected){ .replied = 1 });
	assert_int_equal(room.errors, 1);
	must_give("e", "", (struct expected){ .failed = 1 });
	assert_int_equal(room.errors, 1);
}

static void too_long_an_answer(void **state)
{
	(void)state;
	must_give("Ln", "", (struct expected){ .no_reply = 1 });
	assert_int_equal(room.last_result, -EMSGSIZE);
	must_give("LRLx", "13", (struct expected){ .replied = 1, .extra = 1 });
}

static void no_answer_in_verify(void **state)
{
	(void)state;
	must_give("v", "", (struct expected){ .no_reply = 1 });
	assert_int_equal(room.last_result, -EOPNOTSUPP);
}

static void an_empty_answer(void **state)
{
	struct setup setup;
	struct dgram_server *server = make_kind(&setup, &kinds[0]);
	int client = connect_kind(server, &kinds[0]);
	char reply;

	(void)state;
	tell(client, "En", 2);
	dgram_server_shutdown(server);
	assert_int_equal(dgram_server_serve_forever(server), 0);
	assert_int_equal(hear(client, &reply, 1, 0), 0);
	check_books(server, &(struct expected){ .replied = 1 });
	dgram_server_free(server);
	close(client);
}

/* The first one decides: it failed, so the request did, and what comes then is a further one. */
static void an_answer_that_cannot_be_sent(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KINDS; i++) {
		struct setup setup;
		struct dgram_server *server = make_kind(&setup, &kinds[i]);
		int client = connect_kind(server, &kinds[i]);

		room.fail_next = EPERM;
		tell(client, "rx", 2);
		dgram_server_shutdown(server);
		assert_int_equal(dgram_server_serve_forever(server), 0);
		assert_int_equal(room.last_result, -EPERM);
		must_hear(client, "rx", '1', 12);
		check_books(server, &(struct expected){ .failed = 1, .extra = 1 });
		assert_int_equal(reason(stats_of(server, 0).failed, "send_forbidden"), 1);
		dgram_server_free(server);
		close(client);
	}
}

/* The client has its answer while the handler has not returned. */
static void it_is_sent_now(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KINDS; i++) {
		struct setup setup;
		struct dgram_server *server = make_kind(&setup, &kinds[i]);
		int client = connect_kind(server, &kinds[i]);
		char reply[16];

		assert_int_equal(dgram_server_start(server), 0);
		assert_int_equal(ask(client, "rbx", reply, sizeof(reply)), 12);
		assert_int_equal(stats_of(server, 0).running, 1);
		atomic_store(&room.open, 1);
		assert_int_equal(hear(client, reply, sizeof(reply), patience_ms()), 12);
		stop(server);
		check_books(server, &(struct expected){ .replied = 1, .extra = 1 });
		dgram_server_free(server);
		close(client);
	}
}

/* A batch in which some answer at once: no reply overtakes another, whoever sends it and how, and what a handler
 * has written to its reply's place is not lost. Plain replies still leave together. */
static void a_batch(const struct kind *kind)
{
	static const char *const requests[] = { "x-0", "x-1", "rrn", "x-2", "x-3", "x-4", "Rx", "n",
		"x-5", "rx", "x-6", "x-7" };
	unsigned rounds = 5, count = sizeof(requests) / sizeof(requests[0]);
	struct setup setup;
	struct dgram_server *server = make_kind(&setup, kind);
	int client = connect_kind(server, kind);
	char reply;

	for (unsigned i = 0; i < rounds * count; i++)
		tell(client, requests[i % count], strlen(requests[i % count]));
	dgram_server_shutdown(server);
	assert_int_equal(dgram_server_serve_forever(server), 0);
	for (unsigned i = 0; i < rounds * count; i++)
		for (const char *letter = requests[i % count]; *letter != '\0' && *letter != '-';
			letter++)
			if (*letter != 'n')
				must_hear(client, requests[i % count],
					(char)('0' + (letter - requests[i % count])),
					*letter == 'R' ? REPLY_MAX : 12);
	assert_int_equal(hear(client, &reply, 1, 0), -1);
	check_books(
		server, &(struct expected){
				.replied = 11 * rounds, .no_reply = rounds, .extra = 3 * rounds });
	dgram_server_free(server);
	close(client);
}

static void they_keep_their_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KINDS; i++)
		a_batch(&kinds[i]);
}

/* 55 plain ones around one that answers by itself: 3 sends, one of them its own. All are one batch, inline. */
static void others_are_still_joined(void **state)
{
	struct setup setup;
	struct dgram_server *server = make_kind(&setup, &kinds[2]);
	int client = connect_kind(server, &kinds[2]);

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		tell(client, i == 30 ? "rn" : "x", i == 30 ? 2 : 1);
	room.no_time = true; /* or else answers would leave after a while, for the others' sake */
	assert_int_equal(dgram_server_handle_request(server, 0, -1), 64);
	room.no_time = false;
	assert_int_equal(room.sends, 3);
	check_books(server, &(struct expected){ .replied = 64 });
	dgram_server_free(server);
	close(client);
}

/* Longer or shorter than requests; services that share a pool differ. */
static void max_reply_bytes(void **state)
{
	static const unsigned longest[] = { 2000, 10 };
	struct setup setup;
	struct dgram_server *server;
	char reply[4096];

	(void)state;
	for (unsigned i = 0; i < 2 * KINDS; i++) {
		unsigned bytes = longest[i % 2];
		int client;

		server = make_kind(&setup, &kinds[i / 2]);
		dgram_server_free(server);
		setup.services[0].max_reply_bytes = bytes;
		setup.services[1] = setup.services[0];
		setup.services[1].name = "other";
		setup.services[1].max_reply_bytes = longest[(i + 1) % 2];
		setup.options.services_count = 2;
		server = start(&setup);
		client = client_of(server, 0);
		assert_int_equal(ask(client, "Rn", reply, sizeof(reply)), bytes);
		assert_int_equal(room.size, bytes);
		tell(client, "Ln", 2);
		await_received(server, 0, 2);
		stop(server);
		assert_int_equal(room.last_result, -EMSGSIZE);
		check_books(server, &(struct expected){ .replied = 1, .no_reply = 1 });
		dgram_server_free(server);
		close(client);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_answer),
		cmocka_unit_test(further_answers),
		cmocka_unit_test(an_error_after_the_answer),
		cmocka_unit_test(too_long_an_answer),
		cmocka_unit_test(no_answer_in_verify),
		cmocka_unit_test(an_empty_answer),
		cmocka_unit_test(an_answer_that_cannot_be_sent),
		cmocka_unit_test(it_is_sent_now),
		cmocka_unit_test(they_keep_their_order),
		cmocka_unit_test(others_are_still_joined),
		cmocka_unit_test(max_reply_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
