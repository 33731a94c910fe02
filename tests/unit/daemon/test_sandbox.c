/* Each kind of thread of a server in the sandbox, the log's too: what it tries there is refused, and the server serves
 * on. In a child, because nobody leaves the sandbox, which is a program anew: ThreadSanitizer lets no child of a fork
 * start threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dgram.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox.h"

static _Atomic int not_refused; /* the first probe that was not, plus 1 */
static _Atomic unsigned probed[DGRAM_THREAD_LOG + 1];

/* The errno of what thread `thread` tries. */
static int try(unsigned probe)
{
	char *const nothing[] = { NULL };
	long result = 0;

	errno = 0;
	switch (probe) {
	case 0:
		result = execve("/nowhere", nothing, nothing);
		break;
	case 1:
		result = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (result == 0)
			syscall(SYS_exit_group, 0);
		break;
	case 2:
		result = ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
		break;
	case 3:
		result = socket(AF_INET, SOCK_DGRAM, 0);
		break;
	case 4:
		result = setuid(getuid()); /* of all threads: none may */
		break;
	case 5:
		result = open("/dev/null", O_WRONLY | O_CLOEXEC);
		break;
	case 6:
		result = open("/nowhere/x", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
		break;
	case 7:
		result = kill(getppid(), 0);
		break;
	default:
		result = unlink("/nowhere/x");
	}
	return result < 0 ? errno : 0;
}

#define PROBES 9

static int enter_and_try(void *context, enum dgram_thread thread)
{
	int error = sandbox_enter_thread(CONFIG_SANDBOX_ENFORCE);

	(void)context;
	for (unsigned i = 0; error == 0 && i < PROBES; i++)
		if (try(i) != EPERM)
			atomic_store(&not_refused, (int)i + 1);
	atomic_fetch_add(&probed[thread], 1);
	return error;
}

static ssize_t asked(struct dgram_server *server)
{
	struct timeval patience = { .tv_sec = 60 };
	struct sockaddr_storage address;
	int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char reply[8];
	ssize_t length = -1;

	if (dgram_server_address(server, 0, 0, &address) == 0 &&
		setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
		sendto(client, "hello", 5, 0, (struct sockaddr *)&address,
			sizeof(struct sockaddr_in)) == 5)
		length = recv(client, reply, sizeof(reply), 0);
	close(client);
	return length;
}

/* Returns the exit status: 0, or the number of what went wrong. */
static int serve_in_sandbox(void)
{
	struct dgram_service service;
	struct dgram_options options;
	struct dgram_server *server;
	int landlock;

	dgram_service_init(&service, DGRAM_ABI);
	service.handler = dgram_builtin_handler("echo");
	dgram_options_init(&options, DGRAM_ABI);
	options.services = &service;
	options.services_count = 1;
	options.log_target = "none";
	options.on_thread = enter_and_try;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		sandbox_enter(CONFIG_SANDBOX_ENFORCE, "none", &landlock) < 0)
		return 101;
	if (dgram_server_new(&options, &server) < 0 || dgram_server_start(server) < 0)
		return 102;
	if (asked(server) != 5)
		return 103;
	dgram_server_shutdown(server);
	if (dgram_server_serve_forever(server) < 0 || dgram_server_free(server) < 0)
		return 104;
	if (atomic_load(&probed[DGRAM_THREAD_RECEIVER]) != 1 ||
		atomic_load(&probed[DGRAM_THREAD_WORKER]) != options.workers ||
		atomic_load(&probed[DGRAM_THREAD_LOG]) != 1)
		return 105;
	return atomic_load(&not_refused);
}

static void each_thread_is_refused(void **state)
{
	const char *under = getenv("DGRAM_UNDER");
	int status;
	pid_t child;

	(void)state;
	if (under != NULL && strstr(under, "valgrind") != NULL)
		skip(); /* the filter would be valgrind's own */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		execl("/proc/self/exe", "test_sandbox", "child", NULL);
		_exit(100);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void off_is_nothing(void **state)
{
	int landlock;

	(void)state;
	assert_int_equal(sandbox_enter(CONFIG_SANDBOX_OFF, "none", &landlock), 0);
	assert_int_equal(landlock, 0);
	assert_int_equal(sandbox_enter_thread(CONFIG_SANDBOX_OFF), 0);
	assert_int_not_equal(try(5), EPERM);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thread_is_refused),
		cmocka_unit_test(off_is_nothing),
	};

	(void)argv;
	if (argc > 1)
		return serve_in_sandbox();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
