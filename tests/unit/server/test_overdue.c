/* A handler that runs for longer than handler_timeout_ms is counted once, and logged unless there was such a line
 * within the second; another number
 * says how many are overdue now. The timeout can be changed while the server runs. */
#include <pthread.h>
#include <stdlib.h>

#include "server_support.h"

static struct {
	_Atomic unsigned inside, open; /* handlers that hang, in all, and that may return */
	_Atomic unsigned wrong;	       /* reconfigurations that failed */
	struct dgram_server *server;
	_Atomic(const struct dgram_options *) next; /* to reconfigure with; NULL: that was done */
} room;

/* The owner's thread: the main thread looks on. */
static struct owner {
	pthread_t thread;
	int result, client;
	char log[40];
} owner;

/* Every request hangs until it may return. */
static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	unsigned number = atomic_fetch_add(&room.inside, 1) + 1;

	(void)state;
	(void)request;
	(void)reply;
	(void)size;
	while (!reaches(&room.open, number))
		;
	return 0;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle };

static void *serve(void *unused)
{
	(void)unused;
	owner.result = dgram_server_serve_forever(room.server);
	return NULL;
}

/* The hook runs in the owner's thread. */
static int reconfigure_when_told(void *context)
{
	const struct dgram_options *next = atomic_load(&room.next);

	(void)context;
	if (next == NULL)
		return 0;
	if (dgram_server_reconfigure(room.server, next) < 0)
		atomic_fetch_add(&room.wrong, 1);
	atomic_store(&room.next, NULL);
	return 0;
}

/* This also looks for overdue handlers at once. */
static void reconfigure(struct setup *setup, unsigned timeout_ms)
{
	setup->options.handler_timeout_ms = timeout_ms;
	atomic_store(&room.next, &setup->options);
	for (int i = 0; atomic_load(&room.next) != NULL && i < patience_ms(); i++)
		nap();
	assert_null(atomic_load(&room.next));
	assert_int_equal(room.wrong, 0);
}

/* With a `timeout_ms` of 0 nobody watches. */
static void begin(struct setup *setup, enum dgram_concurrency concurrency, unsigned timeout_ms)
{
	int fd;

	memset(&room, 0, sizeof(room));
	strcpy(owner.log, "/tmp/dgramd-watch-XXXXXX");
	fd = mkstemp(owner.log);
	assert_true(fd >= 0);
	close(fd);
	setup_init(setup, &handler);
	setup->services[0].concurrency = concurrency;
	setup->options.handler_timeout_ms = timeout_ms;
	setup->options.drain_timeout_ms = 600000;
	setup->options.hook = reconfigure_when_told;
	setup->options.hook_interval_ms = 5;
	setup->options.log_target = owner.log;
	room.server = start(setup);
	assert_int_equal(pthread_create(&owner.thread, NULL, serve, NULL), 0);
	owner.client = client_of(room.server, 0);
}

/* Let all handlers return, and stop; the log has lines on this many overdue ones at most, with this hint. */
static void end(unsigned overdue_most, const char *hint)
{
	FILE *log = fopen(owner.log, "re");
	unsigned overdue = 0, hints = 0;
	char line[1024];

	atomic_store(&room.open, 100);
	dgram_server_shutdown(room.server);
	assert_int_equal(pthread_join(owner.thread, NULL), 0);
	assert_int_equal(owner.result, 0);
	assert_int_equal(check_closed(room.server, 0).replied, atomic_load(&room.inside));
	dgram_server_free(room.server);
	close(owner.client);
	assert_non_null(log);
	while (fgets(line, sizeof(line), log) != NULL) {
		overdue += strstr(line, " handler overdue ") != NULL;
		hints += strstr(line, hint) != NULL;
	}
	(void)fclose(log);
	unlink(owner.log);
	assert_in_range(overdue, overdue_most > 0, overdue_most);
	assert_int_equal(hints, overdue);
}

static void hang(void)
{
	unsigned inside = atomic_load(&room.inside);

	tell(owner.client, "x", 1);
	assert_true(reaches(&room.inside, inside + 1));
}

/* Are these the overdue handlers so far, and the workers that are overdue now? */
static bool counts(unsigned handlers, unsigned workers)
{
	struct dgram_service_stats stats = stats_of(room.server, 0);

	return stats.handlers_overdue == handlers && stats.workers_overdue == workers;
}

static void await_overdue(unsigned handlers, unsigned workers)
{
	for (int i = 0; !counts(handlers, workers) && i < patience_ms(); i++)
		nap();
	assert_int_equal(stats_of(room.server, 0).handlers_overdue, handlers);
	assert_int_equal(stats_of(room.server, 0).workers_overdue, workers);
}

#define OF_A_WORKER "hint=\"the pool is one worker short until it returns\""
#define OF_A_RECEIVER "hint=\"its socket is not read until it returns\""

/* That another one is seen shows that it was looked for since: the first is not counted again. */
static void each_is_counted_once(void **state)
{
	struct setup setup;

	(void)state;
	begin(&setup, DGRAM_POOL, 20);
	assert_true(counts(0, 0));
	for (unsigned i = 1; i <= 3; i++) {
		hang();
		await_overdue(i, i);
	}
	atomic_store(&room.open, 3);
	await_overdue(3, 0);
	hang();
	await_overdue(4, 1);
	atomic_store(&room.open, 4);
	await_overdue(4, 0);
	end(4, OF_A_WORKER);
}

static void a_receiver_that_runs_the_handler_is_watched(void **state)
{
	struct setup setup;

	(void)state;
	begin(&setup, DGRAM_INLINE, 20);
	for (unsigned i = 1; i <= 2; i++) {
		hang();
		await_overdue(i, 1);
		atomic_store(&room.open, i);
		await_overdue(i, 0);
	}
	end(2, OF_A_RECEIVER);
}

static void none_is_counted_by_default(void **state)
{
	struct setup setup;

	(void)state;
	dgram_options_init(&setup.options, DGRAM_ABI);
	assert_int_equal(setup.options.handler_timeout_ms, 0);
	begin(&setup, DGRAM_POOL, 0);
	hang();
	reconfigure(&setup, 0);
	assert_true(counts(0, 0));
	end(0, OF_A_WORKER);
}

/* A handler that began unwatched is never overdue. One that is overdue when the watch ends counts for
 * workers_overdue no more; when the watch begins again it does, and handlers_overdue stays. */
static void the_watch_can_be_switched(void **state)
{
	struct setup setup;

	(void)state;
	begin(&setup, DGRAM_POOL, 0);
	hang();
	reconfigure(&setup, 20);
	hang();
	await_overdue(1, 1);
	reconfigure(&setup, 0);
	await_overdue(1, 0);
	reconfigure(&setup, 20);
	await_overdue(1, 1);
	hang();
	await_overdue(2, 2);
	reconfigure(&setup, 0);
	atomic_store(&room.open, 3); /* all return unwatched */
	await_idle(room.server, 0);
	reconfigure(&setup, 20);
	await_overdue(2, 0);
	hang();
	await_overdue(3, 1);
	end(3, OF_A_WORKER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_counted_once),
		cmocka_unit_test(a_receiver_that_runs_the_handler_is_watched),
		cmocka_unit_test(none_is_counted_by_default),
		cmocka_unit_test(the_watch_can_be_switched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
