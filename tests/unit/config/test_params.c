/* The table itself: every row is complete. */
#include "support.h"

#include "config/params.h"

static size_t words_count(const struct param *param)
{
	size_t count = 0;

	while (param->words && param->words[count])
		count++;
	return count;
}

/* Units are in the names. */
static void check_unit(const struct param *param)
{
	static const char *const ends[][2] = {
		{ "bytes", "_bytes" },
		{ "microseconds", "_us" },
		{ "milliseconds", "_ms" },
		{ "seconds", "_s" },
	};
	size_t length = strlen(param->path);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end = strlen(ends[i][1]);

		if (strcmp(param->unit, ends[i][0]) == 0 && length > end &&
			strcmp(param->path + length - end, ends[i][1]) == 0)
			return;
	}
	fail_msg("%s is in %s", param->path, param->unit);
}

static void check_row(const struct param *param)
{
	size_t length = strlen(param->meaning);

	assert_true(param->scope >= PARAM_SCOPE_TOP && param->scope <= PARAM_SCOPE_BOTH);
	assert_true(length > 0 && param->meaning[length - 1] == '.');
	assert_ptr_equal(strchr(param_key(param), '.'), NULL);
	if (param->type == PARAM_TYPE_WHOLE)
		assert_true(param->limits.minimum <= param->limits.initial &&
			    param->limits.initial <= param->limits.maximum);
	if (param->type == PARAM_TYPE_BOOLEAN)
		assert_true(param->limits.initial <= 1);
	if (param->type == PARAM_TYPE_WORD)
		assert_true(param->limits.initial < words_count(param));
	if (param->type == PARAM_TYPE_WORD && param != &params[PARAM_LOG_FORMAT])
		assert_int_equal(param->limits.maximum, words_count(param) - 1);
	if (param->unit)
		check_unit(param);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		assert_non_null(params[i].path);
		assert_non_null(params[i].meaning);
		check_row(&params[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(params[i].path, params[j].path);
	}
}

/* Keys of a group stand behind the group, with no other key between them. */
static void test_groups(void **state)
{
	const struct param *group = NULL;

	(void)state;
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (params[i].type == PARAM_TYPE_GROUP)
			group = &params[i];
		else if (strchr(params[i].path, '.'))
			assert_true(group && param_is_in(&params[i], params[i].scope, group));
		else
			group = NULL;
	}
}

static void test_find(void **state)
{
	const struct param *queue = &params[PARAM_QUEUE];

	(void)state;
	assert_ptr_equal(param_find(PARAM_SCOPE_TOP, NULL, "port"), &params[PARAM_PORT]);
	assert_ptr_equal(
		param_find(PARAM_SCOPE_SERVICE, queue, "capacity"), &params[PARAM_CAPACITY]);
	assert_null(param_find(PARAM_SCOPE_TOP, NULL, "Port"));
	assert_null(param_find(PARAM_SCOPE_TOP, NULL, "name"));
	assert_null(param_find(PARAM_SCOPE_SERVICE, NULL, "pool"));
	assert_null(param_find(PARAM_SCOPE_TOP, NULL, "queue.capacity"));
	assert_null(param_find(PARAM_SCOPE_TOP, NULL, "capacity"));
	assert_null(param_find(PARAM_SCOPE_TOP, queue, "queue"));
}

static void test_words(void **state)
{
	unsigned number = 77;

	(void)state;
	assert_int_equal(param_word_find(&params[PARAM_LOG_LEVEL], "debug", &number), 0);
	assert_int_equal(number, DGRAM_LOG_DEBUG);
	assert_true(param_word_find(&params[PARAM_LOG_LEVEL], "Debug", &number) < 0);
	assert_int_equal(number, DGRAM_LOG_DEBUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
