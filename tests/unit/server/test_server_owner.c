/* One thread at a time owns a server: calls of others meanwhile are refused, and change nothing; later any other
 * thread may be the owner. Threads overlap their calls on purpose: the one that is in waits for the others to
 * be refused. */
#include <pthread.h>

#include "server_support.h"

#define THREADS 8u
#define REFUSALS (THREADS - 1)

static struct {
	struct dgram_server *server;
	const struct dgram_options *options;
	pthread_barrier_t begin;
	_Atomic unsigned refused, served,
		other; /* results: -EBUSY, what the one in returns, any else */
	_Atomic unsigned hooks;
	unsigned rounds; /* of each thread */
} room;

static void count(int result, int served)
{
	if (result == -EBUSY)
		atomic_fetch_add(&room.refused, 1);
	else if (result == served)
		atomic_fetch_add(&room.served, 1);
	else
		atomic_fetch_add(&room.other, 1);
}

/* Until all others were refused. */
static int end_once_all_are_refused(void *context)
{
	(void)context;
	atomic_fetch_add(&room.hooks, 1);
	return atomic_load(&room.refused) == REFUSALS ? 77 : 0;
}

static void setup_room(struct setup *setup)
{
	memset(&room, 0, sizeof(room));
	setup_init(setup, dgram_builtin_handler("echo"));
	setup->options.hook = end_once_all_are_refused;
	setup->options.hook_interval_ms = 1;
	room.options = &setup->options;
	assert_int_equal(pthread_barrier_init(&room.begin, NULL, THREADS), 0);
}

static void run_threads(void *(*main)(void *))
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, main, &room), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void must_have_counted(unsigned served, unsigned refused)
{
	assert_int_equal(room.served, served);
	assert_int_equal(room.refused, refused);
	assert_int_equal(room.other, 0);
}

static void *serve(void *unused)
{
	(void)unused;
	(void)pthread_barrier_wait(&room.begin);
	count(dgram_server_serve_forever(room.server), 77);
	return NULL;
}

static void one_of_many_serves(void **state)
{
	struct setup setup;

	(void)state;
	for (unsigned round = 0; round < scaled(60); round++) {
		setup_room(&setup);
		room.server = make(&setup);
		run_threads(serve);
		must_have_counted(1, REFUSALS);
		assert_int_equal(dgram_server_free(room.server), 0);
		pthread_barrier_destroy(&room.begin);
	}
	check_threads(0);
}

static void *handle_one(void *unused)
{
	(void)unused;
	(void)pthread_barrier_wait(&room.begin);
	count(dgram_server_handle_request(room.server, 1, -1), 1);
	return NULL;
}

/* What it waits for comes when all others were refused. */
static void *ask_once_all_are_refused(void *client)
{
	char reply[8];

	(void)reaches(&room.refused, REFUSALS);
	(void)ask(*(const int *)client, "x", reply, sizeof(reply));
	return NULL;
}

static void one_of_many_handles(void **state)
{
	struct setup setup;

	(void)state;
	for (unsigned round = 0; round < scaled(60); round++) {
		pthread_t asking;
		int client;

		setup_room(&setup);
		room.server = make(&setup);
		assert_int_equal(dgram_server_bind(room.server), 0);
		client = client_of(room.server, 0);
		assert_int_equal(
			pthread_create(&asking, NULL, ask_once_all_are_refused, &client), 0);
		run_threads(handle_one);
		assert_int_equal(pthread_join(asking, NULL), 0);
		must_have_counted(1, REFUSALS);
		assert_int_equal(check_closed(room.server, 0).replied, 1);
		assert_int_equal(dgram_server_free(room.server), 0);
		pthread_barrier_destroy(&room.begin);
		close(client);
	}
}

static void *call_everything(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < room.rounds; i++) {
		struct dgram_server *server = room.server;

		count(dgram_server_free(server), 0);
		count(dgram_server_bind(server), 0);
		count(dgram_server_start(server), 0);
		count(dgram_server_serve_forever(server), 0);
		count(dgram_server_handle_request(server, 0, -1), 0);
		count(dgram_server_reconfigure(server, room.options), 0);
		count(dgram_server_reopen_logs(server), 0);
		count(dgram_server_summarize(server), 0);
	}
	return NULL;
}

static int count_hook(void *context)
{
	(void)context;
	atomic_fetch_add(&room.hooks, 1);
	return 0;
}

static void *serve_alone(void *result)
{
	*(int *)result = dgram_server_serve_forever(room.server);
	return NULL;
}

static void a_served_server_refuses_all_others(void **state)
{
	struct setup setup;
	pthread_t owner;
	int result = -1, client;
	char reply[8];

	(void)state;
	setup_room(&setup);
	setup.options.hook = count_hook;
	room.rounds = scaled(500);
	room.server = make(&setup);
	assert_int_equal(pthread_create(&owner, NULL, serve_alone, &result), 0);
	assert_true(reaches(&room.hooks, 1));
	run_threads(call_everything);
	must_have_counted(0, 8 * THREADS * room.rounds);
	client = client_of(room.server, 0);
	assert_int_equal(ask(client, "hello", reply, sizeof(reply)), 5); /* it serves as before */
	dgram_server_shutdown(room.server);
	assert_int_equal(pthread_join(owner, NULL), 0);
	assert_int_equal(result, 0);
	assert_int_equal(check_closed(room.server, 0).replied, 1);
	assert_int_equal(dgram_server_free(room.server), 0);
	pthread_barrier_destroy(&room.begin);
	close(client);
}

/* Within the hook the same thread may not serve, nor free what it is in. */
static int call_from_the_hook(void *context)
{
	(void)context;
	count(dgram_server_free(room.server), 0);
	count(dgram_server_serve_forever(room.server), 0);
	count(dgram_server_handle_request(room.server, 0, 0), 0);
	count(dgram_server_start(room.server), 0);
	count(dgram_server_bind(room.server), 0);
	count(dgram_server_reconfigure(room.server, room.options), 0);
	count(dgram_server_reopen_logs(room.server), 0);
	count(dgram_server_summarize(room.server), 0);
	return 77;
}

static void what_the_hook_may_call(void **state)
{
	struct setup setup;

	(void)state;
	setup_room(&setup);
	setup.options.hook = call_from_the_hook;
	setup.options.hook_interval_ms = 0;
	room.server = make(&setup);
	assert_int_equal(dgram_server_serve_forever(room.server), 77);
	must_have_counted(3, 5);
	assert_int_equal(dgram_server_free(room.server), 0);
	pthread_barrier_destroy(&room.begin);
}

/* Its calls, each made by a thread of its own. */
struct step {
	int (*call)(struct dgram_server *server);
	int result;
};

static void *take_step(void *argument)
{
	struct step *step = argument;

	step->result = step->call(room.server);
	return NULL;
}

static int in_a_thread(int (*call)(struct dgram_server *server))
{
	struct step step = { .call = call };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, take_step, &step), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return step.result;
}

static int handle_now(struct dgram_server *server)
{
	return dgram_server_handle_request(server, 0, 0);
}

static int shut_down_and_serve(struct dgram_server *server)
{
	dgram_server_shutdown(server);
	return dgram_server_serve_forever(server);
}

static void ownership_moves(void **state)
{
	struct setup setup;
	int client;

	(void)state;
	setup_room(&setup);
	setup.options.hook = NULL;
	for (int threads = 0; threads < 2; threads++) {
		room.server = make(&setup);
		assert_int_equal(in_a_thread(dgram_server_bind), 0);
		client = client_of(room.server, 0);
		tell(client, "x", 1);
		if (threads == 1) {
			assert_int_equal(in_a_thread(dgram_server_start), 0);
			assert_int_equal(in_a_thread(shut_down_and_serve), 0);
		} else {
			assert_int_equal(in_a_thread(handle_now), 1);
			tell(client, "x", 1);
			assert_int_equal(in_a_thread(handle_now), 1);
		}
		assert_int_equal(check_closed(room.server, 0).replied, 2 - threads);
		assert_int_equal(dgram_server_free(room.server), 0);
		close(client);
	}
	room.server = make(&setup);
	assert_int_equal(in_a_thread(dgram_server_start), 0);
	assert_int_equal(in_a_thread(dgram_server_free), 0);
	check_threads(0);
	pthread_barrier_destroy(&room.begin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_many_serves),
		cmocka_unit_test(one_of_many_handles),
		cmocka_unit_test(a_served_server_refuses_all_others),
		cmocka_unit_test(what_the_hook_may_call),
		cmocka_unit_test(ownership_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
