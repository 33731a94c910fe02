#include "process/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number as its bits, which no locale and no rounding changes. */
#define NUMBER_DIGITS 16

/* --- to words */

/* The words, and the memory behind them. */
struct store {
	char **next;
	char *byte;
};

static size_t words_of(const struct dgram_parameter *parameter, const struct dgram_setting *value)
{
	return parameter->type == DGRAM_TEXTS ? value->texts_count : 1;
}

static const char *word_text(const struct dgram_parameter *parameter,
	const struct dgram_setting *value, size_t index, char number[NUMBER_DIGITS + 1])
{
	uint64_t bits;

	if (parameter->type == DGRAM_TEXTS)
		return value->texts[index];
	if (parameter->type >= DGRAM_TEXT)
		return value->text;
	memcpy(&bits, &value->number, sizeof(bits));
	(void)snprintf(number, NUMBER_DIGITS + 1, "%016" PRIx64, bits);
	return number;
}

/* With no memory yet, how much it takes. A text that is not set has no word. */
static size_t write_values(struct store *store, const struct dgram_parameter *parameters,
	size_t count, const struct dgram_setting *values)
{
	char number[NUMBER_DIGITS + 1];
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < words_of(&parameters[i], &values[i]); j++) {
			const char *text = word_text(&parameters[i], &values[i], j, number);

			if (text == NULL)
				continue;
			bytes += sizeof(char *) + strlen(parameters[i].name) + strlen(text) + 2;
			if (store == NULL)
				continue;
			*store->next++ = store->byte;
			store->byte =
				stpcpy(stpcpy(stpcpy(store->byte, parameters[i].name), "="), text) +
				1;
		}
	return bytes;
}

static size_t count_words(
	const struct dgram_parameter *parameters, size_t count, const struct dgram_setting *values)
{
	size_t words = 0;

	for (size_t i = 0; i < count; i++)
		words += words_of(&parameters[i], &values[i]);
	return words;
}

char **settings_write(char *const *before, const struct dgram_parameter *parameters, size_t count,
	const struct dgram_setting *values)
{
	size_t first = 0, words;
	struct store store;
	char **made;

	while (before[first] != NULL)
		first++;
	words = first + count_words(parameters, count, values) + 1;
	made = calloc(1, words * sizeof(*made) + write_values(NULL, parameters, count, values));
	if (made == NULL)
		return NULL;
	memcpy(made, before, first * sizeof(*made));
	store = (struct store){ made + first, (char *)(made + words) };
	(void)write_values(&store, parameters, count, values);
	return made;
}

/* --- and back */

/* The value of a word of this name, or NULL. */
static const char *value_in(const char *word, const char *name)
{
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static void number_from(const char *text, double *ret_number)
{
	uint64_t bits = strtoull(text, NULL, 16);

	memcpy(ret_number, &bits, sizeof(bits));
}

/* False: it is no word of the parameter's. */
static bool read_word(
	const char *text, const struct dgram_parameter *parameter, struct dgram_setting *value)
{
	size_t place = 0;

	while (parameter->words[place] != NULL && strcmp(parameter->words[place], text) != 0)
		place++;
	value->number = (double)place;
	return parameter->words[place] != NULL;
}

/* Takes texts of a list from `texts` on. Returns how many words it has. */
static size_t read_value(char *const *words, const struct dgram_parameter *parameter,
	struct dgram_setting *value, const char **texts)
{
	size_t count = 0;

	*value = (struct dgram_setting){ .name = parameter->name };
	for (; *words != NULL; words++) {
		const char *text = value_in(*words, parameter->name);

		if (text == NULL)
			continue;
		if (parameter->type == DGRAM_TEXTS)
			texts[count] = text;
		else if (parameter->type >= DGRAM_TEXT)
			value->text = text;
		else
			number_from(text, &value->number);
		count++;
	}
	if (parameter->type == DGRAM_TEXTS) {
		value->texts = texts;
		value->texts_count = count;
	}
	return count;
}

static bool is_whole(
	const struct dgram_parameter *parameter, struct dgram_setting *value, size_t words)
{
	if (parameter->type == DGRAM_TEXTS || parameter->type == DGRAM_TEXT)
		return true;
	return words == 1 &&
	       (parameter->type != DGRAM_WORD || read_word(value->text, parameter, value));
}

struct dgram_setting *settings_read(
	char *const *words, const struct dgram_parameter *parameters, size_t count)
{
	size_t all = 0, known = 0;
	struct dgram_setting *values;
	const char **texts;
	bool whole = true;

	while (words[all] != NULL)
		all++;
	values = calloc(1, count * sizeof(*values) + (all + 1) * sizeof(*texts));
	if (values == NULL)
		return NULL;
	texts = (const char **)(void *)(values + count);
	for (size_t i = 0; i < count; i++) {
		size_t found = read_value(words, &parameters[i], &values[i], texts + known);

		whole &= is_whole(&parameters[i], &values[i], found);
		known += found;
	}
	if (whole && known == all)
		return values;
	free(values);
	errno = EINVAL;
	return NULL;
}
