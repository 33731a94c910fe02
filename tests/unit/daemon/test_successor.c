/* What may become of a successor: here they are scripts. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/successor.h"
#include "scaled.h"

static int epoll;

static int open_epoll(void **state)
{
	(void)state;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll < 0 ? -1 : 0;
}

static int close_epoll(void **state)
{
	(void)state;
	return close(epoll);
}

static unsigned count_fds(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int start_script(const char *script, const int *fds, size_t count, unsigned patience_ms,
	struct successor *ret_successor)
{
	char *const arguments[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)script,
		NULL };
	char *const environment[] = { (char[]){ "WORD=given" }, NULL };
	const struct successor_plan plan = { "/bin/sh", arguments, environment, fds, count,
		patience_ms, epoll };

	return successor_start(&plan, ret_successor);
}

/* As the daemon's loop does. */
static enum successor_state await(struct successor *successor)
{
	enum successor_state state = SUCCESSOR_STARTS;
	struct epoll_event event;

	while (state == SUCCESSOR_STARTS) {
		assert_int_equal(epoll_wait(epoll, &event, 1, patience_ms()), 1);
		state = successor_step(successor);
	}
	return state;
}

/* It is gone, with all descriptors. */
static void must_fail(const char *script, unsigned patience_ms, const char *why, const char *words)
{
	unsigned before = count_fds();
	struct successor successor;

	assert_int_equal(start_script(script, NULL, 0, patience_ms, &successor), 0);
	assert_int_equal(await(&successor), SUCCESSOR_FAILED);
	assert_string_equal(successor.why, why);
	assert_string_equal(successor.words, words);
	successor_end(&successor, SUCCESSOR_FAILED);
	assert_int_equal(kill(successor.pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(count_fds(), before);
}

#define LONG_MS 600000u

static void one_that_ends(void **state)
{
	(void)state;
	must_fail("exit 78", LONG_MS, "it ended with status 78", "");
	must_fail("echo one >&2; echo two >&2; exit 1", LONG_MS, "it ended with status 1",
		"one\ntwo\n");
	must_fail("exit 0", LONG_MS, "it ended with status 0", "");
}

static void one_that_dies(void **state)
{
	(void)state;
	must_fail("kill -SEGV $$", LONG_MS, "it died of SIGSEGV", "");
	must_fail("kill -KILL $$", LONG_MS, "it died of SIGKILL", "");
}

static void one_that_says_so_and_dies(void **state)
{
	struct successor successor;
	siginfo_t info;

	(void)state;
	assert_int_equal(
		start_script("echo $$ >&3; echo >&3; exit 5", NULL, 0, LONG_MS, &successor), 0);
	assert_int_equal(waitid(P_PID, (id_t)successor.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(await(&successor), SUCCESSOR_FAILED);
	assert_string_equal(successor.why, "it ended with status 5");
	successor_end(&successor, SUCCESSOR_FAILED);
}

static void one_whose_heir_has_died(void **state)
{
	(void)state;
	must_fail("true & echo $! >&3; wait; echo >&3", LONG_MS, "it ended with status 0", "");
	must_fail("echo $$ >&3; echo >&3", LONG_MS, "it ended with status 0", "");
	must_fail("echo none >&3; echo >&3", LONG_MS, "it ended with status 0", "");
}

/* The heir holds the writing end of the pipe that the test reads. */
static void an_heir_that_hangs(void **state)
{
	struct successor successor;
	int held[2];
	char byte;

	(void)state;
	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	assert_int_equal(
		start_script("sleep 1000 & echo $! >&4; wait", &held[1], 1, 50, &successor), 0);
	close(held[1]);
	assert_int_equal(await(&successor), SUCCESSOR_FAILED);
	assert_int_not_equal(successor.heir, 0);
	successor_end(&successor, SUCCESSOR_FAILED);
	assert_int_equal(read(held[0], &byte, 1), 0);
	close(held[0]);
}

static void one_that_hangs(void **state)
{
	(void)state;
	must_fail("while :; do sleep 100; done", 50, "it was not ready within 50 ms", "");
	must_fail("exec 3>&-; exec sleep 1000", 50, "it was not ready within 50 ms", "");
	must_fail("kill -STOP $$", 50, "it was not ready within 50 ms", "");
}

static void one_that_is_not_there(void **state)
{
	char *const words[] = { NULL };
	struct successor_plan plan = { .path = "/nowhere/dgramd",
		.arguments = words,
		.environment = words,
		.patience_ms = LONG_MS,
		.epoll = epoll };
	unsigned before = count_fds();
	struct successor successor;

	(void)state;
	assert_int_equal(successor_start(&plan, &successor), -ENOENT);
	plan.path = "/etc/passwd";
	assert_int_equal(successor_start(&plan, &successor), -EACCES);
	assert_int_equal(count_fds(), before);
}

/* In their order, whatever their numbers, and without others; and our standard error behind the pipe. */
static void what_it_gets(void **state)
{
	static const char script[] =
		"cat <&3 >&2; cat <&4 >&2; echo $WORD >&2; "
		"test -e /proc/$$/fd/7 && echo more >&2; "
		"test /proc/$$/fd/6 -ef /dev/null && echo ours >&2; sleep 1000 & echo $! >&5; echo >&5";
	int pipes[2][2], fds[2], ours, null;
	struct successor successor;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
		assert_int_equal(write(pipes[i][1], i == 0 ? "a\n" : "b\n", 2), 2);
		close(pipes[i][1]);
		fds[1 - i] = pipes[i][0];
	}
	ours = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(dup2(null, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(start_script(script, fds, 2, LONG_MS, &successor), 0);
	assert_int_equal(dup2(ours, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(await(&successor), SUCCESSOR_READY);
	assert_string_equal(successor.words, "b\na\ngiven\nours\n");
	successor_end(&successor, SUCCESSOR_READY);
	close(successor.heir_fd);
	assert_int_equal(kill(successor.heir, SIGKILL), 0);
	close(pipes[0][0]);
	close(pipes[1][0]);
	close(ours);
	close(null);
}

static void one_that_talks_without_end(void **state)
{
	struct successor successor;

	(void)state;
	assert_int_equal(start_script("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", NULL, 0,
				 LONG_MS, &successor),
		0);
	assert_int_equal(await(&successor), SUCCESSOR_FAILED);
	assert_int_equal(strlen(successor.words), SUCCESSOR_WORDS_MAX);
	successor_end(&successor, SUCCESSOR_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_ends),
		cmocka_unit_test(one_that_dies),
		cmocka_unit_test(one_that_says_so_and_dies),
		cmocka_unit_test(one_whose_heir_has_died),
		cmocka_unit_test(an_heir_that_hangs),
		cmocka_unit_test(one_that_hangs),
		cmocka_unit_test(one_that_is_not_there),
		cmocka_unit_test(one_that_talks_without_end),
		cmocka_unit_test(what_it_gets),
	};

	return cmocka_run_group_tests(tests, open_epoll, close_epoll);
}
