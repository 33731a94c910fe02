/* Programs that are started: what they have of ours, and what they have not. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/spawn.h"

static char text[8192];

/* Its exit status; what it writes is in `text`. */
static int run(const char *script, unsigned memory_bytes, unsigned files)
{
	char *const arguments[] = { (char *)"sh", (char *)"-c", (char *)(uintptr_t)script, NULL };
	char *const environment[] = { (char *)"A=b", NULL };
	struct spawn spawn = { "/bin/sh", arguments, environment, { 0 }, memory_bytes, files, NULL,
		0 };
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct spawned spawned;
	siginfo_t info;
	size_t length = 0;
	ssize_t got;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	spawn.standard[0] = spawn.standard[2] = null;
	spawn.standard[1] = ends[1];
	assert_int_equal(spawn_start(&spawn, &spawned), 0);
	close(ends[1]);
	while ((got = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	assert_int_equal(waitid(P_PIDFD, (id_t)spawned.pidfd, &info, WEXITED), 0);
	assert_int_equal(info.si_pid, spawned.pid);
	close(ends[0]);
	close(null);
	close(spawned.pidfd);
	return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

static void test_what_it_has(void **state)
{
	int leaked = open("/dev/null", O_RDONLY); /* not closed by execve(2) */

	(void)state;
	assert_true(leaked > STDERR_FILENO);
	assert_int_equal(run("for fd in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$fd ] && "
			     "echo $fd; done; exit 7",
				 0, 0),
		7);
	assert_string_equal(text, "0\n1\n2\n");
	assert_int_equal(run("echo $A:$HOME", 0, 0), 0);
	assert_string_equal(text, "b:\n");
	assert_int_equal(
		run("read pid name state parent group rest </proc/self/stat; echo $((pid == group))",
			0, 0),
		0);
	assert_string_equal(text, "1\n");
	assert_int_equal(run("grep NoNewPrivs /proc/self/status", 0, 0), 0);
	assert_string_equal(text, "NoNewPrivs:\t1\n");
	close(leaked);
}

/* Wherever ours are: also where its own are to be. */
static void test_further_descriptors(void **state)
{
	char *const arguments[] = { (char *)"sh", (char *)"-c",
		(char *)"read a <&3; read b <&4; echo $a $b; ls /proc/self/fd/5", NULL };
	char *const environment[] = { NULL };
	struct spawn spawn = { "/bin/sh", arguments, environment, { 0 }, 0, 0, NULL, 0 };
	int also[2], ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct spawned spawned;
	siginfo_t info;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_int_equal(write(ends[1], i == 0 ? "one\n" : "two\n", 4), 4);
		close(ends[1]);
		also[i] = ends[0];
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	spawn.standard[0] = spawn.standard[2] = null;
	spawn.standard[1] = ends[1];
	spawn.also = also;
	spawn.also_count = 2;
	assert_int_equal(spawn_start(&spawn, &spawned), 0);
	close(ends[1]);
	assert_int_equal(waitid(P_PIDFD, (id_t)spawned.pidfd, &info, WEXITED), 0);
	assert_int_not_equal(info.si_status, 0); /* there is no 5 */
	text[read(ends[0], text, sizeof(text) - 1)] = '\0';
	assert_string_equal(text, "one two\n");
	for (int i = 0; i < 2; i++)
		close(also[i]);
	close(ends[0]);
	close(null);
	close(spawned.pidfd);
}

/* What we ignore or block it does not. */
static void test_signals(void **state)
{
	sigset_t all, before;

	(void)state;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	assert_int_equal(run("grep -E 'Sig(Blk|Ign)' /proc/self/status", 0, 0), 0);
	assert_string_equal(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	assert_int_equal(run("kill -TERM $$; echo lives", 0, 0), -SIGTERM);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

/* A limit of ours that is lower stays. */
static void test_limits(void **state)
{
	struct rlimit before, low;

	(void)state;
	assert_int_equal(run("ulimit -n; ulimit -d", 64 << 20, 50), 0);
	assert_string_equal(text, "50\n65536\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(run("ulimit -n", 0, 0), 0);
	assert_int_equal(strtoul(text, NULL, 10), before.rlim_cur);
	low = (struct rlimit){ 40, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(run("ulimit -n", 0, 50), 0);
	assert_string_equal(text, "50\n");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_what_cannot_be(void **state)
{
	char *const arguments[] = { (char *)"x", NULL };
	struct spawn spawn = { "/nowhere", arguments, arguments, { 0 }, 0, 0, NULL, 0 };
	struct spawned spawned;
	int null = open("/dev/null", O_RDWR), before = dup(null), after;

	(void)state;
	close(before);
	for (size_t i = 0; i < 3; i++)
		spawn.standard[i] = null;
	assert_int_equal(spawn_start(&spawn, &spawned), -ENOENT);
	spawn.path = "/etc/passwd";
	assert_int_equal(spawn_start(&spawn, &spawned), -EACCES);
	spawn.path = "/bin/sh";
	spawn.standard[1] = 1000;
	assert_int_equal(spawn_start(&spawn, &spawned), -EBADF);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
	after = dup(null);
	assert_int_equal(after, before);
	close(after);
	close(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_has),
		cmocka_unit_test(test_further_descriptors),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
