/* A handler of a whole daemon that crashes: the process ends by that signal, and what the handler logged before is in
 * the log, and so is whom it served. Each crash is one of a child, on a single CPU: there the log's thread has had no
 * time by then. */
#include <arpa/inet.h>
#include <dgramd.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scaled.h"

#define LINES 20

/* Requests that are answered first. */
#define BEFORE 2

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

/* A file that has no bytes behind its mapping. */
static void touch_nothing(void)
{
	char path[] = "/tmp/test_crash.bus.XXXXXX";
	int fd = mkstemp(path);
	volatile char *mapped =
		fd >= 0 ? mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

	(void)unlink(path);
	if (mapped != MAP_FAILED)
		mapped[0] = 1;
}

/* The heap's own record of a size is damaged: glibc finds it, and says so itself on stderr. */
static void damage_heap(void)
{
	volatile size_t *volatile block = malloc(4000);

	(void)close(STDERR_FILENO);
	block[-1] = 0;
	free((void *)block);
}

/* A filter that traps getppid(2). */
static void be_trapped(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	(void)syscall(SYS_getppid);
}

/* By the instruction, because a compiler knows that a division by 0 does not happen. */
static void divide(void)
{
#if defined(__x86_64__)
	__asm__ volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx" ::
				 : "eax", "ecx", "edx", "cc");
#else
	(void)raise(SIGFPE);
#endif
}

static void die_by(char how)
{
	switch (how) {
	case 'b':
		touch_nothing();
		break;
	case 'f':
		divide();
		break;
	case 'i':
		__builtin_trap(); /* does not return */
	case 'm':
		damage_heap();
		break;
	case 's':
		be_trapped();
		break;
	default:
		abort();
	}
}

/* "a": abort(3), "n": the address 8, "o": an overflow, and die_by(); "x" is answered. */
static ssize_t last_words(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	static volatile uintptr_t nowhere = 8;
	const char *how = request->data;

	(void)state, (void)reply, (void)reply_size;
	if (*how == 'x')
		return 0;
	if (*how == 'o')
		overflow_from(request);
	speak(request);
	if (*how == 'n')
		*(volatile int *)nowhere = 1;
	die_by(*how);
	_exit(1);
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
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS };
	const struct dgram_handler *const handlers[] = { &handler, NULL };
	const struct rlimit no_core = { 0 };
	char log[80] = "logging.target=";
	char *arguments[] = { (char[]){ "dies" }, (char[]){ "--set" }, (char[]){ "port=0" },
		(char[]){ "--set" }, (char[]){ "handler=dies" }, (char[]){ "--set" },
		(char[]){ "pool.workers=1" }, (char[]){ "--set" }, concurrency, (char[]){ "--set" },
		log, NULL };

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)signal(faults[i], SIG_DFL); /* not cmocka's */
	alarm((unsigned)patience_ms() / 1000);
	stay_on_one_cpu();
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)strcat(log, target);
	_exit(dgram_main(11, arguments, handlers));
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

/* Returns the port that it comes from. */
static unsigned send_to_port(const char *port, const char *how)
{
	struct sockaddr_in from = { 0 };
	socklen_t length = sizeof(from);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(sendto(fd, how, 1, 0, (const struct sockaddr *)&to, sizeof(to)), 1);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&from, &length), 0);
	close(fd);
	return ntohs(from.sin_port);
}

/* The report, and the requests before that one: which are there. */
static void must_have_reported(const char *path, const char *concurrency, int by, unsigned port)
{
	bool pool = strcmp(concurrency, "pool") == 0;
	char words[256], rest[256];

	(void)snprintf(words, sizeof(words),
		" %s died %ssignal=SIG%s thread=dgram/%s service=dies "
		"client=127.0.0.1:%u bytes=1 running_us=",
		pool ? "worker/0" : "rx/0", pool ? "worker=0 " : "", sigabbrev_np(by),
		pool ? "w0" : "rx0", port);
	assert_int_equal(count_lines(path, words, rest), 1);
	assert_int_equal(count_lines(path, " died ", rest), 1);
	assert_int_equal(count_lines(path, " last request ", rest), BEFORE);
	assert_non_null(strstr(rest, "service=dies bytes=1 reply_bytes=0 wait_us="));
}

static void must_leave_last_words(const char *how, const char *concurrency, int by)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	char path[] = "/tmp/test_crash.XXXXXX", rest[256], address[256], copy[40];
	int fd = mkstemp(path), status = -1;
	unsigned port;
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
	(void)snprintf(address, sizeof(address), "%s", rest);
	for (unsigned i = 0; i < BEFORE; i++)
		(void)send_to_port(address, "x");
	port = send_to_port(address, how);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), by);
	assert_int_equal(count_lines(path, " last words ", rest), LINES);
	must_have_reported(path, concurrency, by, port);
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

static void other_deaths(void **state)
{
	static const struct {
		const char *how;
		int by;
	} deaths[] = { { "b", SIGBUS }, { "f", SIGFPE }, { "i", SIGILL }, { "m", SIGABRT },
		{ "s", SIGSYS } };

	(void)state;
	if (scaled(2) < 2)
		skip();
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		must_leave_last_words(deaths[i].how, "pool", deaths[i].by);
		must_leave_last_words(deaths[i].how, "inline", deaths[i].by);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_abort),
		cmocka_unit_test(a_fault),
		cmocka_unit_test(an_overflow_of_the_stack),
		cmocka_unit_test(other_deaths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
