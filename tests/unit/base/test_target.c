/* What can be a target of the log, and the names of its files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/target.h"

static void must_be(const char *target, const char *complaint)
{
	char message[200] = "";

	if (target_is_valid(target, message, sizeof(message)) != (complaint == NULL))
		fail_msg("%s: %s", target, message);
	if (complaint != NULL)
		assert_non_null(strstr(message, complaint));
}

static void test_targets(void **state)
{
	static const char *const good[] = { "stderr", "none", "log", "./stdout", "./-", "./~", "a~",
		"/dev/stdout", "stdout.log", "{worker}", "/var/log/{worker}/{worker}.log", "{", "}",
		"}{", "{worker}{", "log-" };
	static const char *const no_files[] = { "stdout", "-", "syslog", "journal", "journald" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		must_be(good[i], NULL);
	for (size_t i = 0; i < sizeof(no_files) / sizeof(no_files[0]); i++)
		must_be(no_files[i], "must be \"stderr\"");
	must_be("stdout", "\"./stdout\" is a file of that name");
	must_be("~/x", "~ is not the home directory");
	must_be("~", "~ is not the home directory");
	must_be("log/{wroker}.log", "{wroker} is no placeholder: the only one is {worker}");
	must_be("{worker}/{}", "{} is no placeholder");
	must_be("{{worker}}", "{{worker} is no placeholder");
	must_be("{0123456789012345678901234567890123456789}",
		"{0123456789012345678901234567890 is no");
}

static void must_expand(const char *target, const char *who, const char *path)
{
	char expanded[PATH_MAX] = "";

	assert_int_equal(target_expand(target, who, expanded), 0);
	assert_string_equal(expanded, path);
}

static void test_paths(void **state)
{
	static char target[2 * PATH_MAX];
	char path[PATH_MAX];

	(void)state;
	must_expand("log", "3", "log");
	must_expand("{worker}/a{worker}", "rx0", "rx0/arx0");
	memset(target, 'x', PATH_MAX - 4);
	(void)strcat(target, "{worker}");
	assert_int_equal(target_expand(target, "123", path), 0);
	assert_int_equal(strlen(path), PATH_MAX - 1);
	assert_int_equal(target_expand(target, "1234", path), -ENAMETOOLONG);
	memset(target, 'x', sizeof(target) - 1);
	assert_int_equal(target_expand(target, "", path), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
