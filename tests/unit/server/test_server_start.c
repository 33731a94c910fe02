/* What the log says of handlers that start, and of those that refuse to. */
#include <stdlib.h>

#include "server_support.h"

static struct {
	int open_error;
	unsigned refused; /* the worker that worker_start() refuses, plus 1 */
} room;

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return DGRAM_NO_REPLY;
}

static int open_state(void *context, const struct dgram_start *start, void **ret_state)
{
	dgram_log(start, DGRAM_LOG_INFO, "opens", "with %s", (const char *)context);
	*ret_state = context;
	return room.open_error;
}

static int start_worker(void *state, const struct dgram_start *start, void **ret_worker_state)
{
	dgram_log(start, DGRAM_LOG_WARN, "starts", "number %u", start->worker);
	*ret_worker_state = state;
	return start->worker + 1 == room.refused ? -EPROTO : 0;
}

static const struct dgram_handler quiet = { DGRAM_ABI, "quiet", .handle = handle };
static const struct dgram_handler talker = { DGRAM_ABI, "talker", .handle = handle,
	.open = open_state, .worker_start = start_worker };

static char log_path[] = "/tmp/dgram-start-XXXXXX";

/* Two services, of which the second talks; a new log. */
static struct dgram_server *make_talking(struct setup *setup)
{
	int fd;

	memset(&room, 0, sizeof(room));
	memcpy(log_path + sizeof(log_path) - 7, "XXXXXX", 6);
	fd = mkstemp(log_path);
	assert_true(fd >= 0);
	close(fd);
	setup_init(setup, &quiet);
	setup->services[1].handler = &talker;
	setup->services[1].context = (void *)(uintptr_t) "care";
	setup->options.services_count = 2;
	setup->options.log_target = log_path;
	return make(setup);
}

static size_t count_lines(const char *log, const char *piece)
{
	size_t count = 0;

	for (const char *at = strstr(log, piece); at != NULL; at = strstr(at + 1, piece))
		count++;
	return count;
}

/* Free the server; each of `pieces`, up to NULL, stands once in what it logged. */
static void check_log(struct dgram_server *server, const char *const *pieces)
{
	static char log[65536];
	FILE *file;
	size_t length;

	dgram_server_free(server);
	file = fopen(log_path, "re");
	assert_non_null(file);
	length = fread(log, 1, sizeof(log) - 1, file);
	log[length] = '\0';
	fclose(file);
	assert_int_equal(unlink(log_path), 0);
	for (; *pieces != NULL; pieces++)
		if (count_lines(log, *pieces) != 1)
			fail_msg("%zu times %s in\n%s", count_lines(log, *pieces), *pieces, log);
}

#define PIECES(...)               \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void each_start_logs(void **state)
{
	struct dgram_server *server;
	struct setup setup;

	(void)state;
	server = make_talking(&setup);
	assert_int_equal(dgram_server_start(server), 0);
	check_log(server,
		PIECES(" info main opens service=talker message=\"with care\"\n",
			" warn worker/0 starts worker=0 service=talker message=\"number 0\"\n",
			" warn worker/1 starts worker=1 service=talker message=\"number 1\"\n",
			" warn worker/2 starts worker=2 service=talker message=\"number 2\"\n",
			" warn worker/3 starts worker=3 service=talker message=\"number 3\"\n"));
}

static void a_service_does_not_open(void **state)
{
	struct dgram_server *server;
	struct setup setup;

	(void)state;
	server = make_talking(&setup);
	room.open_error = -EPROTO;
	assert_int_equal(dgram_server_bind(server), -EPROTO);
	check_log(server,
		PIECES(" info main opens service=talker ",
			" error main cannot open the service service=talker error=\"Protocol error\"\n"));
}

#define REFUSED " error main cannot start the handler service=talker error=\"Protocol error\"\n"

static void a_worker_is_refused(void **state)
{
	struct dgram_server *server;
	struct setup setup;

	(void)state;
	server = make_talking(&setup);
	room.refused = 3;
	assert_int_equal(dgram_server_start(server), -EPROTO);
	check_log(server, PIECES(REFUSED, " error "));
}

static void an_added_worker_is_refused(void **state)
{
	struct dgram_server *server;
	struct setup setup;
	char text[DGRAM_ERROR_TEXT_MAX] = "";

	(void)state;
	server = make_talking(&setup);
	room.refused = 6;
	assert_int_equal(dgram_server_start(server), 0);
	setup.options.workers = 6;
	setup.options.error_text = text;
	setup.options.error_text_size = sizeof(text);
	assert_int_equal(dgram_server_reconfigure(server, &setup.options), -EPROTO);
	assert_string_equal(text, "Protocol error");
	check_log(server, PIECES(REFUSED, " error "));
}

static void a_receiver_is_refused(void **state)
{
	struct dgram_server *server;
	struct setup setup;

	(void)state;
	server = make_talking(&setup);
	dgram_server_free(server);
	setup.services[1].concurrency = DGRAM_INLINE;
	server = make(&setup);
	room.refused = DGRAM_WORKERS_MAX + 2; /* the second socket's */
	assert_int_equal(dgram_server_start(server), -EPROTO);
	check_log(server, PIECES(REFUSED, " error ", " warn rx/1 starts service=talker "));
}

static void without_threads(void **state)
{
	struct dgram_server *server;
	struct setup setup;

	(void)state;
	server = make_talking(&setup);
	room.refused = 1;
	assert_int_equal(dgram_server_handle_request(server, 0, 0), -EPROTO);
	check_log(server, PIECES(REFUSED, " error ", " warn worker/0 starts worker=0 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_start_logs),
		cmocka_unit_test(a_service_does_not_open),
		cmocka_unit_test(a_worker_is_refused),
		cmocka_unit_test(an_added_worker_is_refused),
		cmocka_unit_test(a_receiver_is_refused),
		cmocka_unit_test(without_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
