/* Values of options as words, and back. */
#include <errno.h>
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "process/settings.h"

static const char *const moods[] = { "glad", "sad", NULL };
static const struct dgram_parameter parameters[] = {
	{ .name = "share", .type = DGRAM_NUMBER },
	{ .name = "loud", .type = DGRAM_BOOLEAN },
	{ .name = "greeting", .type = DGRAM_TEXT },
	{ .name = "greet", .type = DGRAM_TEXT }, /* begins another one's name */
	{ .name = "mood", .type = DGRAM_WORD, .words = moods },
	{ .name = "tags", .type = DGRAM_TEXTS },
	{ .name = "more", .type = DGRAM_TEXTS },
};
#define COUNT (sizeof(parameters) / sizeof(parameters[0]))

static void must_come_back(const struct dgram_setting *values)
{
	char *const before[] = { (char *)"child", (char *)"serve", NULL };
	char **words = settings_write(before, parameters, COUNT, values);
	struct dgram_setting *read;

	assert_non_null(words);
	assert_string_equal(words[0], "child");
	assert_string_equal(words[1], "serve");
	read = settings_read(words + 2, parameters, COUNT);
	assert_non_null(read);
	for (size_t i = 0; i < COUNT; i++) {
		assert_string_equal(read[i].name, parameters[i].name);
		assert_memory_equal(&read[i].number, &values[i].number, sizeof(double));
		assert_int_equal(read[i].text == NULL, values[i].text == NULL);
		if (read[i].text != NULL)
			assert_string_equal(read[i].text, values[i].text);
		assert_int_equal(read[i].texts_count, values[i].texts_count);
		assert_true(read[i].texts != NULL || read[i].texts_count == 0);
		for (size_t j = 0;
			read[i].texts != NULL && values[i].texts != NULL && j < read[i].texts_count;
			j++)
			assert_string_equal(read[i].texts[j], values[i].texts[j]);
	}
	free(read);
	free(words);
}

static void test_there_and_back(void **state)
{
	static const char *const texts[] = { "", "a=b", "more=x", "\n\t\xc3\xbc" };
	static const double numbers[] = { 0, -0.0, 1.0 / 3, -DBL_MAX, DBL_TRUE_MIN, 1e300 };
	struct dgram_setting values[COUNT] = { [4] = { .text = "sad", .number = 1 } };

	(void)state;
	must_come_back(values);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		values[0].number = numbers[i];
		must_come_back(values);
	}
	values[1].number = 1;
	for (size_t i = 0; i < 4; i++) {
		values[2].text = texts[i];
		values[3].text = texts[3 - i];
		values[5].texts = values[6].texts = texts;
		values[5].texts_count = i;
		values[6].texts_count = 4 - i;
		must_come_back(values);
	}
}

static void must_refuse(const char *word, const char *another)
{
	char *words[] = { (char *)"share=0000000000000000", (char *)"loud=0000000000000000",
		(char *)(uintptr_t)word, (char *)(uintptr_t)another, NULL };

	assert_null(settings_read(words, parameters, COUNT));
	assert_int_equal(errno, EINVAL);
}

/* A plug-in of which another version has come meanwhile. */
static void test_words_of_others(void **state)
{
	char *none[] = { NULL };

	(void)state;
	must_refuse("mood=merry", NULL);
	must_refuse("greeting=x", NULL); /* no mood */
	must_refuse("mood=sad", "unknown=1");
	must_refuse("mood=sad", "mood=sad");
	must_refuse("mood=sad", "loud=0000000000000000");
	assert_null(settings_read(none, parameters, COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_words_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
