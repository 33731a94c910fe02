/* A target that does not take the lines: each line is written or counted, exactly, and the lines
 * that report lost ones add up to the count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>

#include "log_fixture.h"

/* More than pipe, batch and ring take. */
#define MANY 8000u

/* A FIFO, the log's target, and its reading end. */
static struct log *new_fifo_log(int *ret_reader)
{
	char path[PATH_ROOM];

	assert_int_equal(mkfifo(in_directory(path, "fifo"), 0600), 0);
	*ret_reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(*ret_reader >= 0);
	return new_log(path);
}

struct drain {
	int fd;
	size_t length;
	char *text;
};

static void *drain_main(void *argument)
{
	struct drain *drain = argument;

	drain->text = read_all(drain->fd, &drain->length);
	return NULL;
}

/* Start to read, stop the log, and see what came. */
static void drain_and_free(struct log *log, int reader, struct seen *seen, uint64_t *ret_lost)
{
	struct drain drain = { .fd = reader };
	pthread_t thread;

	assert_int_equal(fcntl(reader, F_SETFL, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, drain_main, &drain), 0);
	log_stop(log, 60000);
	*ret_lost = log_lost(log);
	log_free(log);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(reader);
	see_text(seen, drain.text, drain.length);
	free(drain.text);
}

static void test_a_full_ring_counts(void **state)
{
	struct seen seen = { 0 };
	uint64_t lost;
	int reader;
	struct log *log = new_fifo_log(&reader);
	struct log_ring *first = new_ring(log, LOG_MAIN, 0);
	struct log_ring *second = new_ring(log, LOG_WORKER, 1);

	(void)state;
	assert_int_equal(log_start(log), 0);
	for (unsigned i = 0; i < MANY; i++) {
		log_numbered(first, 0, i);
		log_numbered(second, 1, i);
	}
	assert_true(log_lost(log) > 0);
	drain_and_free(log, reader, &seen, &lost);
	assert_int_equal(seen.bad + seen.unfinished, 0);
	assert_int_equal(seen.lines + lost, 2 * MANY);
	assert_int_equal(seen.reported, lost);
}

/* Each gap is reported at its place, in the name of the ring. */
static void must_report_gaps(const char *text, size_t text_length, uint64_t last)
{
	const char note[] = " warn worker/3 log lines lost worker=3 lost=";
	uint64_t expected = 0, number = 0, lost = 0;
	size_t length;

	for (const char *line = text; line < text + text_length; line += length + 1) {
		const char *end = memchr(line, '\n', (size_t)(text + text_length - line));

		assert_non_null(end);
		length = (size_t)(end - line);
		if (find_number(line, length, "lost", &lost)) {
			assert_non_null(memmem(line, length, note, strlen(note)));
			continue;
		}
		assert_true(find_number(line, length, "number", &number));
		assert_int_equal(number, expected + lost);
		expected = number + 1;
		lost = 0;
	}
	assert_int_equal(expected + lost, last);
}

static void test_gaps_are_reported_where_they_are(void **state)
{
	struct drain drain = { 0 };
	pthread_t thread;
	struct log *log = new_fifo_log(&drain.fd);
	struct log_ring *ring = new_ring(log, LOG_WORKER, 3);
	uint64_t number = 0;

	(void)state;
	assert_int_equal(log_start(log), 0);
	while (number < MANY)
		log_numbered(ring, 3, number++);
	assert_true(log_lost(log) > 0);
	assert_int_equal(fcntl(drain.fd, F_SETFL, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, drain_main, &drain), 0);
	/* Until the ring has room again, then some more. */
	for (uint64_t lost = UINT64_MAX; lost != log_lost(log);) {
		lost = log_lost(log);
		(void)poll(NULL, 0, 1);
		log_numbered(ring, 3, number++);
	}
	log_stop(log, 60000);
	assert_true(log_lost(log) > 0);
	log_free(log);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(drain.fd);
	must_report_gaps(drain.text, drain.length, number);
	free(drain.text);
}

static void test_stop_with_a_blocked_pipe(void **state)
{
	struct seen seen = { 0 };
	uint64_t lost;
	size_t length;
	char *text;
	int reader;
	struct log *log = new_fifo_log(&reader);
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);

	(void)state;
	assert_int_equal(log_start(log), 0);
	for (unsigned i = 0; i < MANY; i++)
		log_numbered(ring, 0, i);
	log_stop(log, 100);
	for (unsigned i = 0; i < 10; i++)
		log_numbered(ring, 0, MANY + i);
	lost = log_lost(log);
	log_free(log);
	text = read_all(reader, &length);
	close(reader);
	see_text(&seen, text, length);
	free(text);
	assert_int_equal(seen.bad + seen.unfinished, 0);
	assert_int_equal(seen.lines + lost, MANY + 10);
}

/* A new target takes over from a blocked one, and reports what that one lost. */
static void test_apply_with_a_blocked_pipe(void **state)
{
	struct seen seen = { 0 };
	char path[PATH_ROOM];
	size_t length;
	char *text;
	int reader;
	struct log *log = new_fifo_log(&reader);
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);
	struct log_settings settings = settings_for(in_directory(path, "log"));
	uint64_t lost;

	(void)state;
	assert_int_equal(log_start(log), 0);
	for (unsigned i = 0; i < MANY; i++)
		log_numbered(ring, 0, i);
	assert_int_equal(log_apply(log, &settings), 0);
	log_numbered(ring, 0, MANY);
	log_stop(log, 60000);
	lost = log_lost(log);
	log_free(log);
	text = read_all(reader, &length);
	close(reader);
	see_text(&seen, text, length);
	free(text);
	see_file(&seen, "log");
	assert_int_equal(seen.bad + seen.unfinished, 0);
	assert_int_equal(seen.lines + lost, MANY + 1);
	assert_int_equal(seen.reported, lost);
	assert_true(lost > 0);
}

/* Lines of JSON, and nothing else. */
static void see_json(struct seen *seen, const char *name)
{
	size_t length;
	char *text = file_text(name, &length);

	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		const char *lost = strstr(line, "\"lost\":");

		assert_int_equal(*line, '{');
		if (lost != NULL && lost < strchr(line, '\n'))
			seen->reported += strtoull(lost + strlen("\"lost\":"), NULL, 10);
		else
			seen->lines++;
	}
	free(text);
}

/* What was formatted for the old target does not go to the new one. */
static void test_apply_another_format_with_a_blocked_pipe(void **state)
{
	struct seen seen = { 0 }, seen_json = { 0 };
	char path[PATH_ROOM];
	size_t length;
	char *text;
	int reader;
	struct log *log = new_fifo_log(&reader);
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);
	struct log_ring *worker = new_ring(log, LOG_WORKER, 1);
	struct log_settings settings = settings_for(in_directory(path, "log"));
	uint64_t lost;

	(void)state;
	settings.format = "json";
	assert_int_equal(log_start(log), 0);
	for (unsigned i = 0; i < MANY; i++) {
		log_numbered(ring, 0, i);
		log_numbered(worker, 1, i);
	}
	assert_int_equal(log_apply(log, &settings), 0);
	log_numbered(ring, 0, MANY);
	log_numbered(worker, 1, MANY);
	log_stop(log, 60000);
	lost = log_lost(log);
	log_free(log);
	text = read_all(reader, &length);
	close(reader);
	see_text(&seen, text, length);
	free(text);
	see_json(&seen_json, "log");
	assert_int_equal(seen.bad + seen.unfinished, 0);
	assert_int_equal(seen_json.lines, 2);
	assert_int_equal(seen.lines + lost, 2 * MANY);
	assert_int_equal(seen.reported + seen_json.reported, lost);
}

static void must_lose_all(bool threaded)
{
	char path[PATH_ROOM];
	struct seen seen = { 0 };
	struct log_settings settings = settings_for(in_directory(path, "log"));
	struct log *log = new_log("/dev/full");
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);

	if (threaded)
		assert_int_equal(log_start(log), 0);
	for (unsigned i = 0; i < 1000; i++)
		log_numbered(ring, 0, i);
	assert_int_equal(log_apply(log, &settings), 0);
	assert_int_equal(log_lost(log), 1000);
	log_numbered(ring, 0, 1000);
	log_free(log);
	see_file(&seen, "log");
	assert_int_equal(seen.lines, 1);
	assert_int_equal(seen.reports, 1);
	assert_int_equal(seen.reported, 1000);
	assert_int_equal(count_in_file("log", " error=ENOSPC\n"), 1);
}

static void test_full_device(void **state)
{
	(void)state;
	must_lose_all(true);
	assert_int_equal(remove_directory(NULL), 0);
	assert_int_equal(make_directory(NULL), 0);
	must_lose_all(false);
}

/* Lines that come after the reader came back are written; those before are counted. */
static void test_a_reader_comes_back(void **state)
{
	char path[PATH_ROOM];
	struct seen seen = { 0 };
	struct pollfd readable = { .events = POLLIN };
	uint64_t lost, count = 0;
	int reader;
	struct log *log = new_fifo_log(&reader);
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);

	(void)state;
	close(reader);
	while (count < 10)
		log_numbered(ring, 0, count++);
	assert_int_equal(log_lost(log), 10);
	assert_int_equal(log_start(log), 0);
	readable.fd = open(in_directory(path, "fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(readable.fd >= 0);
	do {
		log_numbered(ring, 0, count++);
	} while (poll(&readable, 1, 10) == 0);
	drain_and_free(log, readable.fd, &seen, &lost);
	assert_int_equal(seen.bad + seen.unfinished, 0);
	assert_int_equal(seen.lines + lost, count);
	assert_int_equal(seen.reported, lost);
	assert_true(lost >= 10);
}

/* A target that failed is tried again at the end. */
static void test_stop_tries_once_more(void **state)
{
	char path[PATH_ROOM];
	struct seen seen = { 0 };
	uint64_t lost, count = 0;
	int reader;
	struct log *log = new_fifo_log(&reader);
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);

	(void)state;
	close(reader);
	while (count < 10)
		log_numbered(ring, 0, count++);
	assert_int_equal(log_lost(log), 10);
	assert_int_equal(log_start(log), 0);
	reader = open(in_directory(path, "fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	drain_and_free(log, reader, &seen, &lost);
	assert_int_equal(seen.bad + seen.unfinished, 0);
	assert_int_equal(seen.lines + lost, count);
	assert_int_equal(seen.reported, lost);
}

#define FIRST 1000u /* numbers of four digits: all lines have the same length */
#define LIMITED 200u

/* In a child: files may grow to `limit`, and later to any size. Returns the lines logged. SIGXFSZ
 * would end the child. */
static uint64_t write_up_to(rlim_t limit, bool threaded)
{
	char path[PATH_ROOM];
	struct rlimit file_size = { limit, RLIM_INFINITY };
	struct log *log = new_log(in_directory(path, "log"));
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);
	uint64_t lost, number = FIRST;

	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &file_size), 0);
	if (threaded)
		assert_int_equal(log_start(log), 0);
	while (number < FIRST + LIMITED)
		log_numbered(ring, 0, number++);
	log_stop(log, 60000);
	file_size.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &file_size), 0);
	do {
		lost = log_lost(log);
		(void)poll(NULL, 0, 10);
		log_numbered(ring, 0, number++);
	} while (log_lost(log) > lost);
	log_free(log);
	return number - FIRST;
}

/* `partial`: the line that met the limit stays unfinished. */
static void must_bear_limit(rlim_t limit, bool threaded, bool partial)
{
	struct seen seen = { 0 };
	char path[PATH_ROOM];
	uint64_t count;
	int result[2], status;
	pid_t child;

	(void)remove(in_directory(path, "log"));
	assert_int_equal(pipe(result), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		count = write_up_to(limit, threaded);
		_exit(write(result[1], &count, sizeof(count)) != sizeof(count));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(read(result[0], &count, sizeof(count)), sizeof(count));
	close(result[0]);
	close(result[1]);
	see_file(&seen, "log");
	assert_int_equal(seen.bad, partial);
	assert_int_equal(seen.unfinished, 0);
	assert_int_equal(seen.lines + seen.reported, count);
	assert_int_equal(count_in_file("log", " error=EFBIG\n"), seen.reports);
	assert_true(seen.reports > 0);
}

static void test_file_size_limit(void **state)
{
	char path[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "log"));
	struct stat status;
	rlim_t line;

	(void)state;
	log_numbered(new_ring(log, LOG_MAIN, 0), 0, FIRST);
	log_free(log);
	assert_int_equal(stat(path, &status), 0);
	line = (rlim_t)status.st_size;
	for (unsigned threaded = 0; threaded < 2; threaded++) {
		must_bear_limit(0, threaded, false);
		must_bear_limit(line, threaded, false);
		must_bear_limit(line + 1, threaded, true);
		must_bear_limit(2 * line - 2, threaded, true);
		must_bear_limit(2 * line - 1, threaded, false); /* lacks only the newline */
		must_bear_limit(5000, threaded, 5000 % line != 0 && 5000 % line != line - 1);
	}
}

/* In a child, whose stderr is a terminal that nobody reads; returns the lines lost. */
static uint64_t write_to_terminal(const char *name)
{
	struct log_settings settings = settings_for("stderr");
	int fd = open(name, O_RDWR | O_NOCTTY);
	struct log_ring *ring;
	struct log *log;
	uint64_t lost;

	(void)alarm(60);
	if (dup2(fd, STDERR_FILENO) < 0 || log_new(&settings, 0, &log) < 0 ||
		log_apply(log, &settings) < 0 || log_add_ring(log, LOG_MAIN, 0, &ring) < 0 ||
		log_start(log) < 0)
		_exit(1);
	for (uint64_t i = 0; i < MANY; i++)
		log_numbered(ring, 0, FIRST + i);
	log_stop(log, 300);
	if ((fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) != 0)
		_exit(2);
	lost = log_lost(log);
	log_free(log);
	return lost;
}

/* A terminal that changes no byte; returns its other end. */
static int open_terminal(int *ret_fd)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios modes;

	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	*ret_fd = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(*ret_fd, &modes), 0);
	cfmakeraw(&modes);
	assert_int_equal(tcsetattr(*ret_fd, TCSANOW, &modes), 0);
	return terminal;
}

/* All lines have the same length; the last can be cut, or lack only the newline. */
static void test_stop_with_a_terminal_that_nobody_reads(void **state)
{
	struct seen seen = { 0 };
	uint64_t lost;
	size_t length;
	char *text;
	int result[2], status, fd;
	int terminal = open_terminal(&fd);
	pid_t child;

	(void)state;
	assert_int_equal(pipe(result), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		lost = write_to_terminal(ptsname(terminal));
		_exit(write(result[1], &lost, sizeof(lost)) != sizeof(lost));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(read(result[0], &lost, sizeof(lost)), sizeof(lost));
	close(result[0]);
	close(result[1]);
	close(fd);
	text = read_all(terminal, &length);
	close(terminal);
	see_text(&seen, text, length);
	assert_int_equal(seen.bad, 0);
	assert_true(lost > 0);
	assert_int_equal((length + 1) / (strcspn(text, "\n") + 1) + lost, MANY);
	free(text);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(test_a_full_ring_counts),
		IN_DIRECTORY(test_gaps_are_reported_where_they_are),
		IN_DIRECTORY(test_stop_with_a_blocked_pipe),
		IN_DIRECTORY(test_apply_with_a_blocked_pipe),
		IN_DIRECTORY(test_apply_another_format_with_a_blocked_pipe),
		IN_DIRECTORY(test_full_device),
		IN_DIRECTORY(test_a_reader_comes_back),
		IN_DIRECTORY(test_stop_tries_once_more),
		IN_DIRECTORY(test_file_size_limit),
		cmocka_unit_test(test_stop_with_a_terminal_that_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
