/* Options of a service's handler: the copy that open() gets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"

static const struct dgram_setting *find_setting(
	const struct dgram_service *service, const struct dgram_parameter *parameter)
{
	for (size_t i = 0; i < service->parameters_count; i++)
		if (strcmp(service->parameters[i].name, parameter->name) == 0)
			return &service->parameters[i];
	return NULL;
}

/* The memory behind the values: first the lists' pointers, then all texts. */
struct store {
	const char **next_text;
	char *next_byte;
};

/* What the texts of a setting need of it. */
static void add_needs_of(const struct dgram_setting *setting, size_t *texts, size_t *bytes)
{
	if (setting->text != NULL)
		*bytes += strlen(setting->text) + 1;
	for (size_t i = 0; i < setting->texts_count; i++)
		*bytes += strlen(setting->texts[i]) + 1;
	*texts += setting->texts_count;
}

static const char *copy_text(struct store *store, const char *text)
{
	char *copy = store->next_byte;

	store->next_byte = stpcpy(copy, text) + 1;
	return copy;
}

static void copy_setting(
	struct store *store, const struct dgram_setting *setting, struct dgram_setting *value)
{
	value->number = setting->number;
	if (setting->text != NULL)
		value->text = copy_text(store, setting->text);
	value->texts = store->next_text;
	value->texts_count = setting->texts_count;
	for (size_t i = 0; i < setting->texts_count; i++)
		*store->next_text++ = copy_text(store, setting->texts[i]);
}

static void complete_word(const struct dgram_parameter *parameter, struct dgram_setting *value)
{
	size_t word = (size_t)parameter->initial;

	if (value->text != NULL)
		for (word = 0; strcmp(parameter->words[word], value->text) != 0;)
			word++;
	value->text = parameter->words[word];
	value->number = (double)word;
}

int server_parameters_copy(const struct dgram_service *service, struct dgram_setting **ret_values)
{
	const struct dgram_handler *handler = service->handler;
	size_t count = handler->parameters_count, texts = 0, bytes = 0;
	struct dgram_setting *values;
	struct store store;

	for (size_t i = 0; i < service->parameters_count; i++)
		add_needs_of(&service->parameters[i], &texts, &bytes);
	values = calloc(1, count * sizeof(*values) + texts * sizeof(char *) + bytes + 1);
	if (values == NULL)
		return -ENOMEM;
	store.next_text = (const char **)(void *)(values + count);
	store.next_byte = (char *)(store.next_text + texts);
	for (size_t i = 0; i < count; i++) {
		const struct dgram_parameter *parameter = &handler->parameters[i];
		const struct dgram_setting *setting = find_setting(service, parameter);

		values[i].name = parameter->name;
		if (setting != NULL) {
			copy_setting(&store, setting, &values[i]);
		} else {
			values[i].number = parameter->initial;
			values[i].text = parameter->text;
		}
		if (parameter->type == DGRAM_WORD)
			complete_word(parameter, &values[i]);
	}
	*ret_values = values;
	return 0;
}
