/* How long a connection may take for its request and its answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/connection.h"
#include "base/clock.h"
#include "base/sys.h"

struct scene {
	struct admin admin;
	struct connection *connection;
	int64_t begin_ns; /* before it began */
	int server, client;
};

static void open_scene(struct scene *scene)
{
	int pair[2];

	*scene = (struct scene){ .begin_ns = sys_monotonic_ns() };
	lock_init(&scene->admin.lock);
	link_init(&scene->admin.connections);
	scene->admin.questions.fd = eventfd(0, EFD_NONBLOCK);
	assert_true(scene->admin.questions.fd >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	scene->server = pair[0];
	scene->client = pair[1];
	scene->connection = connection_begin(&scene->admin, scene->server);
	assert_non_null(scene->connection);
}

static bool is_shut(struct scene *scene, int64_t now_ns)
{
	char byte;

	connection_shut_late(&scene->admin, now_ns);
	return recv(scene->client, &byte, 1, MSG_DONTWAIT) == 0;
}

static void close_scene(struct scene *scene)
{
	connection_end(&scene->admin, scene->connection);
	assert_true(link_is_empty(&scene->admin.connections));
	assert_int_equal(close(scene->server), 0);
	assert_int_equal(close(scene->client), 0);
	assert_int_equal(close(scene->admin.questions.fd), 0);
	lock_destroy(&scene->admin.lock);
}

static void test_request(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_false(is_shut(&scene, scene.begin_ns + CONNECTION_REQUEST_S * NS_PER_S - 1));
	assert_true(is_shut(&scene, sys_monotonic_ns() + CONNECTION_REQUEST_S * NS_PER_S));
	close_scene(&scene);
}

static void test_owner_takes_its_time(void **state)
{
	struct scene scene;
	int64_t answered_ns;

	(void)state;
	open_scene(&scene);
	connection_wait(&scene.admin, scene.connection);
	assert_false(is_shut(&scene, scene.begin_ns + 86400 * NS_PER_S));
	answered_ns = sys_monotonic_ns();
	connection_answer(&scene.admin, scene.connection);
	assert_false(is_shut(&scene, answered_ns + CONNECTION_ANSWER_S * NS_PER_S - 1));
	assert_true(is_shut(&scene, sys_monotonic_ns() + CONNECTION_ANSWER_S * NS_PER_S));
	close_scene(&scene);
}

/* It alone is shut, and only the end of the last one wakes who waits for that. */
static void test_one_of_two(void **state)
{
	struct scene scene;
	struct connection *late;
	eventfd_t count;
	int pair[2];

	(void)state;
	open_scene(&scene);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	late = connection_begin(&scene.admin, pair[0]);
	connection_wait(&scene.admin, scene.connection);
	assert_false(is_shut(&scene, sys_monotonic_ns() + CONNECTION_REQUEST_S * NS_PER_S));
	assert_int_equal(recv(pair[1], &count, 1, MSG_DONTWAIT), 0);
	scene.admin.lingers = true;
	connection_end(&scene.admin, late);
	assert_int_equal(eventfd_read(scene.admin.questions.fd, &count), -1);
	connection_end(&scene.admin, scene.connection);
	assert_int_equal(eventfd_read(scene.admin.questions.fd, &count), 0);
	scene.connection = NULL;
	assert_int_equal(close(pair[0]), 0);
	assert_int_equal(close(pair[1]), 0);
	close_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_owner_takes_its_time),
		cmocka_unit_test(test_one_of_two),
	};

	return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
