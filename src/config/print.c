/* config_print(): what is in force, as a file. */
#include "config/load.h"

#include <errno.h>

#include "config/json.h"
#include "config/values.h"

static void print_value(struct json *json, const struct param *param, const struct value *value)
{
	const char *key = param_key(param);
	size_t count = value_texts_count(value);

	if (param->type == PARAM_TYPE_WHOLE) {
		json_whole(json, key, value->number);
	} else if (param->type == PARAM_TYPE_WORD || param->type == PARAM_TYPE_HANDLER) {
		json_text(json, key, param_word(param, value->number));
	} else if (count == 1) {
		json_text(json, key, value_text(value, param, 0));
	} else {
		json_open(json, key, '[');
		for (size_t i = 0; i < count; i++)
			json_text(json, NULL, value_text(value, param, i));
		json_close(json, ']');
	}
}

static void print_group(struct json *json, const struct values *values, enum param_scope scope,
	const struct param *group)
{
	json_open(json, param_key(group), '{');
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if ((params[i].scope & scope) && param_is_in(&params[i], group))
			print_value(json, &params[i], &values->of[i]);
	}
	json_close(json, '}');
}

static void print_service(struct json *json, const struct values *service)
{
	json_open(json, NULL, '{');
	json_text(json, param_key(&params[PARAM_NAME]), values_name(service));
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (i == PARAM_NAME || !(params[i].scope & PARAM_SCOPE_SERVICE) ||
			!param_is_in(&params[i], NULL))
			continue;
		if (params[i].type == PARAM_TYPE_GROUP)
			print_group(json, service, PARAM_SCOPE_SERVICE, &params[i]);
		else
			print_value(json, &params[i], &service->of[i]);
	}
	json_close(json, '}');
}

static void print_services(struct json *json, const struct config *config)
{
	json_open(json, param_key(&params[PARAM_SERVICES]), '[');
	for (size_t i = 0; i < config->services_count; i++)
		print_service(json, &config->services[i]);
	json_close(json, ']');
}

/* With `services`, each of them has its own host, port and handler. */
static bool is_printed(const struct config *config, size_t index)
{
	if (!(params[index].scope & PARAM_SCOPE_TOP) || !param_is_in(&params[index], NULL))
		return false;
	if (index == PARAM_HOST || index == PARAM_PORT || index == PARAM_HANDLER)
		return !config->services_listed;
	return index != PARAM_SCHEMA && (index != PARAM_SERVICES || config->services_listed);
}

int config_print(const struct config *config, FILE *file)
{
	struct json json = { .file = file };

	json_open(&json, NULL, '{');
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		const struct param *param = &params[i];

		if (!is_printed(config, i))
			continue;
		if (param->type == PARAM_TYPE_GROUP)
			print_group(&json, &config->top, PARAM_SCOPE_TOP, param);
		else if (param->type == PARAM_TYPE_SERVICES)
			print_services(&json, config);
		else
			print_value(&json, param, &config->top.of[i]);
	}
	json_close(&json, '}');
	if (fflush(file) != 0)
		return -errno;
	return ferror(file) ? -EIO : 0;
}
