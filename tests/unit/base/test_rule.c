/* What values may be, and what is said about others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "base/rule.h"

#define WORDS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void takes_number(struct rule rule, double number, const char *expected)
{
	char message[RULE_MESSAGE_MAX] = "";

	if (rule_takes_number(&rule, number, message) != (expected == NULL))
		fail_msg("%g: %s", number, message);
	assert_string_equal(message, expected != NULL ? expected : "");
}

static void test_numbers(void **state)
{
	const struct rule share = { RULE_NUMBER, 0, 1, NULL };
	const struct rule count = { RULE_WHOLE, -5, 9007199254740992.0, NULL };
	const struct rule flag = { .type = RULE_BOOLEAN };

	(void)state;
	takes_number(share, 0, NULL);
	takes_number(share, 0.3, NULL);
	takes_number(share, 1, NULL);
	takes_number(share, 1.0000000000000002, "must be a number from 0 to 1");
	takes_number(share, -0.1, "must be a number from 0 to 1");
	takes_number(share, (double)NAN, "must be a number from 0 to 1");
	takes_number(share, (double)INFINITY, "must be a number from 0 to 1");
	takes_number(count, -5, NULL);
	takes_number(count, 9007199254740991.0, NULL);
	takes_number(count, -5.5, "must be a whole number from -5 to 9007199254740992");
	takes_number(count, 0.5, "must be a whole number from -5 to 9007199254740992");
	takes_number(count, 1e300, "must be a whole number from -5 to 9007199254740992");
	takes_number(count, (double)NAN, "must be a whole number from -5 to 9007199254740992");
	takes_number(flag, 0, NULL);
	takes_number(flag, 1, NULL);
	takes_number(flag, 2, "must be true or false");
	takes_number(flag, 0.5, "must be true or false");
}

static void takes_text(struct rule rule, const char *text, const char *expected)
{
	char message[RULE_MESSAGE_MAX] = "";

	if (rule_takes_text(&rule, text, message) != (expected == NULL))
		fail_msg("%s: %s", text, message);
	assert_string_equal(message, expected != NULL ? expected : "");
}

static void test_texts(void **state)
{
	const struct rule text = { RULE_TEXT, 1, 3, NULL };
	const struct rule name = { RULE_NAME, 1, 32, NULL };
	const struct rule cpus = { RULE_CPUS, 0, 255, NULL };
	const struct rule target = { RULE_TARGET, 1, 9, NULL };

	(void)state;
	takes_text(text, "A b", NULL);
	takes_text(text, "", "must be from 1 to 3 bytes long");
	takes_text(text, "abcd", "must be from 1 to 3 bytes long");
	takes_text(name, "a-1", NULL);
	takes_text(name, "1a", "may have a-z, 0-9 and -, a letter first");
	takes_text(name, "a_b", "may have a-z, 0-9 and -, a letter first");
	takes_text(cpus, "", NULL);
	takes_text(cpus, "2-5,8", NULL);
	takes_text(target, "log", NULL);
	takes_text(target, "0123456789", "must be from 1 to 9 bytes long");
	takes_text(target, "{x}", "{x} is no placeholder: the only one is {worker}");
	takes_text(cpus, "x", "must be a list of CPUs as in \"2-5,8\", each at most 1023");
}

static void test_words(void **state)
{
	const struct rule one = { .type = RULE_WORD, .words = WORDS("only") };
	const struct rule two = { .type = RULE_WORD, .words = WORDS("first", "second") };

	(void)state;
	takes_text(two, "second", NULL);
	takes_text(two, "Second", "must be one of \"first\", \"second\"; did you mean \"second\"?");
	takes_text(two, "zzz", "must be one of \"first\", \"second\"");
	takes_text(two, "", "must be one of \"first\", \"second\"");
	takes_text(one, "other", "must be \"only\"");
}

/* More words than a message holds. */
static void test_many_words(void **state)
{
	static char texts[200][16];
	const char *words[201] = { NULL };
	const struct rule rule = { .type = RULE_WORD, .words = words };
	char message[RULE_MESSAGE_MAX];

	(void)state;
	for (int i = 0; i < 200; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "word%03d", i);
		words[i] = texts[i];
	}
	assert_false(rule_takes_text(&rule, "word2000", message));
	assert_int_equal(strlen(message), RULE_MESSAGE_MAX - 1);
	assert_true(rule_takes_text(&rule, "word199", message));
}

static void test_counts(void **state)
{
	const struct rule rule = { RULE_TEXTS, 1, 2, NULL };
	char message[RULE_MESSAGE_MAX];

	(void)state;
	assert_true(rule_takes_count(&rule, 1, message));
	assert_true(rule_takes_count(&rule, 2, message));
	assert_false(rule_takes_count(&rule, 0, message));
	assert_string_equal(message, "must be a list of 1 to 2 strings");
	assert_false(rule_takes_count(&rule, 3, message));
}

static void refuses(struct rule rule, const char *expected)
{
	char message[RULE_MESSAGE_MAX];

	rule_refuse(&rule, "an object", message);
	assert_string_equal(message, expected);
}

static void test_other_types(void **state)
{
	(void)state;
	refuses((struct rule){ RULE_NUMBER, 0, 0.1, NULL },
		"must be a number from 0 to 0.1, not an object");
	refuses((struct rule){ RULE_WHOLE, 0, 9, NULL },
		"must be a whole number from 0 to 9, not an object");
	refuses((struct rule){ .type = RULE_BOOLEAN }, "must be true or false, not an object");
	refuses((struct rule){ .type = RULE_TEXT }, "must be a string, not an object");
	refuses((struct rule){ RULE_TEXTS, 0, 7, NULL },
		"must be a list of 0 to 7 strings, not an object");
	refuses((struct rule){ .type = RULE_WORD, .words = WORDS("a", "b") },
		"must be one of \"a\", \"b\"");
}

static void test_options(void **state)
{
	char message[RULE_MESSAGE_MAX];

	(void)state;
	rule_refuse_option("echo", false, NULL, message);
	assert_string_equal(message, "the handler \"echo\" has no options");
	rule_refuse_option("echo", true, NULL, message);
	assert_string_equal(message, "unknown option");
	rule_refuse_option("echo", true, "size", message);
	assert_string_equal(message, "unknown option; did you mean \"size\"?");
	rule_require_option("echo", message);
	assert_string_equal(message, "missing: the handler \"echo\" needs it");
}

static void must_read_back(double number, const char *expected)
{
	char text[RULE_NUMBER_MAX];

	assert_string_equal(rule_number_text(number, text), expected);
}

static void test_number_text(void **state)
{
	(void)state;
	must_read_back(0, "0");
	must_read_back(65535, "65535");
	must_read_back(0.1, "0.1");
	must_read_back(0.30000000000000004, "0.30000000000000004");
	must_read_back(1e300, "1e+300");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_many_words),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_number_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
