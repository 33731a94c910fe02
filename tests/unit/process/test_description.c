#include "process/description.h"

#include <errno.h>
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
};

/* A copy that has its own memory to the byte, so that a sanitizer sees each read beyond it. */
static int read_copy(const char *text, size_t length, struct description **ret_description)
{
	const char *fault = NULL;
	char *copy = malloc(length + 1);
	int error;

	assert_non_null(copy);
	memcpy(copy, text, length);
	copy[length] = '\0';
	error = description_read(copy, length, &fault, ret_description);
	if (error < 0)
		free(copy);
	return error;
}

static char *write_it(size_t *length)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, length);

	assert_non_null(file);
	assert_int_equal(description_write(&handler, file), 0);
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
	must_be_text(parameter->sentence, as->sentence != NULL ? as->sentence : "");
}

static void test_read_back(void **state)
{
	struct description *description;
	const struct dgram_handler *read;
	size_t length;
	char *text = write_it(&length);

	(void)state;
	assert_int_equal(read_copy(text, length, &description), 0);
	read = description_handler(description);
	assert_int_equal(read->abi, DGRAM_ABI);
	assert_string_equal(read->name, "a-name");
	assert_int_equal(read->handle(NULL, NULL, NULL, 0), -ENOEXEC);
	assert_int_equal(read->reconfigure(NULL, NULL), -ENOEXEC);
	assert_int_equal(read->parameters_count, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		must_be_same(&read->parameters[i], &parameters[i]);
	assert_null(read->parameters[COUNT - 2].words[3]);
	description_free(description);
	free(text);
}

static void test_fault(void **state)
{
	const char *fault;
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	(void)state;
	assert_non_null(file);
	assert_int_equal(description_write_fault("is no plug-in", file), 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(description_read(text, length, &fault, NULL), -ENOEXEC);
	assert_string_equal(fault, "is no plug-in");
	free(text);
}

/* A process can die in the middle of it. */
static void test_cut(void **state)
{
	size_t length;
	char *text = write_it(&length);

	(void)state;
	for (size_t i = 0; i < length; i++)
		assert_int_equal(read_copy(text, i, NULL), -EPROTO);
	free(text);
}

/* Each bit of it flipped: read as something else, or refused. */
static void test_flipped(void **state)
{
	struct description *description;
	size_t length, refused = 0;
	char *text = write_it(&length);

	(void)state;
	for (size_t i = 0; i < 8 * length; i++) {
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		if (read_copy(text, length, &description) == 0)
			description_free(description);
		else
			refused++;
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
	}
	assert_in_range(refused, length, 8 * length - 1);
	free(text);
}

static void must_be_refused(const char *text, size_t size)
{
	assert_int_equal(read_copy(text, size - 1, NULL), -EPROTO);
}
#define MUST_BE_REFUSED(text) must_be_refused(text, sizeof(text))

static void test_no_description(void **state)
{
	(void)state;
	MUST_BE_REFUSED("");
	MUST_BE_REFUSED("\0");
	MUST_BE_REFUSED("abi 2\0name x\0options 1e18\0end \0");
	MUST_BE_REFUSED("abi 2\0name x\0options -1\0end \0");
	MUST_BE_REFUSED("abi 2\0name x\0options nan\0end \0");
	MUST_BE_REFUSED("abi 2\0name x\0options 0.5\0end \0");
	MUST_BE_REFUSED("abi 2\0name x\0options 1\0end \0");
	MUST_BE_REFUSED("abi 2\0name x\0options 0\0end \0more \0");
	MUST_BE_REFUSED("abi 2\0name x\0options 0\0end ");
	MUST_BE_REFUSED(
		"abi 2\0name x\0options 1\0option x\0type 6\0required 0\0live 0\0minimum 0\0"
		"maximum 0\0default 0\0texts 0\0words 0\0sentence \0end \0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_no_description),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
