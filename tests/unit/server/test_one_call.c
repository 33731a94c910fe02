/* dgram_serve(): it ends by a signal, and leaves the signals as they were. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "server_support.h"

/* What worker 0 raises when it starts, up to 0; and what the program's own handler of signals saw. */
static struct {
	int raised[3];
	_Atomic unsigned served, caught;
	struct sockaddr_storage address;
} room;

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return DGRAM_NO_REPLY;
}

static int start_worker(void *state, const struct dgram_start *start, void **ret_worker_state)
{
	*ret_worker_state = state;
	if (start->worker > 0)
		return 0;
	room.served = dgram_server_address(start->server, 0, 0, &room.address) == 0;
	for (size_t i = 0; room.raised[i] != 0; i++)
		(void)kill(getpid(), room.raised[i]);
	return 0;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle,
	.worker_start = start_worker };

static void catch_signal(int number)
{
	(void)number;
	atomic_fetch_add(&room.caught, 1);
}

static void set_action(int number, void (*action)(int))
{
	struct sigaction set = { .sa_handler = action, .sa_flags = SA_RESTART };

	assert_int_equal(sigaction(number, &set, NULL), 0);
}

static void check_action(int number, void (*action)(int))
{
	struct sigaction found;

	assert_int_equal(sigaction(number, NULL, &found), 0);
	assert_ptr_equal(found.sa_handler, action);
	assert_int_equal(found.sa_flags & SA_RESTART, SA_RESTART);
}

static void check_mask(bool term, bool interrupt)
{
	sigset_t mask;

	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	assert_int_equal(sigismember(&mask, SIGTERM), term);
	assert_int_equal(sigismember(&mask, SIGINT), interrupt);
	assert_int_equal(sigismember(&mask, SIGUSR1), 1);
}

/* What it wrote to stderr. */
static int serve_quietly(const struct dgram_handler *served, char *text, size_t size)
{
	int saved = dup(STDERR_FILENO), file = memfd_create("stderr", MFD_CLOEXEC), result;
	ssize_t length;

	assert_true(saved >= 0 && file >= 0);
	assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
	result = dgram_serve(served, 0);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	length = pread(file, text, size - 1, 0);
	assert_true(length >= 0);
	text[length] = '\0';
	close(saved);
	close(file);
	return result;
}

/* A program that catches SIGTERM, ignores SIGINT and blocks SIGUSR1. */
static void begin(int first, int second)
{
	sigset_t mask;

	memset(&room, 0, sizeof(room));
	room.raised[0] = first;
	room.raised[1] = second;
	set_action(SIGTERM, catch_signal);
	set_action(SIGINT, SIG_IGN);
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR1);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
}

/* All is as before: nothing was caught, and the next signal is. */
static void check_end(void)
{
	check_mask(false, false);
	check_action(SIGTERM, catch_signal);
	check_action(SIGINT, SIG_IGN);
	assert_int_equal(room.caught, 0);
	assert_int_equal(raise(SIGINT), 0);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(room.caught, 1);
}

static void ends_by(int first, int second)
{
	struct sockaddr_in address;
	char log[8192];

	begin(first, second);
	assert_int_equal(serve_quietly(&handler, log, sizeof(log)), 0);
	assert_non_null(strstr(log, " info main draining "));
	assert_non_null(strstr(log, " info main ledger service=handler received=0 "));
	assert_true(room.served);
	memcpy(&address, &room.address, sizeof(address));
	assert_int_equal(address.sin_family, AF_INET);
	assert_int_equal(address.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	check_end();
}

static void test_signals(void **state)
{
	(void)state;
	ends_by(SIGTERM, 0);
	ends_by(SIGINT,
		0); /* which the program ignores, as a shell has it for what runs behind it */
	ends_by(SIGTERM, SIGINT);
}

/* A program that blocks them keeps them blocked, and one that is pending before the call ends it. */
static void test_blocked_before(void **state)
{
	sigset_t mask;
	char log[8192];

	(void)state;
	begin(0, 0);
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(serve_quietly(&handler, log, sizeof(log)), 0);
	check_mask(true, false);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &mask, NULL), 0);
	check_end();
}

static void test_refused(void **state)
{
	const struct dgram_handler other = { DGRAM_ABI, "No name", .handle = handle };
	char log[8192];

	(void)state;
	begin(0, 0);
	assert_int_equal(serve_quietly(&other, log, sizeof(log)), -EINVAL);
	assert_string_equal(log,
		"dgram_serve: services[0].handler->name: may have a-z, 0-9 and -, a letter first\n");
	check_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_blocked_before),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
