/* A handler of a whole daemon that crashes: the process ends by that signal, and what the handler logged before is in
 * the log. Each crash is one of a child, on a single CPU: there the log's thread has had no time by then. */
#include <arpa/inet.h>
#include <dgramd.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scaled.h"

#define LINES 20

/* Where the stack has this much left, the words are said. */
#define LEFT 65536

static const struct dgram_request *speaker;
static uintptr_t near_end;

static void speak(const struct dgram_request *request)
{
	for (unsigned i = 0; i < LINES; i++)
		dgram_request_log(request, DGRAM_LOG_INFO, "last words", "%u", i);
}

static unsigned overflow(unsigned depth)
{
	const struct dgram_request *request = speaker;
	volatile char room[4096];

	room[0] = (char)depth;
	if ((uintptr_t)room < near_end && request != NULL) {
		speaker = NULL;
		speak(request);
	}
	return depth == UINT_MAX ? 0 : overflow(depth + 1) + (unsigned)room[0];
}

/* The log's thread may be quick enough to hide that nothing was flushed, so look at the flag, too. */
static void overflow_from(const struct dgram_request *request)
{
	struct sigaction action;
	pthread_attr_t attributes;
	void *stack;
	size_t size;

	if (sigaction(SIGSEGV, NULL, &action) != 0 || (action.sa_flags & SA_ONSTACK) == 0 ||
		pthread_getattr_np(pthread_self(), &attributes) != 0 ||
		pthread_attr_getstack(&attributes, &stack, &size) != 0)
		_exit(1);
	near_end = (uintptr_t)stack + LEFT;
	speaker = request;
	_exit((int)overflow(0));
}

/* "a": abort(3), "n": the address 8, "o": an overflow. */
static ssize_t last_words(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	static volatile uintptr_t nowhere = 8;
	const char *how = request->data;

	(void)state, (void)reply, (void)reply_size;
	if (*how == 'o')
		overflow_from(request);
	speak(request);
	if (*how == 'n')
		*(volatile int *)nowhere = 1;
	abort();
}

static const struct dgram_handler handler = {
	.abi = DGRAM_ABI, .name = "dies", .handle = last_words
};

static void stay_on_one_cpu(void)
{
	cpu_set_t all, one;
	size_t cpu = 0;

	(void)sched_getaffinity(0, sizeof(all), &all);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

static void serve(const char *target, char *concurrency)
{
	const struct dgram_handler *const handlers[] = { &handler, NULL };
	const struct rlimit no_core = { 0 };
	char log[80] = "logging.target=";
	char *arguments[] = { (char[]){ "dies" }, (char[]){ "--set" }, (char[]){ "port=0" },
		(char[]){ "--set" }, (char[]){ "handler=dies" }, (char[]){ "--set" }, concurrency,
		(char[]){ "--set" }, log, NULL };

	(void)signal(SIGSEGV, SIG_DFL); /* not cmocka's */
	alarm((unsigned)patience_ms() / 1000);
	stay_on_one_cpu();
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)strcat(log, target);
	_exit(dgram_main(9, arguments, handlers));
}

/* How often it has these words; the last line that does, behind them, is in `rest`. */
static unsigned count_lines(const char *path, const char *words, char rest[static 256])
{
	FILE *file = fopen(path, "r");
	unsigned count = 0;
	char line[2048];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *at = strstr(line, words);

		if (at == NULL || strchr(at, '\n') == NULL)
			continue;
		(void)snprintf(rest, 256, "%s", at + strlen(words));
		count++;
	}
	(void)fclose(file);
	return count;
}

static void send_to_port(const char *port, const char *how)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(sendto(fd, how, 1, 0, (const struct sockaddr *)&to, sizeof(to)), 1);
	close(fd);
}

static void must_leave_last_words(const char *how, const char *concurrency, int by)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	char path[] = "/tmp/test_crash.XXXXXX", rest[256], copy[40];
	int fd = mkstemp(path), status = -1;
	pid_t pid;

	assert_true(fd >= 0);
	close(fd);
	(void)snprintf(copy, sizeof(copy), "concurrency=%s", concurrency);
	pid = fork();
	if (pid == 0)
		serve(path, copy);
	for (int i = 0; count_lines(path, " main ready ", rest) == 0; i++) {
		assert_true(i < patience_ms());
		(void)nanosleep(&nap, NULL);
	}
	assert_int_equal(count_lines(path, " address=127.0.0.1:", rest), 1);
	send_to_port(rest, how);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), by);
	assert_int_equal(count_lines(path, " last words ", rest), LINES);
	assert_int_equal(remove(path), 0);
}

static void an_abort(void **state)
{
	(void)state;
	must_leave_last_words("a", "pool", SIGABRT);
	must_leave_last_words("a", "inline", SIGABRT);
}

/* Not where a tool takes these signals for itself. */
static void a_fault(void **state)
{
	(void)state;
	if (scaled(2) < 2)
		skip();
	for (unsigned i = 0; i < 5; i++) {
		must_leave_last_words("n", "pool", SIGSEGV);
		must_leave_last_words("n", "inline", SIGSEGV);
	}
}

static void an_overflow_of_the_stack(void **state)
{
	(void)state;
	if (scaled(2) < 2)
		skip();
	must_leave_last_words("o", "pool", SIGSEGV);
	must_leave_last_words("o", "inline", SIGSEGV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_abort),
		cmocka_unit_test(a_fault),
		cmocka_unit_test(an_overflow_of_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
