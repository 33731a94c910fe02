/* What was logged just before a crash is in the log. Each crash is one of a child, on a single CPU: there the log's
 * thread has had no time by then. */
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "server_support.h"

#define LINES 20

static struct dgram_server *server;
static unsigned (*crash)(unsigned depth);

static unsigned give_up(unsigned depth)
{
	(void)depth;
	abort();
}

static unsigned overflow(unsigned depth)
{
	volatile char room[4096];

	room[0] = (char)depth;
	return depth == UINT_MAX ? 0 : overflow(depth + 1) + (unsigned)room[0];
}

static ssize_t last_words(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)reply, (void)reply_size;
	for (unsigned i = 0; i < LINES; i++)
		dgram_request_log(request, DGRAM_LOG_INFO, "last words", "%u", i);
	return crash(0) == 0 ? DGRAM_NO_REPLY : 0;
}

static const struct dgram_handler handler = {
	.abi = DGRAM_ABI, .name = "dies", .handle = last_words
};

/* What its threads hold is no leak to be reported. */
static void flush_and_exit(int signal)
{
	(void)signal;
	dgram_server_flush_log(server);
	execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
	_exit(1);
}

static void stay_on_one_cpu(void)
{
	cpu_set_t all, one;
	size_t cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void serve_until_it_dies(const char *path, enum dgram_concurrency concurrency)
{
	const struct sigaction action = { .sa_handler = flush_and_exit, .sa_flags = SA_ONSTACK };
	struct setup setup;

	alarm((unsigned)patience_ms() / 1000);
	stay_on_one_cpu();
	(void)sigaction(SIGABRT, &action, NULL);
	(void)sigaction(SIGSEGV, &action, NULL);
	setup_init(&setup, &handler);
	setup.services[0].concurrency = concurrency;
	setup.options.log_target = path;
	server = start(&setup);
	tell(client_of(server, 0), "x", 1);
	for (;;)
		pause();
}

static unsigned count_lines(const char *path, const char *what)
{
	FILE *file = fopen(path, "r");
	unsigned count = 0;
	char line[2048];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		count += strstr(line, what) != NULL;
	(void)fclose(file);
	return count;
}

static void must_leave_last_words(
	unsigned (*how)(unsigned depth), enum dgram_concurrency concurrency)
{
	char path[] = "/tmp/test_server_flush.XXXXXX";
	int fd = mkstemp(path), status = -1;
	pid_t pid;

	assert_true(fd >= 0);
	close(fd);
	crash = how;
	pid = fork();
	if (pid == 0)
		serve_until_it_dies(path, concurrency);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	assert_int_equal(count_lines(path, " last words "), LINES);
	assert_int_equal(remove(path), 0);
}

static void an_abort(void **state)
{
	(void)state;
	for (unsigned i = 0; i < scaled(10); i++) {
		must_leave_last_words(give_up, DGRAM_POOL);
		must_leave_last_words(give_up, DGRAM_INLINE);
	}
}

/* Its handler has a stack of its own. Not where a tool has one for itself. */
static void an_overflow_of_the_stack(void **state)
{
	(void)state;
	if (scaled(2) < 2)
		skip();
	must_leave_last_words(overflow, DGRAM_POOL);
	must_leave_last_words(overflow, DGRAM_INLINE);
}

/* No thread writes: lines are written at once. */
static void nothing_runs(void **state)
{
	struct setup setup;

	(void)state;
	setup_init(&setup, dgram_builtin_handler("echo"));
	server = make(&setup);
	dgram_server_flush_log(server);
	assert_int_equal(dgram_server_start(server), 0);
	dgram_server_flush_log(server);
	stop(server);
	dgram_server_flush_log(server);
	dgram_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_abort),
		cmocka_unit_test(an_overflow_of_the_stack),
		cmocka_unit_test(nothing_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
