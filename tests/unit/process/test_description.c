#include "process/description.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = { "one", "", "two three", NULL };

static const struct dgram_parameter parameters[] = {
	{ "number", DGRAM_NUMBER, .required = true, .minimum = -1.0 / 3, .maximum = 1e300,
		.sentence = "A \"number\"." },
	{ "whole", DGRAM_WHOLE, .minimum = -9007199254740992.0, .maximum = 9007199254740992.0,
		.initial = 7 },
	{ "boolean", DGRAM_BOOLEAN, .initial = 1, .sentence = "", .live = true },
	{ "any", DGRAM_NUMBER, .minimum = -INFINITY, .maximum = INFINITY, .sentence = "Any." },
	{ "none", DGRAM_TEXT, .maximum = 9, .sentence = "No default." },
	{ "text", DGRAM_TEXT, .maximum = 99, .text = "two\nlines \xc3\xa9", .sentence = "A text." },
	{ "empty", DGRAM_TEXT, .maximum = 9, .text = "", .sentence = "An empty one." },
	{ "word", DGRAM_WORD, .initial = 2, .words = words, .sentence = "A word." },
	{ "texts", DGRAM_TEXTS, .maximum = 4, .sentence = "A list." },
};
#define COUNT (sizeof(parameters) / sizeof(parameters[0]))

static const struct dgram_handler handler = {
	.abi = DGRAM_ABI,
	.name = "a-name",
	.parameters = parameters,
	.parameters_count = COUNT,
	.reads_arrived = true,
	.max_reply_factor = 1.5,
};

/* A copy that has its own memory to the byte, so that a sanitizer sees each read beyond it. */
static struct dgram_handler *read_copy(const char *text, size_t length)
{
	struct dgram_handler *description;
	char *copy = strndup(text, length);

	assert_non_null(copy);
	description = description_read(copy);
	free(copy);
	return description;
}

static char *write_it(size_t *length)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, length);

	assert_non_null(file);
	description_write(&handler, file);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void must_be_text(const char *text, const char *expected)
{
	assert_true((text == NULL) == (expected == NULL));
	if (expected != NULL)
		assert_string_equal(text, expected);
}

static void must_be_same(const struct dgram_parameter *parameter, const struct dgram_parameter *as)
{
	assert_string_equal(parameter->name, as->name);
	assert_int_equal(parameter->type, as->type);
	assert_int_equal(parameter->required, as->required);
	assert_int_equal(parameter->live, as->live);
	assert_true(parameter->minimum == as->minimum);
	assert_true(parameter->maximum == as->maximum);
	assert_true(parameter->initial == as->initial);
	must_be_text(parameter->text, as->text);
	for (size_t i = 0; as->words != NULL && as->words[i] != NULL; i++)
		assert_string_equal(parameter->words[i], as->words[i]);
	must_be_text(parameter->sentence, as->sentence);
}

static void test_read_back(void **state)
{
	size_t length;
	char *text = write_it(&length);
	struct dgram_handler *read = read_copy(text, length);

	(void)state;
	assert_non_null(read);
	assert_int_equal(read->abi, DGRAM_ABI);
	assert_string_equal(read->name, "a-name");
	assert_int_equal(read->handle(NULL, NULL, NULL, 0), -ENOEXEC);
	assert_int_equal(read->reconfigure(NULL, NULL), -ENOEXEC);
	assert_int_equal(read->parameters_count, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		must_be_same(&read->parameters[i], &parameters[i]);
	assert_null(read->parameters[COUNT - 2].words[3]);
	description_free(read);
	free(text);
}

/* A process can die in the middle of it. */
static void test_cut(void **state)
{
	size_t length;
	char *text = write_it(&length);

	(void)state;
	for (size_t i = 0; i < length - 1; i++) /* without its last newline it is whole */
		assert_null(read_copy(text, i));
	free(text);
}

/* Each bit of it flipped: read as something else, or refused. */
static void test_flipped(void **state)
{
	struct dgram_handler *description;
	size_t length, refused = 0;
	char *text = write_it(&length);

	(void)state;
	for (size_t i = 0; i < 8 * length; i++) {
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		description = read_copy(text, length);
		refused += description == NULL;
		description_free(description);
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
	}
	assert_in_range(refused, length, 8 * length - 1);
	free(text);
}

static void must_be(const char *text, bool sound)
{
	struct dgram_handler *description = read_copy(text, strlen(text));

	assert_int_equal(description != NULL, sound);
	description_free(description);
}

static void test_no_description(void **state)
{
	(void)state;
	must_be("{\"name\": \"x\"}", true);
	must_be("", false);
	must_be("7", false);
	must_be("{\"name\": 7}", false);
	must_be("{\"name\": \"x\"} more", false);
	must_be("{\"name\": \"x\", \"options\": [{\"name\": \"o\", \"type\": 0}]}", true);
	must_be("{\"name\": \"x\", \"options\": [{\"name\": \"o\", \"type\": 6}]}", false);
	must_be("{\"name\": \"x\", \"options\": [{\"name\": \"o\", \"type\": -1}]}", false);
	must_be("{\"name\": \"x\", \"options\": [{\"type\": 0}]}", false);
	must_be("{\"name\": \"x\", \"options\": [{\"name\": \"o\", \"type\": 4, \"words\": [7]}]}",
		false);
	must_be("{\"name\": \"x\", \"options\": [7]}", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_no_description),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
