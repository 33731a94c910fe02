/* Options of a service's handler: checked by its table, and the copy that open() gets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "server/server.h"

_Static_assert((int)DGRAM_NUMBER == (int)RULE_NUMBER && (int)DGRAM_WHOLE == (int)RULE_WHOLE &&
		       (int)DGRAM_BOOLEAN == (int)RULE_BOOLEAN &&
		       (int)DGRAM_TEXT == (int)RULE_TEXT && (int)DGRAM_WORD == (int)RULE_WORD &&
		       (int)DGRAM_TEXTS == (int)RULE_TEXTS,
	"the rules of options are dgram.h's types");

/* What a whole number in a double can be, each one exactly. */
#define WHOLE_MAX 9007199254740992.0

/* As much of a name is shown as of a key of a file. */
#define NAME_SHOWN 48

/* --- the handler's table */

static bool takes_default(const struct dgram_parameter *parameter, const struct rule *rule)
{
	char message[RULE_MESSAGE_MAX];
	struct rule places;
	size_t words = 0;

	switch (parameter->type) {
	case DGRAM_TEXT:
		return parameter->text == NULL || rule_takes_text(rule, parameter->text, message);
	case DGRAM_WORD:
		while (parameter->words[words] != NULL)
			words++;
		places = (struct rule){ RULE_WHOLE, 0, (double)words - 1, NULL };
		return rule_takes_number(&places, parameter->initial, message);
	case DGRAM_TEXTS:
		return rule_takes_count(rule, 0, message);
	default:
		return rule_takes_number(rule, parameter->initial, message);
	}
}

/* Or NULL. */
static const char *fault_of(
	const struct dgram_handler *handler, const struct dgram_parameter *parameter)
{
	struct rule rule = RULE_OF_PARAMETER(parameter);

	if (parameter->name == NULL)
		return "has no name";
	if ((unsigned)parameter->type > DGRAM_TEXTS)
		return "has an unknown type";
	if (parameter->type == DGRAM_WORD &&
		(parameter->words == NULL || parameter->words[0] == NULL))
		return "has no words";
	if (!(parameter->minimum <= parameter->maximum) ||
		(parameter->type == DGRAM_WHOLE &&
			(parameter->minimum < -WHOLE_MAX || parameter->maximum > WHOLE_MAX)))
		return "has no range";
	if (!parameter->required && !takes_default(parameter, &rule))
		return "does not take its default";
	if (parameter->live && handler->reconfigure == NULL)
		return "is live, but the handler has no reconfigure()";
	return NULL;
}

int server_parameters_check_table(
	const struct dgram_options *options, const struct dgram_handler *handler, const char *label)
{
	const char *fault = handler->parameters == NULL ? "missing" : NULL;

	for (size_t i = 0; i < handler->parameters_count; i++) {
		if (fault == NULL)
			fault = fault_of(handler, &handler->parameters[i]);
		for (size_t j = 0; fault == NULL && j < i; j++)
			if (strcmp(handler->parameters[i].name, handler->parameters[j].name) == 0)
				fault = "has the name of another";
		if (fault != NULL)
			return server_options_refuse(
				options, "%shandler->parameters[%zu]: %s", label, i, fault);
	}
	return 0;
}

/* --- what a caller sets */

/* A text that is NULL is as good as none. */
static bool is_set(const struct dgram_parameter *parameter, const struct dgram_setting *setting)
{
	bool is_text = parameter->type == DGRAM_TEXT || parameter->type == DGRAM_WORD;

	return strcmp(setting->name, parameter->name) == 0 && (!is_text || setting->text != NULL);
}

static const struct dgram_setting *find_setting(
	const struct dgram_service *service, const struct dgram_parameter *parameter)
{
	for (size_t i = 0; i < service->parameters_count; i++)
		if (is_set(parameter, &service->parameters[i]))
			return &service->parameters[i];
	return NULL;
}

static const struct dgram_parameter *find_named(
	const struct dgram_handler *handler, const char *name, struct suggestion *suggestion)
{
	for (size_t i = 0; i < handler->parameters_count; i++) {
		if (strcmp(handler->parameters[i].name, name) == 0)
			return &handler->parameters[i];
		suggest_offer(suggestion, handler->parameters[i].name);
	}
	return NULL;
}

/* The field that is set and is not that of the type, or NULL. */
static const char *wrong_field(const struct dgram_setting *setting, enum rule_type type)
{
	if (setting->text != NULL && type != RULE_TEXT && type != RULE_WORD)
		return "a string";
	if (setting->texts_count > 0 && type != RULE_TEXTS)
		return "a list";
	if (type >= RULE_TEXT && (setting->number < 0 || setting->number > 0))
		return "a number";
	return NULL;
}

static bool list_is_whole(const struct dgram_setting *setting)
{
	for (size_t i = 0; i < setting->texts_count; i++)
		if (setting->texts == NULL || setting->texts[i] == NULL)
			return false;
	return true;
}

static bool takes_setting(const struct rule *rule, const struct dgram_setting *setting,
	char message[RULE_MESSAGE_MAX])
{
	const char *wrong = wrong_field(setting, rule->type);

	if (wrong == NULL && rule->type <= RULE_BOOLEAN)
		return rule_takes_number(rule, setting->number, message);
	if (wrong == NULL && rule->type != RULE_TEXTS)
		return setting->text == NULL || rule_takes_text(rule, setting->text, message);
	if (wrong == NULL && list_is_whole(setting))
		return rule_takes_count(rule, setting->texts_count, message);
	rule_refuse(rule, wrong != NULL ? wrong : "NULL", message);
	return false;
}

static int check_setting(const struct dgram_options *options, const struct dgram_service *service,
	size_t index, const char *label)
{
	const struct dgram_handler *handler = service->handler;
	const struct dgram_setting *setting = &service->parameters[index];
	struct suggestion suggestion = { .written = setting->name };
	const struct dgram_parameter *parameter;
	char message[RULE_MESSAGE_MAX] = "given twice";
	struct rule rule;
	bool twice = false;

	if (setting->name == NULL)
		return server_options_refuse(
			options, "%sparameters[%zu]: has no name", label, index);
	for (size_t i = 0; i < index; i++)
		twice |= strcmp(service->parameters[i].name, setting->name) == 0;
	parameter = find_named(handler, setting->name, &suggestion);
	if (parameter == NULL) {
		rule_refuse_option(
			handler->name, handler->parameters_count > 0, suggestion.best, message);
	} else if (!twice) {
		rule = RULE_OF_PARAMETER(parameter);
		if (takes_setting(&rule, setting, message))
			return 0;
	}
	return server_options_refuse(
		options, "%sparameters: %.*s: %s", label, NAME_SHOWN, setting->name, message);
}

int server_parameters_check(
	const struct dgram_options *options, const struct dgram_service *service, const char *label)
{
	const struct dgram_handler *handler = service->handler;
	char message[RULE_MESSAGE_MAX];
	int error = server_parameters_check_table(options, handler, label);

	if (error == 0 && service->parameters_count > 0 && service->parameters == NULL)
		return server_options_refuse(options, "%sparameters: missing", label);
	for (size_t i = 0; error == 0 && i < service->parameters_count; i++)
		error = check_setting(options, service, i, label);
	for (size_t i = 0; error == 0 && i < handler->parameters_count; i++) {
		const struct dgram_parameter *parameter = &handler->parameters[i];

		if (!parameter->required || find_setting(service, parameter) != NULL)
			continue;
		rule_require_option(handler->name, message);
		error = server_options_refuse(
			options, "%sparameters: %s: %s", label, parameter->name, message);
	}
	return error;
}

/* --- the copy */

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
		for (word = 0; strcmp(parameter->words[word], value->text) != 0; word++)
			;
	value->text = parameter->words[word];
	value->number = (double)word;
}

int server_parameters_copy(const struct dgram_service *service, struct handler_values **ret_values)
{
	const struct dgram_handler *handler = service->handler;
	size_t count = handler->parameters_count, texts = 0, bytes = 0;
	struct handler_values *values;
	struct store store;

	for (size_t i = 0; i < service->parameters_count; i++)
		add_needs_of(&service->parameters[i], &texts, &bytes);
	values = calloc(1, sizeof(*values) + count * sizeof(values->of[0]) +
				   texts * sizeof(char *) + bytes + 1);
	if (values == NULL)
		return -ENOMEM;
	store.next_text = (const char **)(void *)(values->of + count);
	store.next_byte = (char *)(store.next_text + texts);
	for (size_t i = 0; i < count; i++) {
		const struct dgram_parameter *parameter = &handler->parameters[i];
		const struct dgram_setting *setting = find_setting(service, parameter);

		values->of[i].name = parameter->name;
		if (setting != NULL) {
			copy_setting(&store, setting, &values->of[i]);
		} else {
			values->of[i].number = parameter->initial;
			values->of[i].text = parameter->text;
		}
		if (parameter->type == DGRAM_WORD)
			complete_word(parameter, &values->of[i]);
	}
	*ret_values = values;
	return 0;
}
