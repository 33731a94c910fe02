/* Where a command's program is found, and what is said of one that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/command.h"
#include "process/environment.h"

static char folder[] = "/tmp/test_command-XXXXXX";

static void make(const char *name, mode_t mode)
{
	char path[PATH_MAX];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

/* `path` follows the test's folder. */
static void must_find(const char *base, const char *word, const char *path)
{
	char found[PATH_MAX + 1], why[COMMAND_ERROR_MAX];

	assert_true(command_find(base, word, found, why));
	assert_memory_equal(found, folder, strlen(folder));
	assert_string_equal(found + strlen(folder), path);
}

static void must_not_find(const char *base, const char *word, const char *message)
{
	char found[PATH_MAX + 1], why[COMMAND_ERROR_MAX];

	assert_false(command_find(base, word, found, why));
	assert_string_equal(why, message);
}

static void test_along_path(void **state)
{
	char path[PATH_MAX + 1], why[COMMAND_ERROR_MAX];

	(void)state;
	(void)snprintf(path, sizeof(path), "/nowhere:%s:%s/below", folder, folder);
	assert_int_equal(setenv("PATH", path, 1), 0);
	must_find(NULL, "one", "/one");
	must_find("/etc/server.json", "two", "/below/two"); /* the one before cannot be executed */
	must_not_find(NULL, "", "\"\": there is no such program along PATH");
	must_not_find(NULL, "plain", "\"plain\": there is no such program along PATH");
	must_not_find(NULL, "below", "\"below\": there is no such program along PATH");
	assert_int_equal(unsetenv("PATH"), 0);
	assert_true(command_find(NULL, "env", path, why));
	assert_string_equal(path, "/usr/bin/env");
}

static void test_with_a_slash(void **state)
{
	char base[PATH_MAX], message[COMMAND_ERROR_MAX];

	(void)state;
	(void)snprintf(base, sizeof(base), "%s/server.json", folder);
	must_find(base, "./one", "/one");
	must_find(base, "below/two", "/below/two");
	(void)snprintf(message, sizeof(message), "%s/plain: is not executable", folder);
	must_not_find(base, "./plain", message);
	(void)snprintf(message, sizeof(message), "%s/below: is not a file", folder);
	must_not_find(base, "./below", message);
	must_not_find(base, "/no/where", "/no/where: No such file or directory");
	assert_int_equal(chdir(folder), 0);
	must_not_find("server.json", "./plain", "./plain: is not executable");
	must_not_find(NULL, "below/plain", "./below/plain: No such file or directory");
}

static void test_environment(void **state)
{
	static char ours[][20] = { "PATH=/bin", "NOTIFY_SOCKET=/x", "PATHS=/y", "LC_ALL=C" };
	char *const pointers[] = { ours[0], ours[1], ours[2], ours[3], NULL };
	char **before = environ, **environment;
	size_t count;

	(void)state;
	environ = (char **)(uintptr_t)pointers;
	environment = environment_new(2, &count);
	environ = before;
	assert_int_equal(count, 2);
	assert_string_equal(environment[0], "PATH=/bin");
	assert_string_equal(environment[1], "LC_ALL=C");
	for (size_t i = 2; i <= 4; i++)
		assert_null(environment[i]);
	free(environment);
}

static int make_folder(void **state)
{
	char below[PATH_MAX];

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(below, sizeof(below), "%s/below", folder);
	assert_int_equal(mkdir(below, 0755), 0);
	make("one", 0755);
	make("two", 0644);
	make("plain", 0644);
	make("below/two", 0755);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "one", "two", "plain", "below/two", "below", "" };
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)remove(path);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_along_path),
		cmocka_unit_test(test_with_a_slash),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
