/* link: -Wl,--wrap=calloc,--wrap=strdup,--wrap=pthread_create,--wrap=open,--wrap=fcntl */
/* Each allocation, thread creation and open fails in turn: an error comes out, nothing leaks, and a
 * log that was there works as before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "log_fixture.h"

static unsigned calls;	    /* since arm() */
static unsigned fails_from; /* this call, counted from 1; 0: none */
static unsigned fails_count;

static bool fails(void)
{
	calls++;
	return fails_from != 0 && calls >= fails_from && calls < fails_from + fails_count;
}

static void arm(unsigned from, unsigned count)
{
	calls = 0;
	fails_from = from;
	fails_count = count;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
	void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
	void *(*start)(void *), void *argument);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	return fails() ? EAGAIN : __real_pthread_create(thread, attributes, start, argument);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode)
{
	if (!fails())
		return __real_open(path, flags, mode);
	errno = EMFILE;
	return -1;
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, int argument);
int __wrap_fcntl(int fd, int command, int argument)
{
	if (!fails())
		return __real_fcntl(fd, command, argument);
	errno = EMFILE;
	return -1;
}

/* All of a log's life; returns the first error. */
static int live(const char *target)
{
	struct log_settings settings = settings_for(target);
	struct log_ring *main_ring, *worker;
	struct log *log = NULL;
	int error = log_new(&settings, 0, &log);

	if (error == 0)
		error = log_add_ring(log, LOG_MAIN, 0, &main_ring);
	if (error == 0)
		error = log_add_ring(log, LOG_WORKER, 0, &worker);
	if (error == 0)
		error = log_apply(log, &settings);
	if (error == 0)
		error = log_add_ring(log, LOG_WORKER, 1, &worker);
	if (error == 0)
		error = log_set_workers(log, 1);
	if (error == 0)
		error = log_set_workers(log, 2);
	if (error == 0)
		error = log_start(log);
	if (error == 0)
		error = log_reopen(log);
	if (error == 0)
		error = log_restyle(log, &settings);
	log_free(log);
	return error;
}

static void test_each_call_fails(void **state)
{
	char path[PATH_ROOM];
	unsigned before = count_descriptors(), all;

	(void)state;
	in_directory(path, "{worker}");
	arm(0, 0);
	assert_int_equal(live(path), 0);
	all = calls;
	assert_true(all > 10);
	for (unsigned i = 1; i <= all; i++) {
		int error;

		arm(i, 1);
		error = live(path);
		assert_true(error == -ENOMEM || error == -EAGAIN || error == -EMFILE);
		arm(0, 0);
		assert_int_equal(count_descriptors(), before);
	}
}

static void must_stay(struct log *log, struct log_ring *ring, unsigned *written)
{
	log_user_event(ring, LOG_LEVEL_INFO, "still here", NULL, 0);
	assert_int_equal(log_lost(log), 0);
	log_stop(log, 60000);
	assert_int_equal(count_in_file("0", " still here worker=0\n"), ++*written);
	assert_int_equal(log_start(log), 0);
}

/* From call `i` on, everything fails; then, only call `i` does. */
static void test_apply_and_reopen_keep_what_was(void **state)
{
	char path[PATH_ROOM], other[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "{worker}"));
	struct log_ring *ring = new_ring(log, LOG_WORKER, 0);
	struct log_settings settings = settings_for(in_directory(other, "other.{worker}"));
	unsigned written = 0, count = count_descriptors();
	int error = -1;

	(void)state;
	assert_int_equal(log_start(log), 0);
	for (unsigned i = 1; i <= 5; i++) {
		arm(i, UINT32_MAX / 2);
		assert_true(log_apply(log, &settings) < 0);
		arm(i, UINT32_MAX / 2);
		assert_true(log_reopen(log) < 0);
		arm(0, 0);
		assert_int_equal(count_descriptors(), count);
		must_stay(log, ring, &written);
	}
	for (unsigned i = 1; error < 0; i++) {
		arm(i, 1);
		error = log_reopen(log);
		arm(0, 0);
		assert_int_equal(count_descriptors(), count);
		must_stay(log, ring, &written);
	}
	log_free(log);
}

/* Without memory, the files of workers stay open until the settings are applied. */
static void test_fewer_workers_without_memory(void **state)
{
	char path[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "{worker}"));
	struct log_settings settings = settings_for(path);
	unsigned count = count_descriptors(), written = 0;
	struct log_ring *ring = new_ring(log, LOG_WORKER, 0);

	(void)state;
	(void)new_ring(log, LOG_WORKER, 1);
	assert_int_equal(log_start(log), 0);
	for (unsigned i = 1; i <= 2; i++) {
		arm(i, 1);
		assert_int_equal(log_set_workers(log, 1), -ENOMEM);
		arm(0, 0);
		assert_int_equal(count_descriptors(), count + 2);
		must_stay(log, ring, &written);
	}
	assert_int_equal(log_apply(log, &settings), 0);
	assert_int_equal(count_descriptors(), count + 1);
	must_stay(log, ring, &written);
	log_free(log);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(test_each_call_fails),
		IN_DIRECTORY(test_apply_and_reopen_keep_what_was),
		IN_DIRECTORY(test_fewer_workers_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
