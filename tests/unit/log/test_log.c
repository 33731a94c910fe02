/* The log: where lines go, and what changes while it runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "log_fixture.h"

static void say(struct log_ring *ring, const char *event)
{
	log_user_event(ring, LOG_LEVEL_INFO, event, NULL, 0);
}

static void must_hold(const char *name, const char *what, unsigned times)
{
	assert_int_equal(count_in_file(name, what), times);
}

static void test_written_with_and_without_a_writer(void **state)
{
	char path[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "log"));
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);

	(void)state;
	say(ring, "before");
	must_hold("log", " info main before\n", 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(log_start(log), 0);
		say(ring, "between");
		log_stop(log, 10000);
		must_hold("log", " info main between\n", i + 1);
	}
	log_stop(log, 0);
	say(ring, "after");
	must_hold("log", " info main after\n", 1);
	assert_int_equal(log_start(log), 0);
	say(ring, "last");
	log_free(log);
	must_hold("log", "\n", 6);
	must_hold("log", " info main last\n", 1);
}

static void test_mode_of_files(void **state)
{
	char path[PATH_ROOM];
	struct stat status;
	mode_t before = umask(0);
	struct log *log = new_log(in_directory(path, "log"));

	(void)state;
	umask(before);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	log_free(log);
}

static void test_files_of_threads(void **state)
{
	char path[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "{worker}.log"));
	struct log_ring *main_ring = new_ring(log, LOG_MAIN, 0);
	struct log_ring *receiver = new_ring(log, LOG_RECEIVER, 1);
	struct log_ring *worker = new_ring(log, LOG_WORKER, 1);
	struct log_source known = { LOG_WORKER, 1 };
	struct log_source unknown = { LOG_WORKER, 7 };
	struct log_source known_receiver = { LOG_RECEIVER, 1 };
	struct log_source unknown_receiver = { LOG_RECEIVER, 0 };

	(void)state;
	assert_int_equal(log_start(log), 0);
	say(main_ring, "of main");
	say(receiver, "of the receiver");
	say(worker, "of the worker");
	say(new_ring(log, LOG_WORKER, 2), "of a later worker");
	log_event_as(main_ring, known, EVENT_SUMMARY, LOG_FIELDS(log_uint("requests", 5)));
	log_event_as(main_ring, unknown, EVENT_SUMMARY, NULL, 0);
	log_event_as(main_ring, known_receiver, EVENT_SUMMARY, LOG_FIELDS(log_uint("requests", 6)));
	log_event_as(main_ring, unknown_receiver, EVENT_SUMMARY, NULL, 0);
	log_free(log);
	must_hold("main.log", "\n", 3);
	must_hold("main.log", " info main of main\n", 1);
	must_hold("main.log", " info worker/7 summary worker=7\n", 1);
	must_hold("main.log", " info rx/0 summary\n", 1);
	must_hold("rx1.log", "\n", 2);
	must_hold("rx1.log", " info rx/1 of the receiver\n", 1);
	must_hold("rx1.log", " info rx/1 summary requests=6\n", 1);
	must_hold("1.log", "\n", 2);
	must_hold("1.log", " info worker/1 of the worker worker=1\n", 1);
	must_hold("1.log", " info worker/1 summary worker=1 requests=5\n", 1);
	must_hold("2.log", "\n", 1);
	must_hold("2.log", " info worker/2 of a later worker worker=2\n", 1);
}

static void test_levels_change_at_once(void **state)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char path[PATH_ROOM];
	struct log_settings settings = settings_for(in_directory(path, "log"));
	struct log *log = new_log(path);
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);

	(void)state;
	assert_int_equal(log_start(log), 0);
	for (unsigned level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		settings.level = level;
		assert_int_equal(log_apply(log, &settings), 0);
		for (unsigned i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
			assert_int_equal(log_enabled(ring, i), i <= level);
			log_user_event(ring, i, names[i], NULL, 0);
		}
	}
	settings.target = "none";
	assert_int_equal(log_apply(log, &settings), 0);
	assert_false(log_enabled(ring, LOG_LEVEL_ERROR));
	log_user_event(ring, LOG_LEVEL_ERROR, "nowhere", NULL, 0);
	assert_int_equal(log_lost(log), 0);
	log_free(log);
	must_hold("log", " error main error\n", 4);
	must_hold("log", " warn main warn\n", 3);
	must_hold("log", " info main info\n", 2);
	must_hold("log", " debug main debug\n", 1);
	must_hold("log", "\n", 10);
}

static void must_refuse(struct log *log, const struct log_settings *settings, int error)
{
	assert_int_equal(log_apply(log, settings), error);
}

static void test_refused_settings_change_nothing(void **state)
{
	char path[PATH_ROOM], bad[PATH_ROOM], directory_path[PATH_ROOM];
	struct log_settings settings = settings_for(in_directory(bad, "no/log"));
	char *long_path = malloc(5000);
	struct log *log = new_log(in_directory(path, "log"));
	struct log_ring *ring = new_ring(log, LOG_WORKER, 1);

	(void)state;
	settings.level = LOG_LEVEL_DEBUG;
	settings.format = "json";
	must_refuse(log, &settings, -ENOENT);
	assert_int_equal(mkdir(in_directory(directory_path, "1.log"), 0700), 0);
	settings.target = in_directory(bad, "{worker}.log");
	must_refuse(log, &settings, -EISDIR);
	assert_int_equal(mkfifo(in_directory(bad, "fifo"), 0600), 0);
	settings.target = bad;
	must_refuse(log, &settings, -ENXIO);
	memset(long_path, 'a', 4999);
	long_path[4999] = '\0';
	settings.target = long_path;
	must_refuse(log, &settings, -ENAMETOOLONG);
	settings.target = "";
	must_refuse(log, &settings, -EINVAL);
	settings.target = path;
	settings.format = "xml";
	must_refuse(log, &settings, -EINVAL);
	settings.format = "json";
	settings.color = "red";
	must_refuse(log, &settings, -EINVAL);
	say(ring, "still here");
	assert_false(log_enabled(ring, LOG_LEVEL_DEBUG));
	log_free(log);
	free(long_path);
	must_hold("log", " info worker/1 still here worker=1\n", 1);
}

/* The level, form and colour of other settings, in the files that are open. */
static void test_restyle_opens_nothing(void **state)
{
	char path[PATH_ROOM], old[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "log"));
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);
	struct log_settings settings = settings_for(path);

	(void)state;
	assert_int_equal(rename(path, in_directory(old, "old")), 0);
	assert_true(log_has_target(log, path));
	assert_false(log_has_target(log, old));
	settings.format = "json";
	settings.level = LOG_LEVEL_DEBUG;
	assert_int_equal(log_restyle(log, &settings), 0);
	assert_true(log_enabled(ring, LOG_LEVEL_DEBUG));
	say(ring, "still here");
	settings.format = "xml";
	assert_int_equal(log_restyle(log, &settings), -EINVAL);
	say(ring, "still here");
	log_free(log);
	must_hold("old", "\"event\":\"still here\"}\n", 2);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_reopen_follows_a_rename(void **state)
{
	char path[PATH_ROOM], old[PATH_ROOM], blocked[PATH_ROOM];
	struct log *log = new_log(in_directory(path, "{worker}.log"));
	struct log_ring *ring = new_ring(log, LOG_MAIN, 0);
	struct log_ring *worker = new_ring(log, LOG_WORKER, 0);
	struct log_ring *receiver = new_ring(log, LOG_RECEIVER, 1);

	(void)state;
	assert_int_equal(log_start(log), 0);
	say(receiver, "one");
	assert_int_equal(
		rename(in_directory(path, "rx1.log"), in_directory(old, "rx1.old.log")), 0);
	say(ring, "one");
	say(worker, "one");
	assert_int_equal(rename(in_directory(path, "main.log"), in_directory(old, "old.log")), 0);
	assert_int_equal(rename(in_directory(path, "0.log"), in_directory(old, "0.old.log")), 0);
	say(ring, "two");
	assert_int_equal(mkdir(in_directory(blocked, "0.log"), 0700), 0);
	assert_int_equal(log_reopen(log), -EISDIR);
	must_hold("old.log", "\n", 2);
	say(ring, "three");
	say(worker, "two");
	say(receiver, "two");
	assert_int_equal(rmdir(blocked), 0);
	assert_int_equal(log_reopen(log), 0);
	must_hold("0.old.log", "\n", 2);
	say(worker, "three");
	log_free(log);
	must_hold("old.log", "\n", 2);
	must_hold("main.log", "\n", 1);
	must_hold("main.log", " info main three\n", 1);
	must_hold("0.log", " info worker/0 three worker=0\n", 1);
	must_hold("rx1.old.log", "\n", 1);
	must_hold("rx1.log", "\n", 1);
	must_hold("rx1.log", " info rx/1 two\n", 1);
}

/* Run in a child whose stderr is `fd`, and which may die of a signal. */
static void in_child(int fd, void (*run)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (dup2(fd, STDERR_FILENO) < 0)
			_exit(1);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void log_two_lines(const char *format, const char *color)
{
	struct log_settings settings = settings_for("stderr");
	struct log_ring *ring;
	struct log *log;

	settings.format = format;
	settings.color = color;
	if (log_new(&settings, 0, &log) < 0 || log_add_ring(log, LOG_MAIN, 0, &ring) < 0)
		_exit(1);
	say(ring, "plain");
	if (log_apply(log, &settings) < 0 || log_start(log) < 0)
		_exit(1);
	say(ring, "applied");
	log_free(log);
}

static void log_auto(void)
{
	log_two_lines("auto", "auto");
}

static void log_always(void)
{
	log_two_lines("logfmt", "always");
}

static void log_json(void)
{
	log_two_lines("json", "always");
}

/* The child's stderr is a pipe, and stays as it is for others. */
static void stderr_must_have(void (*run)(void), const char *plain, const char *applied)
{
	int ends[2];
	size_t length;
	char *text;

	assert_int_equal(pipe(ends), 0);
	in_child(ends[1], run);
	assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	close(ends[1]);
	text = read_all(ends[0], &length);
	close(ends[0]);
	assert_non_null(strstr(text, plain));
	assert_non_null(strstr(text, applied));
	free(text);
}

static void log_as_journal(void)
{
	char stream[64];
	struct stat status;

	if (fstat(STDERR_FILENO, &status) < 0)
		_exit(1);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		(uintmax_t)status.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	log_auto();
}

static void log_as_other_journal(void)
{
	(void)setenv("JOURNAL_STREAM", "1:1", 1);
	log_auto();
}

static void test_stderr(void **state)
{
	(void)state;
	stderr_must_have(log_auto, "Z info main plain\n", "Z info main applied\n");
	stderr_must_have(log_always, "Z \033[32minfo\033[0m main plain\n",
		"Z \033[32minfo\033[0m main applied\n");
	stderr_must_have(log_json, "\"event\":\"plain\"}\n", "\"event\":\"applied\"}\n");
	stderr_must_have(log_as_journal, "<6>info main plain\n", "<6>info main applied\n");
	stderr_must_have(log_as_other_journal, "Z info main plain\n", "Z info main applied\n");
}

static void test_stderr_is_a_socket(void **state)
{
	int ends[2];
	size_t length;
	char *text;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	in_child(ends[1], log_auto);
	close(ends[1]);
	text = read_all(ends[0], &length);
	close(ends[0]);
	assert_non_null(strstr(text, "main plain\n"));
	assert_non_null(strstr(text, "main applied\n"));
	free(text);
}

static void log_without_color(void)
{
	(void)setenv("NO_COLOR", "1", 1);
	log_auto();
}

static void terminal_must_show(void (*run)(void), const char *what)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	char text[512];
	ssize_t got;
	int fd;

	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	fd = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	in_child(fd, run);
	got = read(terminal, text, sizeof(text) - 1);
	assert_true(got > 0);
	text[got] = '\0';
	assert_non_null(strstr(text, what));
	close(fd);
	close(terminal);
}

static void test_stderr_is_a_terminal(void **state)
{
	(void)state;
	unsetenv("NO_COLOR");
	terminal_must_show(log_auto, "Z \033[32minfo\033[0m main plain");
	terminal_must_show(log_without_color, "Z info main plain");
}

/* Dead readers kill nobody, and the signal's disposition stays the program's. */
static void log_to_nobody(void)
{
	struct log_settings settings = settings_for("stderr");
	struct log_ring *ring;
	struct log *log;

	(void)signal(SIGPIPE, SIG_DFL);
	if (log_new(&settings, 0, &log) < 0 || log_add_ring(log, LOG_MAIN, 0, &ring) < 0)
		_exit(1);
	say(ring, "plain");
	if (log_apply(log, &settings) < 0)
		_exit(2);
	say(ring, "applied");
	if (log_start(log) < 0)
		_exit(3);
	say(ring, "threaded");
	log_stop(log, 1000);
	if (log_lost(log) != 3)
		_exit(4);
	log_free(log);
}

static void test_stderr_without_a_reader(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	in_child(ends[1], log_to_nobody);
	close(ends[1]);
}

static void must_pass(struct log_limit *limit, int64_t ns, uint64_t expected)
{
	uint64_t suppressed = 99;

	assert_true(log_limit_pass(limit, ns, &suppressed));
	assert_int_equal(suppressed, expected);
}

static void must_not_pass(struct log_limit *limit, int64_t ns)
{
	uint64_t suppressed = 99;

	assert_false(log_limit_pass(limit, ns, &suppressed));
	assert_int_equal(suppressed, 99);
}

static void test_limit(void **state)
{
	struct log_limit limit = { 0 };

	(void)state;
	must_pass(&limit, 5 * NS_PER_S, 0);
	for (int i = 0; i < 1000; i++)
		must_not_pass(&limit, 5 * NS_PER_S + i);
	must_not_pass(&limit, 6 * NS_PER_S - 1);
	must_pass(&limit, 6 * NS_PER_S, 1001);
	must_not_pass(&limit, 6 * NS_PER_S);
	must_pass(&limit, 60 * NS_PER_S, 1);
	must_pass(&limit, 61 * NS_PER_S, 0);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(test_written_with_and_without_a_writer),
		IN_DIRECTORY(test_mode_of_files),
		IN_DIRECTORY(test_files_of_threads),
		IN_DIRECTORY(test_levels_change_at_once),
		IN_DIRECTORY(test_refused_settings_change_nothing),
		IN_DIRECTORY(test_restyle_opens_nothing),
		IN_DIRECTORY(test_reopen_follows_a_rename),
		cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_stderr_is_a_socket),
		cmocka_unit_test(test_stderr_is_a_terminal),
		cmocka_unit_test(test_stderr_without_a_reader),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
