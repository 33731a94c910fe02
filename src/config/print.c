/* The configuration in force, as a file. */
#include "config/config.h"

#include "json/json.h"
#include "config/values.h"

static void print_object(struct json *json, const struct config *config,
	const struct values *values, enum param_scope scope, const struct param *group);

static void print_texts(struct json *json, const struct param *param, const struct value *value)
{
	size_t count = value_texts_count(value);

	if (count > 1)
		json_open(json, param_key(param), '[');
	for (size_t i = 0; i < count; i++)
		json_text(json, count > 1 ? NULL : param_key(param), value_text(value, param, i));
	if (count > 1)
		json_close(json, ']');
}

static void print_ports(struct json *json, const char *key, const struct value *value)
{
	uint16_t ports[DGRAM_REFUSED_PORTS_MAX];
	size_t count = value_ports(value, ports);

	json_open(json, key, '[');
	for (size_t i = 0; i < count; i++)
		json_number(json, NULL, ports[i]);
	json_close(json, ']');
}

/* A text that is not set and has no default is left out. */
static void print_option(
	struct json *json, enum dgram_type type, const struct dgram_setting *setting)
{
	if (type == DGRAM_BOOLEAN)
		json_bool(json, setting->name, setting->number > 0);
	else if (type == DGRAM_NUMBER || type == DGRAM_WHOLE)
		json_number(json, setting->name, setting->number);
	else if (type != DGRAM_TEXTS)
		json_text(json, setting->name, setting->text);
	else
		json_texts(json, setting->name, setting->texts);
}

static void print_options(struct json *json, const struct param *param, const struct values *values)
{
	const struct dgram_handler *handler = values_handler(values);

	if (handler->parameters_count == 0)
		return;
	json_open(json, param_key(param), '{');
	for (size_t i = 0; i < handler->parameters_count; i++)
		print_option(json, handler->parameters[i].type, &values->parameters[i]);
	json_close(json, '}');
}

static void print_prefixes(struct json *json, const struct param *param, const struct value *value)
{
	json_open(json, param_key(param), '[');
	if (value->present)
		for (struct element each = element_first(value->element); each.item;
			each = element_next(each))
			json_text(json, NULL, each.item->valuestring);
	json_close(json, ']');
}

static void print_services(
	struct json *json, const struct param *param, const struct config *config)
{
	json_open(json, param_key(param), '[');
	for (size_t i = 0; i < config->services_count; i++) {
		json_open(json, NULL, '{');
		print_object(json, config, &config->services[i], PARAM_SCOPE_SERVICE, NULL);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void print_param(struct json *json, const struct config *config, const struct values *values,
	enum param_scope scope, const struct param *param)
{
	const struct value *value = &values->of[param - params];
	const char *key = param_key(param);

	switch (param->type) {
	case PARAM_TYPE_GROUP:
		json_open(json, key, '{');
		print_object(json, config, values, scope, param);
		json_close(json, '}');
		break;
	case PARAM_TYPE_WHOLE:
		json_number(json, key, value->number);
		break;
	case PARAM_TYPE_FACTOR:
		json_number(json, key, values_factor_in_force(values));
		break;
	case PARAM_TYPE_BOOLEAN:
		json_bool(json, key, value->number);
		break;
	case PARAM_TYPE_WORD:
		json_text(json, key, param->words[value->number]);
		break;
	case PARAM_TYPE_HANDLER:
		json_text(json, key, values_handler_text(values));
		break;
	case PARAM_TYPE_NAME:
		json_text(json, key, values_name(values));
		break;
	case PARAM_TYPE_TEXT:
	case PARAM_TYPE_CPUS:
	case PARAM_TYPE_TARGET:
	case PARAM_TYPE_HOSTS:
		print_texts(json, param, value);
		break;
	case PARAM_TYPE_PREFIXES:
		print_prefixes(json, param, value);
		break;
	case PARAM_TYPE_PORTS:
		print_ports(json, key, value);
		break;
	case PARAM_TYPE_OPTIONS:
		print_options(json, param, values);
		break;
	case PARAM_TYPE_SERVICES:
		print_services(json, param, config);
		break;
	}
}

/* The top has either `services` or the keys of a single service. */
static bool is_printed(
	const struct config *config, enum param_scope scope, const struct param *param)
{
	if (scope == PARAM_SCOPE_SERVICE)
		return true;
	if (param == &params[PARAM_SERVICES])
		return config->services_listed;
	if (param->type == PARAM_TYPE_FACTOR && config->services_listed)
		return config->top.of[param - params].present; /* else it is each handler's */
	return param != &params[PARAM_SCHEMA] &&
	       !(param_is_single(param) && config->services_listed);
}

static void print_object(struct json *json, const struct config *config,
	const struct values *values, enum param_scope scope, const struct param *group)
{
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (param_is_in(&params[i], scope, group) && is_printed(config, scope, &params[i]))
			print_param(json, config, values, scope, &params[i]);
	}
}

void config_print(const struct config *config, FILE *file)
{
	struct json json = { .file = file };

	json_open(&json, NULL, '{');
	print_object(&json, config, config->services_listed ? &config->top : &config->services[0],
		PARAM_SCOPE_TOP, NULL);
	json_close(&json, '}');
}
