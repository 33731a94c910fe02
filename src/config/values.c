#include "config/values.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void values_init(struct values *values)
{
	*values = (struct values){ .of = { { .given = false } } };
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		values->of[i].number = params[i].limits.initial;
		if (params[i].type == PARAM_TYPE_HANDLER)
			(void)param_word_find(&params[i], params[i].text, &values->of[i].number);
	}
}

void value_clear(struct value *value)
{
	for (size_t i = 0; i < value->texts_count; i++)
		free(value->texts[i].text);
	free(value->texts);
	*value = (struct value){ .texts = NULL };
}

void values_clear(struct values *values)
{
	for (size_t i = 0; i < PARAM_COUNT; i++)
		value_clear(&values->of[i]);
	free(values->parameters);
}

void config_clear_services(struct config *config)
{
	for (size_t i = 0; i < config->services_count; i++)
		values_clear(&config->services[i]);
	free(config->services);
	config->services = NULL;
	config->services_count = 0;
	free(config->given);
	config->given = NULL;
	config->given_count = 0;
}

int value_add_text(struct value *value, const char *text, struct report_place place)
{
	struct value_text *texts =
		reallocarray(value->texts, value->texts_count + 1, sizeof(*texts));
	char *copy;

	if (!texts)
		return -ENOMEM;
	value->texts = texts;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	texts[value->texts_count++] = (struct value_text){ copy, place };
	return 0;
}

int value_copy(struct value *to, const struct value *from)
{
	struct value copy = *from;
	int r = 0;

	copy.texts = NULL;
	copy.texts_count = 0;
	for (size_t i = 0; r == 0 && i < from->texts_count; i++)
		r = value_add_text(&copy, from->texts[i].text, from->texts[i].place);
	if (r < 0) {
		value_clear(&copy);
		return r;
	}
	value_clear(to);
	*to = copy;
	return 0;
}

const char *value_text(const struct value *value, const struct param *param, size_t index)
{
	assert(index < value_texts_count(value));
	return value->texts_count > 0 ? value->texts[index].text : param->text;
}

size_t value_texts_count(const struct value *value)
{
	return value->texts_count > 0 ? value->texts_count : 1;
}

const struct dgram_handler *values_handler(const struct values *values)
{
	return dgram_builtin_handler_at(values->of[PARAM_HANDLER].number);
}

const char *values_name(const struct values *values)
{
	const char *name = value_text(&values->of[PARAM_NAME], &params[PARAM_NAME], 0);

	return name ? name : values_handler(values)->name;
}
