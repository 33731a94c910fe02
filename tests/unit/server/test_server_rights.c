/* The moments that a program has to give up rights: on_bound() and on_thread(). */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "server_support.h"

static char log_path[64];

static struct {
	struct dgram_server *server;
	unsigned bound;
	int bound_error;
	bool opened;  /* the handler */
	bool had_log; /* when on_bound() was called */
	bool had_socket;
	_Atomic unsigned threads[DGRAM_THREAD_LOG + 1];
	_Atomic bool in_owner;
	_Atomic unsigned started; /* workers of the handler */
	_Atomic bool too_early;	  /* a worker's on_thread() before its worker_start() */
	enum dgram_thread refuses;
	int thread_error;
	pthread_t owner;
} room;

static ssize_t echo(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)reply_size;
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}

static int open_state(void *context, const struct dgram_start *start, void **ret_state)
{
	(void)context, (void)start, (void)ret_state;
	room.opened = true;
	return 0;
}

static _Thread_local bool has_started;

static int start_worker(void *state, const struct dgram_start *start, void **ret_worker_state)
{
	(void)state, (void)start, (void)ret_worker_state;
	has_started = true;
	return 0;
}

static const struct dgram_handler handler = { DGRAM_ABI, "echo", .handle = echo, .open = open_state,
	.worker_start = start_worker };

static int on_bound(void *context)
{
	assert_ptr_equal(context, &room);
	room.bound++;
	room.had_log = access(log_path, F_OK) == 0;
	room.had_socket = dgram_server_fileno(room.server, 0, 0) >= 0;
	assert_false(room.opened);
	return room.bound_error;
}

static int on_thread(void *context, enum dgram_thread thread)
{
	assert_ptr_equal(context, &room);
	atomic_fetch_add(&room.threads[thread], 1);
	if (pthread_equal(pthread_self(), room.owner))
		atomic_store(&room.in_owner, true);
	if (thread == DGRAM_THREAD_WORKER && !has_started)
		atomic_store(&room.too_early, true);
	return thread == room.refuses ? room.thread_error : 0;
}

static void prepare(struct setup *setup)
{
	memset(&room, 0, sizeof(room));
	room.owner = pthread_self();
	(void)snprintf(log_path, sizeof(log_path), "/tmp/dgram-rights-%d", (int)getpid());
	(void)unlink(log_path);
	setup_init(setup, &handler);
	setup->services[0].receivers = 2;
	setup->options.workers = 3;
	setup->options.log_target = log_path;
	setup->options.on_bound = on_bound;
	setup->options.on_thread = on_thread;
	setup->options.start_context = &room;
}

static unsigned count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static void on_bound_comes_between_sockets_and_files(void **state)
{
	struct setup setup;

	(void)state;
	prepare(&setup);
	room.server = make(&setup);
	assert_int_equal(dgram_server_bind(room.server), 0);
	assert_int_equal(room.bound, 1);
	assert_true(room.had_socket);
	assert_false(room.had_log);
	assert_true(room.opened);
	assert_int_equal(access(log_path, F_OK), 0);
	assert_int_equal(dgram_server_free(room.server), 0);
	assert_int_equal(unlink(log_path), 0);
}

static void its_error_opens_nothing(void **state)
{
	unsigned before = count_descriptors();
	struct setup setup;

	(void)state;
	prepare(&setup);
	room.bound_error = -EPERM;
	room.server = make(&setup);
	assert_int_equal(dgram_server_start(room.server), -EPERM);
	assert_false(room.opened);
	assert_int_equal(access(log_path, F_OK), -1);
	assert_int_equal(dgram_server_fileno(room.server, 0, 0), -EBADF);
	assert_int_equal(dgram_server_free(room.server), 0);
	assert_int_equal(count_descriptors(), before);
}

/* What cannot be bound is in the log, which is opened after it. */
static void a_taken_port_is_logged_by_who_is_left(void **state)
{
	struct dgram_server *other;
	struct setup setup;
	struct stat status;

	(void)state;
	prepare(&setup);
	own_address(&setup.services[0], 1);
	setup.options.on_bound = NULL;
	setup.options.on_thread = NULL;
	setup.options.log_target = "none";
	setup.services[0].receivers = 1;
	other = start(&setup);
	setup.options.on_bound = on_bound;
	setup.options.log_target = log_path;
	memset(&room, 0, sizeof(room));
	room.server = make(&setup);
	assert_int_equal(dgram_server_start(room.server), -EADDRINUSE);
	assert_int_equal(room.bound, 1);
	assert_false(room.opened);
	assert_int_equal(stat(log_path, &status), 0);
	assert_true(status.st_size > 0);
	assert_int_equal(dgram_server_free(room.server), 0);
	stop(other);
	assert_int_equal(dgram_server_free(other), 0);
	assert_int_equal(unlink(log_path), 0);
}

static void on_thread_comes_in_each_thread(void **state)
{
	struct setup setup;
	char reply[8];
	int client;

	(void)state;
	prepare(&setup);
	room.server = make(&setup);
	assert_int_equal(dgram_server_start(room.server), 0);
	assert_int_equal(atomic_load(&room.threads[DGRAM_THREAD_RECEIVER]), 2);
	assert_int_equal(atomic_load(&room.threads[DGRAM_THREAD_WORKER]), 3);
	assert_int_equal(atomic_load(&room.threads[DGRAM_THREAD_LOG]), 1);
	client = client_of(room.server, 0);
	assert_int_equal(ask(client, "hello", reply, sizeof(reply)), 5);
	close(client);
	setup.options.workers = 5;
	assert_int_equal(dgram_server_reconfigure(room.server, &setup.options), 0);
	assert_int_equal(atomic_load(&room.threads[DGRAM_THREAD_WORKER]), 5);
	assert_false(atomic_load(&room.in_owner));
	assert_false(atomic_load(&room.too_early));

	room.refuses = DGRAM_THREAD_WORKER;
	room.thread_error = -EPERM;
	setup.options.workers = 6;
	assert_int_equal(dgram_server_reconfigure(room.server, &setup.options), -EPERM);
	stop(room.server);
	assert_int_equal(dgram_server_free(room.server), 0);
	assert_int_equal(unlink(log_path), 0);
}

static void its_error_starts_nothing(void **state)
{
	static const enum dgram_thread kinds[] = { DGRAM_THREAD_RECEIVER, DGRAM_THREAD_WORKER,
		DGRAM_THREAD_LOG };

	(void)state;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct setup setup;

		prepare(&setup);
		room.refuses = kinds[i];
		room.thread_error = -ENOEXEC;
		room.server = make(&setup);
		assert_int_equal(dgram_server_start(room.server), -ENOEXEC);
		room.thread_error = 0;
		assert_int_equal(dgram_server_start(room.server), 0);
		stop(room.server);
		assert_int_equal(dgram_server_free(room.server), 0);
		assert_int_equal(unlink(log_path), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_bound_comes_between_sockets_and_files),
		cmocka_unit_test(its_error_opens_nothing),
		cmocka_unit_test(a_taken_port_is_logged_by_who_is_left),
		cmocka_unit_test(on_thread_comes_in_each_thread),
		cmocka_unit_test(its_error_starts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
