/* What a reload changes. */
#include "config/config.h"

#include <string.h>

#include "config/access.h"
#include "config/options.h"

#define VALUE_TEXT_MAX 8192

struct comparison {
	config_change_fn *change;
	void *context;
	char prefix[32]; /* of the paths: "", "services.1." */
	bool renamed;	 /* the service is new: all of its values wait for a restart */
	int count;
};

static void add_change(struct comparison *comparison, const char *path, const char *old_text,
	const char *new_text, bool live)
{
	char full[96];

	snprintf(full, sizeof(full), "%s%s", comparison->prefix, path);
	comparison->change(comparison->context, full, old_text, new_text, live);
	comparison->count++;
}

static bool has_value(size_t index)
{
	return params[index].type != PARAM_TYPE_GROUP && index != PARAM_SERVICES &&
	       index != PARAM_SCHEMA && index != PARAM_OPTIONS;
}

static bool is_of_services(size_t index)
{
	return params[index].scope & PARAM_SCOPE_SERVICE;
}

static void format_ports(const struct value *value, char text[VALUE_TEXT_MAX])
{
	uint16_t ports[DGRAM_REFUSED_PORTS_MAX];
	size_t count = value_ports(value, ports), at = 0;

	snprintf(text, VALUE_TEXT_MAX, "none");
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(
			text + at, VALUE_TEXT_MAX - at, "%s%u", i > 0 ? ", " : "", ports[i]);
}

/* Cut at VALUE_TEXT_MAX, which is longer than 64 addresses or 128 prefixes. */
static void format_value(const struct values *values, size_t index, char text[VALUE_TEXT_MAX])
{
	const struct param *param = &params[index];
	const struct value *value = &values->of[index];
	const char *word = NULL;
	size_t at = 0;

	if (param->type == PARAM_TYPE_BOOLEAN)
		word = value->number ? "true" : "false";
	else if (param->type == PARAM_TYPE_WORD)
		word = param->words[value->number];
	else if (param->type == PARAM_TYPE_HANDLER)
		word = values_handler_text(values);
	else if (param->type == PARAM_TYPE_NAME)
		word = values_name(values);
	else if (param->type == PARAM_TYPE_PREFIXES && value_prefixes_count(value) == 0)
		word = "none";
	if (param->type == PARAM_TYPE_WHOLE)
		snprintf(text, VALUE_TEXT_MAX, "%u", value->number);
	else if (param->type == PARAM_TYPE_FACTOR)
		snprintf(text, VALUE_TEXT_MAX, "%.15g", values_factor_in_force(values));
	else if (param->type == PARAM_TYPE_PORTS)
		format_ports(value, text);
	else if (word)
		snprintf(text, VALUE_TEXT_MAX, "%s", word);
	else
		for (size_t i = 0; i < value_texts_count(value) && at < VALUE_TEXT_MAX; i++)
			at += (size_t)snprintf(text + at, VALUE_TEXT_MAX - at, "%s%s",
				i > 0 ? ", " : "", value_text(value, param, i));
}

/* Of values whose texts are the same: a plug-in or a file of prefixes that was written anew, a long list. */
static bool is_changed_within(
	size_t index, const struct values *old_values, const struct values *new_values)
{
	if (params[index].type == PARAM_TYPE_HANDLER)
		return values_handler(old_values) != values_handler(new_values);
	if (params[index].type == PARAM_TYPE_PREFIXES &&
		value_prefixes_count(&old_values->of[index]) > 0)
		return !cJSON_Compare(old_values->of[index].element.item,
			new_values->of[index].element.item, true);
	return index == PARAM_ACCESS_FILE &&
	       !access_is_same_file(old_values->access, new_values->access);
}

/* Where neither says, the handler that runs does. */
static bool is_left_to_handler(
	size_t index, const struct values *old_values, const struct values *new_values)
{
	return params[index].type == PARAM_TYPE_FACTOR && !old_values->of[index].present &&
	       !new_values->of[index].present;
}

static void compare_value(struct comparison *comparison, size_t index,
	const struct values *old_values, const struct values *new_values)
{
	char old_text[VALUE_TEXT_MAX], new_text[VALUE_TEXT_MAX];

	format_value(old_values, index, old_text);
	format_value(new_values, index, new_text);
	if (strcmp(old_text, new_text) == 0 && is_changed_within(index, old_values, new_values))
		snprintf(new_text, sizeof(new_text), "%.*s, which has changed", VALUE_TEXT_MAX / 2,
			old_text);
	if (strcmp(old_text, new_text) != 0 && !is_left_to_handler(index, old_values, new_values))
		add_change(comparison, params[index].path, old_text, new_text,
			params[index].live && !comparison->renamed);
}

/* Options of two handlers are not compared: the change of the handler says enough. */
static void compare_options(struct comparison *comparison, const struct values *old_values,
	const struct values *new_values)
{
	const struct dgram_handler *handler = values_handler(old_values);
	char path[64], old_text[VALUE_TEXT_MAX], new_text[VALUE_TEXT_MAX];

	if (handler != values_handler(new_values))
		return;
	for (size_t i = 0; i < handler->parameters_count; i++) {
		const struct dgram_parameter *parameter = &handler->parameters[i];

		options_format(parameter, &old_values->parameters[i], old_text, sizeof(old_text));
		options_format(parameter, &new_values->parameters[i], new_text, sizeof(new_text));
		if (strcmp(old_text, new_text) == 0)
			continue;
		snprintf(path, sizeof(path), "%s.%s", params[PARAM_OPTIONS].path, parameter->name);
		add_change(comparison, path, old_text, new_text,
			parameter->live && !comparison->renamed);
	}
}

/* The service with the name of this one, or else the one with its number. */
static const struct values *find_old_service(
	const struct config *old_config, const struct config *new_config, size_t number)
{
	const char *name = values_name(&new_config->services[number]);

	for (size_t i = 0; i < old_config->services_count; i++)
		if (strcmp(values_name(&old_config->services[i]), name) == 0)
			return &old_config->services[i];
	return number < old_config->services_count ? &old_config->services[number] : NULL;
}

/* In a list, services have names and numbers. */
static void compare_service(struct comparison *comparison, const struct config *old_config,
	const struct config *new_config, size_t number)
{
	bool listed = old_config->services_listed || new_config->services_listed;
	const struct values *old_values = find_old_service(old_config, new_config, number);
	const struct values *new_values = &new_config->services[number];

	if (old_values == NULL)
		return; /* it was added: the change of `services` says so */
	comparison->renamed = strcmp(values_name(old_values), values_name(new_values)) != 0;
	if (listed)
		snprintf(comparison->prefix, sizeof(comparison->prefix), "services.%zu.", number);
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (has_value(i) && is_of_services(i) && (listed || i != PARAM_NAME))
			compare_value(comparison, i, old_values, new_values);
	}
	compare_options(comparison, old_values, new_values);
}

static void report_count_change(struct comparison *comparison, size_t old_count, size_t new_count)
{
	char old_text[24], new_text[24];

	snprintf(old_text, sizeof(old_text), "%zu in number", old_count);
	snprintf(new_text, sizeof(new_text), "%zu", new_count);
	add_change(comparison, params[PARAM_SERVICES].path, old_text, new_text, false);
}

int config_changes(const struct config *old_config, const struct config *new_config,
	config_change_fn *change, void *context)
{
	struct comparison comparison = { .change = change, .context = context };

	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (has_value(i) && !is_of_services(i))
			compare_value(&comparison, i, &old_config->top, &new_config->top);
	}
	if (old_config->services_count != new_config->services_count)
		report_count_change(
			&comparison, old_config->services_count, new_config->services_count);
	for (size_t i = 0; i < new_config->services_count; i++)
		compare_service(&comparison, old_config, new_config, i);
	return comparison.count;
}
