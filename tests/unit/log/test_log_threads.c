/* The log with real threads: while targets and formats change, files are renamed and the writer
 * starts and stops, each line is written once, in its producer's order, or counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "log_fixture.h"
#include "support/scaled.h"

#define PRODUCERS 4

struct producer {
	pthread_t thread;
	struct log_ring *ring;
	unsigned number;
	unsigned lines;
	_Atomic bool *last;
	uint64_t logged;
};

/* Log at least `lines`, and until `last` is set. */
static void *produce(void *argument)
{
	struct producer *producer = argument;

	while (producer->logged < producer->lines || !atomic_load(producer->last))
		log_numbered(producer->ring, producer->number, producer->logged++);
	return NULL;
}

struct producers {
	struct producer each[PRODUCERS];
	_Atomic bool last;
};

static void start(struct producers *producers, struct log *log, unsigned lines)
{
	for (unsigned i = 0; i < PRODUCERS; i++) {
		struct producer *producer = &producers->each[i];

		*producer = (struct producer){
			.ring = new_ring(log, LOG_WORKER, i),
			.number = i,
			.lines = lines,
			.last = &producers->last,
		};
	}
	for (unsigned i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&producers->each[i].thread, NULL, produce,
					 &producers->each[i]),
			0);
}

static uint64_t join(struct producers *producers)
{
	uint64_t logged = 0;

	atomic_store(&producers->last, true);
	for (unsigned i = 0; i < PRODUCERS; i++) {
		assert_int_equal(pthread_join(producers->each[i].thread, NULL), 0);
		logged += producers->each[i].logged;
	}
	return logged;
}

static void test_many_lines(void **state)
{
	struct producers producers = { 0 };
	struct seen seen = { 0 };
	char path[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "log"));
	uint64_t logged;

	(void)state;
	assert_int_equal(log_start(log), 0);
	start(&producers, log, scaled(50000));
	logged = join(&producers);
	log_stop(log, 60000);
	see_file(&seen, "log");
	assert_int_equal(seen.bad + seen.unfinished, 0);
	assert_int_equal(seen.lines + log_lost(log), logged);
	assert_int_equal(seen.reported, log_lost(log));
	log_free(log);
}

static void test_start_and_stop_meanwhile(void **state)
{
	struct producers producers = { 0 };
	struct seen seen = { 0 };
	char path[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "log"));
	uint64_t logged;

	(void)state;
	start(&producers, log, 0);
	for (unsigned i = 0; i < scaled(40); i++) {
		assert_int_equal(log_start(log), 0);
		log_stop(log, 60000);
	}
	assert_int_equal(log_start(log), 0);
	logged = join(&producers);
	log_stop(log, 60000);
	see_file(&seen, "log");
	assert_int_equal(seen.bad + seen.unfinished, 0);
	assert_int_equal(seen.lines + log_lost(log), logged);
	assert_int_equal(seen.reported, log_lost(log));
	log_free(log);
}

static const char *old_name(char path[static PATH_ROOM], unsigned number)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "log.%u", number);
	return in_directory(path, name);
}

/* The files, in the order of their renaming, hold each producer's lines in order: no line is lost
 * or in two files. */
static void test_reopen_meanwhile(void **state)
{
	struct producers producers = { 0 };
	struct seen seen = { 0 };
	char path[PATH_ROOM], old[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "log"));
	unsigned rounds = scaled(40);
	uint64_t logged;

	(void)state;
	assert_int_equal(log_start(log), 0);
	start(&producers, log, 0);
	for (unsigned i = 0; i < rounds; i++) {
		assert_int_equal(rename(path, old_name(old, i)), 0);
		assert_int_equal(log_reopen(log), 0);
	}
	logged = join(&producers);
	log_stop(log, 60000);
	for (unsigned i = 0; i < rounds; i++)
		see_file(&seen, strrchr(old_name(old, i), '/') + 1);
	see_file(&seen, "log");
	assert_int_equal(seen.bad + seen.unfinished, 0);
	assert_int_equal(seen.lines + log_lost(log), logged);
	assert_int_equal(seen.reported, log_lost(log));
	log_free(log);
}

/* Each file has lines of one format only. */
static void test_apply_meanwhile(void **state)
{
	struct producers producers = { 0 };
	char plain[PATH_ROOM], json[PATH_ROOM];
	struct log_settings settings[] = {
		settings_for(in_directory(plain, "plain")),
		settings_for(in_directory(json, "json")),
	};
	struct log *log = new_log(plain);
	uint64_t logged, written, notes;

	(void)state;
	settings[1].format = "json";
	assert_int_equal(log_start(log), 0);
	start(&producers, log, 0);
	for (unsigned i = 0; i < scaled(40); i++)
		assert_int_equal(log_apply(log, &settings[i % 2]), 0);
	logged = join(&producers);
	log_stop(log, 60000);
	assert_int_equal(count_in_file("plain", "\n"),
		count_in_file("plain", "Z info worker/") + count_in_file("plain", "Z warn "));
	assert_int_equal(count_in_file("json", "\n"), count_in_file("json", "{\"time\":"));
	written = count_in_file("plain", "\n") + count_in_file("json", "\n");
	notes = count_in_file("plain", "log lines lost") + count_in_file("json", "log lines lost");
	assert_int_equal(written - notes + log_lost(log), logged);
	log_free(log);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(test_many_lines),
		IN_DIRECTORY(test_start_and_stop_meanwhile),
		IN_DIRECTORY(test_reopen_meanwhile),
		IN_DIRECTORY(test_apply_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
