/* A process for a request: its end in each way, within its time, with all that it has left running. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/sys.h"
#include "engine/handler.h"
#include "log/log.h"
#include "process/once.h"
#include "scaled.h"

#define REPLY_MAX 100

static char reply[REPLY_MAX];

static void ignore(void *context, const char *line, size_t length, uint64_t suppressed)
{
	(void)context, (void)line, (void)length, (void)suppressed;
}

/* Of sh -c SCRIPT. No process is left of it. */
static ssize_t run(const char *script, const void *data, size_t length, unsigned timeout_ms)
{
	static const struct sockaddr_in address = { .sin_family = AF_INET };
	char *const arguments[] = { (char *)"sh", (char *)"-c", (char *)(uintptr_t)script, NULL };
	char *environment[1 + UCSPI_VARIABLES + 1] = { (char *)"PATH=/usr/bin:/bin" };
	struct handler handler = { .service = "test",
		.process_limits = { .timeout_ms = timeout_ms, .files = 64 } };
	struct datagram datagram = { .length = 0 };
	struct handler_request request = {
		.request = { .data = data,
			.length = length,
			.client = (const void *)&address,
			.client_length = sizeof(address),
			.local = (const void *)&address,
			.local_length = sizeof(address) },
		.handler = &handler,
		.datagram = &datagram,
	};
	struct once once = {
		.path = "/bin/sh",
		.arguments = arguments,
		.environment = environment,
		.kept = 1,
		.lines.tell = ignore,
		.log_next_ns = INT64_MAX,
	};
	ssize_t result = once_run(&once, &request.request, reply, sizeof(reply));

	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
	return result;
}

static ssize_t end_of(const char *script)
{
	return run(script, "?", 1, (unsigned)patience_ms());
}

static void test_answers(void **state)
{
	(void)state;
	assert_int_equal(run("cat", "a\0b", 3, (unsigned)patience_ms()), 3);
	assert_memory_equal(reply, "a\0b", 3);
	assert_int_equal(end_of("exit 0"), 0);
	assert_int_equal(run("wc -c", NULL, 0, (unsigned)patience_ms()), 2);
	assert_memory_equal(reply, "0\n", 2);
	assert_int_equal(end_of("printf %100s"), REPLY_MAX);
	assert_int_equal(end_of("printf 1 && exec >&- && printf 2; exit 0"), 1);
}

static void test_other_ends(void **state)
{
	(void)state;
	assert_int_equal(end_of("echo no; exit 99"), DGRAM_NO_REPLY);
	assert_int_equal(end_of("echo no; exit 1"), -EREMOTEIO);
	assert_int_equal(end_of("echo no; kill -9 $$"), -ECHILD);
	assert_int_equal(end_of("kill -SEGV $$"), -ECHILD);
	assert_int_equal(end_of("printf %101s"), REPLY_MAX + 1);
	assert_int_equal(end_of("yes"), REPLY_MAX + 1);
}

/* Also one that is stopped, or will not end. */
static void test_time(void **state)
{
	static const char *const scripts[] = { "sleep 1000", "kill -STOP $$",
		"trap '' TERM; while :; do sleep 1; done", "exec <&- >&- 2>&-; sleep 1000",
		"yes >&2", "echo no; sleep 1000; exit 0" };
	int64_t begin_ns;

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		begin_ns = sys_monotonic_ns();
		assert_int_equal(run(scripts[i], "?", 1, 30), -ECHILD);
		assert_true(sys_monotonic_ns() - begin_ns >= 30 * NS_PER_MS);
	}
}

/* The end of the command is the end of its group, whoever holds its output. We inherit who it has left, as the
 * first process of a machine does. */
static void test_who_is_left(void **state)
{
	int64_t begin_ns = sys_monotonic_ns();

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(
		end_of("(sleep 1000; echo late) & (sleep 1000 & sleep 1000) & printf ok"), 2);
	assert_int_equal(end_of("sleep 1000 & exit 99"), DGRAM_NO_REPLY);
	assert_int_equal(run("(sleep 1000 & sleep 1000)", "?", 1, 30), -ECHILD);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	assert_true(sys_monotonic_ns() - begin_ns < 900 * NS_PER_S);
}

/* Each descriptor that cannot be had costs the request, and none is left open. */
static void test_descriptors(void **state)
{
	struct rlimit before, low;
	int first = dup(STDIN_FILENO), after;
	unsigned refused = 0;
	ssize_t length = -EMFILE;

	(void)state;
	close(first);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	while (length != 2) {
		low = (struct rlimit){ (rlim_t)first + refused, before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		length = end_of("printf ok");
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_true(length == 2 || length == -EMFILE);
		refused += length < 0;
		after = dup(STDIN_FILENO);
		assert_int_equal(after, first);
		close(after);
	}
	assert_int_equal(refused, 6); /* the request, two pipes, and the process */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_other_ends),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_who_is_left),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
