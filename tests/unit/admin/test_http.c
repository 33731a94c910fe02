/* When the answer to a question must have been taken, with the real library: the client asks for what no socket
 * has room for, the test answers as the owner, and moves the clock that connections are shut by. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/connection.h"
#include "admin/http.h"
#include "base/clock.h"
#include "base/sys.h"

#define BODY_BYTES (4 << 20)
#define PATIENCE_S 60

struct scene {
	struct admin admin;
	struct MHD_Daemon *daemon;
	int client;
	int64_t answered_ns; /* before it was */
};

static int listen_somewhere(struct sockaddr_un *ret_address, socklen_t *ret_length)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)), 0);
	assert_int_equal(listen(fd, 1), 0);
	*ret_length = sizeof(*ret_address);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, ret_length), 0);
	return fd;
}

static void open_scene(struct scene *scene)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct admin_listener listener = { .local = true };
	struct sockaddr_un address;
	socklen_t length;
	const char *why;

	*scene = (struct scene){ 0 };
	lock_init(&scene->admin.lock);
	link_init(&scene->admin.connections);
	assert_int_equal(questions_open(&scene->admin.questions), 0);
	scene->admin.library = library_load(&why);
	assert_non_null(scene->admin.library);
	listener.fd = listen_somewhere(&address, &length);
	scene->daemon = http_start(&scene->admin, &listener);
	assert_non_null(scene->daemon);
	assert_int_equal(close(listener.fd), 0);
	scene->client = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(scene->client, (const struct sockaddr *)&address, length), 0);
	assert_int_equal(
		setsockopt(scene->client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
}

static void ask(struct scene *scene)
{
	static const char request[] = "GET /config HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct pollfd asked = { .fd = scene->admin.questions.fd, .events = POLLIN };

	assert_int_equal(send(scene->client, request, strlen(request), 0), strlen(request));
	assert_int_equal(poll(&asked, 1, PATIENCE_S * 1000), 1);
}

static int say_much(void *context, const struct admin_order *order)
{
	(void)context;
	(void)fprintf(order->said, "%*s", BODY_BYTES, "");
	return 0;
}

/* When the first byte comes, the answer has begun. */
static void answer(struct scene *scene)
{
	char byte;

	scene->answered_ns = sys_monotonic_ns();
	questions_answer(&scene->admin.questions, say_much, NULL);
	assert_int_equal(recv(scene->client, &byte, 1, 0), 1);
}

/* Does the whole of it come? */
static bool takes_all(const struct scene *scene)
{
	static char part[1 << 16];
	size_t taken = 0;
	ssize_t bytes;

	while ((bytes = recv(scene->client, part, sizeof(part), 0)) > 0)
		taken += (size_t)bytes;
	return taken > BODY_BYTES;
}

static void close_scene(struct scene *scene)
{
	assert_int_equal(close(scene->client), 0);
	http_stop(&scene->admin, scene->daemon);
	assert_true(link_is_empty(&scene->admin.connections));
	questions_close(&scene->admin.questions);
	lock_destroy(&scene->admin.lock);
}

static void test_taken_in_time(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	ask(&scene);
	connection_shut_late(&scene.admin, sys_monotonic_ns() + 86400 * NS_PER_S);
	answer(&scene);
	connection_shut_late(&scene.admin, scene.answered_ns + CONNECTION_ANSWER_S * NS_PER_S - 1);
	assert_true(takes_all(&scene));
	close_scene(&scene);
}

static void test_not_taken(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	ask(&scene);
	answer(&scene);
	connection_shut_late(&scene.admin, sys_monotonic_ns() + CONNECTION_ANSWER_S * NS_PER_S);
	assert_false(takes_all(&scene));
	close_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_in_time),
		cmocka_unit_test(test_not_taken),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
