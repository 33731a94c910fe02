/* A program of its own whose handler has children. */
#include <pthread.h>

#include "server_support.h"

static const char *const source =
	"echo 'dgram 1 text'\n"
	"tab=$(printf '\\t')\n"
	"while IFS= read -r line; do\n"
	"	case $line in\n"
	"	Q*) id=${line#*\"$tab\"}; printf 'A\\t%s\\tok\\n' \"${id%%\"$tab\"*}\" ;;\n"
	"	esac\n"
	"done\n";

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return -EDOM;
}

static int give_children(void *state, struct dgram_command *ret_command)
{
	static char *arguments[] = { "sh", "-c", NULL, NULL }, *environment[] = { NULL };

	(void)state;
	arguments[2] = (char *)(uintptr_t)source;
	*ret_command = (struct dgram_command){ "/bin/sh", arguments, environment, .binary = false };
	return 0;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle,
	.children = give_children };

static struct {
	struct dgram_server *server;
	int result;
} room;

/* Until a request was answered, or a child could not start. */
static int look(void *context)
{
	struct dgram_service_stats stats = stats_of(room.server, 0);

	(void)context;
	if (stats.replied > 0 || stats.children_start_failed > 0)
		dgram_server_shutdown(room.server);
	return 0;
}

static void make_room(void)
{
	struct setup setup;

	setup_init(&setup, &handler);
	setup.options.workers = 1;
	setup.options.hook = look;
	setup.options.hook_interval_ms = 10;
	room.server = make(&setup);
	assert_int_equal(dgram_server_bind(room.server), 0);
}

static void send_request(void)
{
	int client = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage address;

	assert_int_equal(dgram_server_address(room.server, 0, 0, &address), 0);
	assert_int_equal(sendto(client, "?", 1, 0, (const struct sockaddr *)&address,
				 sizeof(struct sockaddr_in)),
		1);
	close(client);
}

static void test_children_answer(void **state)
{
	struct dgram_service_stats stats;

	(void)state;
	make_room();
	send_request();
	assert_int_equal(dgram_server_serve_forever(room.server), 0);
	stats = stats_of(room.server, 0);
	assert_int_equal(stats.replied, 1);
	assert_int_equal(stats.children_serving, 0);
	assert_int_equal(dgram_server_free(room.server), 0);
}

static void *serve(void *context)
{
	(void)context;
	room.result = dgram_server_serve_forever(room.server);
	return NULL;
}

/* A child would end with the thread that made it. */
static void test_only_the_first_thread_makes_children(void **state)
{
	pthread_t thread;

	(void)state;
	make_room();
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(room.result, 0);
	assert_true(stats_of(room.server, 0).children_start_failed > 0);
	assert_int_equal(dgram_server_free(room.server), 0);
}

static void test_there_are_none_without_serve_forever(void **state)
{
	(void)state;
	make_room();
	assert_int_equal(dgram_server_handle_request(room.server, 1, 0), -EOPNOTSUPP);
	assert_int_equal(dgram_server_handle_request(room.server, 1, 0), -EOPNOTSUPP);
	assert_int_equal(dgram_server_free(room.server), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children_answer),
		cmocka_unit_test(test_only_the_first_thread_makes_children),
		cmocka_unit_test(test_there_are_none_without_serve_forever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
