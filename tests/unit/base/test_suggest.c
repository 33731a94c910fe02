/* Which words are near enough to be suggested. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/suggest.h"

static void must_suggest(const char *written, const char *word, size_t distance)
{
	struct suggestion suggestion = { .written = written };

	suggest_offer(&suggestion, word);
	assert_string_equal(suggestion.best, word);
	assert_int_equal(suggestion.distance, distance);
}

static void must_not_suggest(const char *written, const char *word)
{
	struct suggestion suggestion = { .written = written };

	suggest_offer(&suggestion, word);
	assert_null(suggestion.best);
}

static void test_suggestions(void **state)
{
	(void)state;
	must_suggest("wrokers", "workers", 1);
	must_suggest("worker", "workers", 1);
	must_suggest("workerss", "workers", 1);
	must_suggest("WORKERS", "workers", 0);
	must_suggest("qeueu", "queue", 2);
	must_suggest("tim", "time", 1);
	must_suggest("max_wait", "max_wait_ms", 3);
	must_not_suggest("", "host");
	must_not_suggest("abc", "xyz");
	must_not_suggest("pool", "echo");
	must_not_suggest("a-word-that-is-much-longer-than-any-key-there-will-ever-be", "port");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suggestions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
