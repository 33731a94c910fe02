/* What a thread does outside the sandbox is let through, and told once for each kind of thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/sandbox.h"
#include "daemon/watch.h"

static struct sandbox sandbox;
static struct watch watch;

/* Each call works, and twice. NULL: yes. */
static void *act(void *kind)
{
	int listener, fd;

	if (sandbox_enter_thread(&sandbox, &listener) < 0 || listener < 0 ||
		watch_add(&watch, listener, (enum dgram_thread)(uintptr_t)kind) < 0)
		return "cannot be watched";
	for (int i = 0; i < 2; i++) {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || close(fd) < 0)
			return "no socket";
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || close(fd) < 0)
			return "no file";
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0 || close(fd) < 0)
			return "no file to read";
	}
	return NULL;
}

static void must_tell(const char *who)
{
	struct pollfd news = { .fd = watch.news, .events = POLLIN };
	char text[WATCH_TEXT_MAX], first[WATCH_TEXT_MAX], second[WATCH_TEXT_MAX];
	bool socket_first;

	assert_int_equal(poll(&news, 1, 0), 1);
	assert_true(watch_next(&watch, text));
	socket_first = text[0] == 's'; /* each kind of machine has numbers of its own */
	(void)snprintf(first, sizeof(first), "%s by %s", socket_first ? "socket" : "openat", who);
	(void)snprintf(second, sizeof(second), "%s by %s", socket_first ? "openat" : "socket", who);
	assert_string_equal(text, first);
	assert_true(watch_next(&watch, text));
	assert_string_equal(text, second);
	assert_false(watch_next(&watch, text));
	assert_int_equal(poll(&news, 1, 0), 0);
}

static void run_as(enum dgram_thread kind)
{
	pthread_t thread;
	void *trouble;

	assert_int_equal(pthread_create(&thread, NULL, act, (void *)(uintptr_t)kind), 0);
	assert_int_equal(pthread_join(thread, &trouble), 0);
	assert_string_equal(trouble != NULL ? trouble : "", "");
}

static void each_call_is_told_once(void **state)
{
	const char *under = getenv("DGRAM_UNDER");
	char text[WATCH_TEXT_MAX];

	(void)state;
	if (under != NULL && strstr(under, "valgrind") != NULL)
		skip(); /* the filter would be valgrind's own */
	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(sandbox_enter(CONFIG_SANDBOX_LOG, "none", &sandbox), 0);
	assert_int_equal(sandbox.landlock, 0);
	assert_int_equal(watch_open(&watch), 0);
	assert_false(watch_next(&watch, text));
	run_as(DGRAM_THREAD_WORKER);
	must_tell("a worker");
	run_as(DGRAM_THREAD_WORKER);
	assert_false(watch_next(&watch, text));
	run_as(DGRAM_THREAD_RECEIVER);
	must_tell("a receiver");
	run_as(DGRAM_THREAD_LOG);
	must_tell("the log's thread");
	watch_close(&watch);
	sandbox_free(&sandbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
