/* Files of workers that come and go, beside those of receivers that stay, and the room for the main thread's line about each worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/resource.h>

#include "log_fixture.h"

static void say(struct log_ring *ring, const char *event)
{
	log_user_event(ring, LOG_LEVEL_INFO, event, NULL, 0);
}

static bool exists(const char *name)
{
	char path[PATH_ROOM];

	return access(in_directory(path, name), F_OK) == 0;
}

static void must_follow_the_number(bool threaded)
{
	char path[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "{worker}"));
	struct log_settings settings = settings_for(path);
	struct log_ring *rings[3], *receiver;
	unsigned before = count_descriptors();

	if (threaded)
		assert_int_equal(log_start(log), 0);
	assert_int_equal(log_set_workers(log, 2), 0);
	for (unsigned i = 0; i < 3; i++)
		rings[i] = new_ring(log, LOG_WORKER, i);
	receiver = new_ring(log, LOG_RECEIVER, 1);
	assert_false(exists("2"));
	assert_false(exists("rx0"));
	assert_int_equal(count_descriptors(), before + 3);
	say(rings[2], "without a file");
	assert_int_equal(log_apply(log, &settings), 0);
	assert_int_equal(log_set_workers(log, 3), 0);
	assert_int_equal(count_descriptors(), before + 4);
	say(rings[2], "with a file");
	say(rings[1], "before");
	say(receiver, "stays");
	assert_int_equal(log_set_workers(log, 1), 0);
	assert_int_equal(count_descriptors(), before + 2);
	say(rings[1], "after");
	say(rings[0], "first");
	say(receiver, "stays");
	assert_int_equal(log_reopen(log), 0);
	assert_int_equal(log_apply(log, &settings), 0);
	say(rings[1], "after");
	say(rings[0], "first");
	say(receiver, "stays");
	log_stop(log, 60000);
	assert_int_equal(log_lost(log), 0);
	log_free(log);
	assert_int_equal(count_in_file("main", " without a file worker=2\n"), 1);
	assert_int_equal(count_in_file("main", " after worker=1\n"), 2);
	assert_int_equal(count_in_file("main", "\n"), 3);
	assert_int_equal(count_in_file("2", " with a file worker=2\n"), 1);
	assert_int_equal(count_in_file("1", " before worker=1\n"), 1);
	assert_int_equal(count_in_file("1", "\n"), 1);
	assert_int_equal(count_in_file("0", " first worker=0\n"), 2);
	assert_int_equal(count_in_file("rx1", " rx/1 stays\n"), 3);
}

static void test_files_follow_the_number(void **state)
{
	(void)state;
	must_follow_the_number(true);
	assert_int_equal(remove_directory(NULL), 0);
	assert_int_equal(make_directory(NULL), 0);
	must_follow_the_number(false);
}

static void test_refused_number_changes_nothing(void **state)
{
	char path[PATH_ROOM], blocked[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "{worker}"));
	struct log_settings settings = settings_for(path);
	unsigned before;

	(void)state;
	assert_int_equal(log_set_workers(log, 1), 0);
	for (unsigned i = 0; i < 4; i++)
		(void)new_ring(log, LOG_WORKER, i);
	before = count_descriptors();
	assert_int_equal(mkdir(in_directory(blocked, "2"), 0700), 0);
	assert_int_equal(log_set_workers(log, 4), -EISDIR);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(log_apply(log, &settings), 0);
	assert_int_equal(count_descriptors(), before);
	log_free(log);
}

/* More workers than the limit of descriptors allows, then fewer again. */
static void test_limit_of_descriptors(void **state)
{
	char path[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "{worker}"));
	struct log_settings settings = settings_for(path);
	struct log_ring *ring = new_ring(log, LOG_WORKER, 0);
	struct rlimit before, few;
	unsigned i = 1;
	int error = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ (rlim_t)count_descriptors() + 10, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(log_start(log), 0);
	while (i < 100 && error == 0) {
		struct log_ring *unused;

		error = log_add_ring(log, LOG_WORKER, i++, &unused);
	}
	assert_int_equal(error, -EMFILE);
	assert_int_equal(log_apply(log, &settings), -EMFILE);
	assert_int_equal(log_set_workers(log, 1), 0);
	for (unsigned times = 0; times < 3; times++) {
		assert_int_equal(log_apply(log, &settings), 0);
		assert_int_equal(log_reopen(log), 0);
		say(ring, "still here");
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	log_free(log);
	assert_int_equal(count_in_file("0", " still here worker=0\n"), 3);
}

static void fill(const char *fifo)
{
	int fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	char bytes[4096] = { 0 };

	assert_true(fd >= 0);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	close(fd);
}

/* A summary of each worker finds room while the target takes nothing. */
static void test_main_logs_about_all_workers(void **state)
{
	char path[PATH_ROOM];
	struct log_settings settings = settings_for(in_directory(path, "fifo"));
	struct log_ring *ring;
	struct log *log;
	int reader;

	(void)state;
	settings.format = "json";
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	fill(path);
	log = new_log(path);
	assert_int_equal(log_apply(log, &settings), 0);
	ring = new_ring(log, LOG_MAIN, 0);
	assert_int_equal(log_start(log), 0);
	for (unsigned i = 0; i < LOG_WORKERS_MAX; i++)
		log_event_as(ring, (struct log_source){ LOG_WORKER, i }, EVENT_SUMMARY,
			LOG_FIELDS(log_uint("requests", 10000000), log_uint("errors", 100),
				log_int("busy_percent", 100), log_int("service_p99_us", 100000),
				log_int("interval_ms", 300000)));
	assert_int_equal(log_lost(log), 0);
	close(reader);
	log_free(log);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(test_files_follow_the_number),
		IN_DIRECTORY(test_refused_number_changes_nothing),
		IN_DIRECTORY(test_limit_of_descriptors),
		IN_DIRECTORY(test_main_logs_about_all_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
