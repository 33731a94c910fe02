/* The params table as a JSON Schema. Draft-07 is what editors know. */
#include "config/config.h"

#include <limits.h>
#include <string.h>

#include "json/json.h"
#include "config/params.h"

/* What an object is described for. */
struct view {
	enum param_scope scope;
	const struct config_handlers *handlers;
};

static void put_object(struct json *json, const struct view *view, const struct param *group);

static const char *effect(bool live)
{
	return live ? "Takes effect on reload." : "Takes effect after a restart.";
}

static void put_description(struct json *json, const struct param *param)
{
	char text[320];

	snprintf(text, sizeof(text), "%s%s%s%s %s", param->meaning, param->unit ? " In " : "",
		param->unit ? param->unit : "", param->unit ? "." : "", effect(param->live));
	json_text(json, "description",
		param->type == PARAM_TYPE_GROUP || param == &params[PARAM_SCHEMA] ? param->meaning
										  : text);
}

static void put_parameter_type(struct json *json, const struct dgram_parameter *parameter)
{
	static const struct {
		const char *name, *minimum, *maximum;
	} types[] = {
		[DGRAM_NUMBER] = { "number", "minimum", "maximum" },
		[DGRAM_WHOLE] = { "integer", "minimum", "maximum" },
		[DGRAM_BOOLEAN] = { "boolean", NULL, NULL },
		[DGRAM_TEXT] = { "string", "minLength", "maxLength" },
		[DGRAM_WORD] = { "string", NULL, NULL },
		[DGRAM_TEXTS] = { "array", "minItems", "maxItems" },
	};
	const char *minimum = types[parameter->type].minimum;

	json_text(json, "type", types[parameter->type].name);
	if (parameter->type == DGRAM_WORD)
		json_texts(json, "enum", parameter->words);
	if (parameter->type == DGRAM_TEXTS) {
		json_open(json, "items", '{');
		json_text(json, "type", "string");
		json_close(json, '}');
	}
	if (minimum) {
		json_number(json, minimum, parameter->minimum);
		json_number(json, types[parameter->type].maximum, parameter->maximum);
	}
}

static void put_parameter_default(struct json *json, const struct dgram_parameter *parameter)
{
	if (parameter->type == DGRAM_BOOLEAN)
		json_bool(json, "default", parameter->initial > 0);
	else if (parameter->type == DGRAM_TEXTS)
		json_texts(json, "default", NULL);
	else if (parameter->type == DGRAM_WORD)
		json_text(json, "default", parameter->words[(size_t)parameter->initial]);
	else if (parameter->type == DGRAM_TEXT)
		json_text(json, "default", parameter->text);
	else
		json_number(json, "default", parameter->initial);
}

static void put_parameter(struct json *json, const struct dgram_parameter *parameter)
{
	char text[320];

	snprintf(text, sizeof(text), "%s%s%s", parameter->sentence ? parameter->sentence : "",
		parameter->sentence ? " " : "", effect(parameter->live));
	json_open(json, parameter->name, '{');
	json_text(json, "description", text);
	put_parameter_type(json, parameter);
	if (!parameter->required)
		put_parameter_default(json, parameter);
	json_close(json, '}');
}

static bool has_required(const struct dgram_handler *handler)
{
	for (size_t i = 0; i < handler->parameters_count; i++)
		if (handler->parameters[i].required)
			return true;
	return false;
}

static void put_required_parameters(struct json *json, const struct dgram_handler *handler)
{
	if (!has_required(handler))
		return;
	json_open(json, "required", '[');
	for (size_t i = 0; i < handler->parameters_count; i++)
		if (handler->parameters[i].required)
			json_text(json, NULL, handler->parameters[i].name);
	json_close(json, ']');
}

/* Objects inside each other; the last key is NULL. */
static void open_objects(struct json *json, const char *const *keys)
{
	for (; *keys; keys++)
		json_open(json, *keys, '{');
}

static void close_objects(struct json *json, unsigned count)
{
	for (; count > 0; count--)
		json_close(json, '}');
}

static void put_required(struct json *json, const struct param *param)
{
	json_open(json, "required", '[');
	json_text(json, NULL, param_key(param));
	json_close(json, ']');
}

/* The name of a file, in any folder. */
static void put_path_pattern(struct json *json, const char *path)
{
	const char *name = basename(path);
	char pattern[2 * NAME_MAX + 16] = "/";
	size_t length = 1;

	for (; *name != '\0' && length < sizeof(pattern) - 3; name++) {
		if (strchr("\\^$.*+?()[]{}|", *name) != NULL)
			pattern[length++] = '\\';
		pattern[length++] = *name;
	}
	pattern[length] = '$';
	json_text(json, "pattern", pattern);
}

/* The options of a handler, after the "if" that names it. */
static void put_options(struct json *json, const struct dgram_handler *handler)
{
	json_open(json, "then", '{');
	if (has_required(handler))
		put_required(json, &params[PARAM_OPTIONS]);
	open_objects(json, (const char *const[]){ "properties", "options", NULL });
	json_text(json, "type", "object");
	json_bool(json, "additionalProperties", false);
	put_required_parameters(json, handler);
	json_open(json, "properties", '{');
	for (size_t i = 0; i < handler->parameters_count; i++)
		put_parameter(json, &handler->parameters[i]);
	close_objects(json, 4);
}

/* One that is linked in has no path. A file may leave out `handler` for the default one. */
static void put_handler(
	struct json *json, const struct dgram_handler *handler, const char *path, bool is_default)
{
	json_open(json, NULL, '{');
	open_objects(json, (const char *const[]){ "if", "properties", "handler", NULL });
	if (path)
		put_path_pattern(json, path);
	else
		json_text(json, "const", handler->name);
	close_objects(json, 2);
	if (!is_default)
		put_required(json, &params[PARAM_HANDLER]);
	json_close(json, '}');
	put_options(json, handler);
	json_close(json, '}');
}

/* Or any path, which is a plug-in's. */
static void put_names(struct json *json, const struct dgram_handler *const *listed)
{
	const char *initial = listed[0]->name;

	json_text(json, "type", "string");
	json_open(json, "anyOf", '[');
	json_open(json, NULL, '{');
	json_open(json, "enum", '[');
	for (; *listed; listed++)
		json_text(json, NULL, (*listed)->name);
	json_close(json, ']');
	json_close(json, '}');
	json_open(json, NULL, '{');
	json_text(json, "pattern", "/");
	json_close(json, '}');
	json_close(json, ']');
	json_text(json, "default", initial);
}

static void put_string_type(struct json *json, const struct param *param)
{
	json_text(json, "type", "string");
	json_number(json, "minLength", param->limits.minimum);
	json_number(json, "maxLength", param->limits.maximum);
	if (param->type == PARAM_TYPE_NAME)
		json_text(json, "pattern", "^[a-z][a-z0-9-]*$");
	if (param->type == PARAM_TYPE_CPUS)
		json_text(json, "pattern", "^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$");
	if (param->type == PARAM_TYPE_TARGET)
		json_text(json, "pattern", LOG_TARGET_PATTERN);
	if (param->text && param->text[0])
		json_text(json, "default", param->text);
}

static void put_hosts(struct json *json, const struct param *param)
{
	json_open(json, "type", '[');
	json_text(json, NULL, "string");
	json_text(json, NULL, "array");
	json_close(json, ']');
	json_open(json, "items", '{');
	json_text(json, "type", "string");
	json_close(json, '}');
	json_number(json, "minItems", param->limits.minimum);
	json_number(json, "maxItems", param->limits.maximum);
	json_text(json, "default", param->text);
}

static void put_prefixes(struct json *json, const struct param *param)
{
	json_text(json, "type", "array");
	json_open(json, "items", '{');
	json_text(json, "type", "string");
	json_close(json, '}');
	json_number(json, "minItems", param->limits.minimum);
	json_number(json, "maxItems", param->limits.maximum);
	json_texts(json, "default", NULL);
}

static void put_ports(struct json *json, const struct param *param)
{
	static const uint16_t refused[] = { DEFAULT_REFUSED_PORTS };

	json_text(json, "type", "array");
	json_open(json, "items", '{');
	json_text(json, "type", "integer");
	json_number(json, "minimum", 1);
	json_number(json, "maximum", UINT16_MAX);
	json_close(json, '}');
	json_number(json, "maxItems", param->limits.maximum);
	json_open(json, "default", '[');
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		json_number(json, NULL, refused[i]);
	json_close(json, ']');
}

static void put_services(
	struct json *json, const struct param *param, const struct config_handlers *handlers)
{
	json_text(json, "type", "array");
	json_number(json, "minItems", param->limits.minimum);
	json_number(json, "maxItems", param->limits.maximum);
	json_open(json, "items", '{');
	put_object(json, &(struct view){ PARAM_SCOPE_SERVICE, handlers }, NULL);
	json_close(json, '}');
}

static void put_param(struct json *json, const struct view *view, const struct param *param)
{
	json_open(json, param_key(param), '{');
	put_description(json, param);
	switch (param->type) {
	case PARAM_TYPE_GROUP:
		put_object(json, view, param);
		break;
	case PARAM_TYPE_WHOLE:
	case PARAM_TYPE_FACTOR:
		json_text(json, "type", param->type == PARAM_TYPE_WHOLE ? "integer" : "number");
		json_number(json, "minimum", param->limits.minimum);
		json_number(json, "maximum", param->limits.maximum);
		json_number(json, "default", param->limits.initial);
		break;
	case PARAM_TYPE_BOOLEAN:
		json_text(json, "type", "boolean");
		json_bool(json, "default", param->limits.initial);
		break;
	case PARAM_TYPE_WORD:
		json_texts(json, "enum", param->words);
		json_text(json, "default", param->words[param->limits.initial]);
		break;
	case PARAM_TYPE_HANDLER:
		put_names(json, view->handlers->listed);
		break;
	case PARAM_TYPE_NAME:
	case PARAM_TYPE_TEXT:
	case PARAM_TYPE_CPUS:
	case PARAM_TYPE_TARGET:
		put_string_type(json, param);
		break;
	case PARAM_TYPE_HOSTS:
		put_hosts(json, param);
		break;
	case PARAM_TYPE_PREFIXES:
		put_prefixes(json, param);
		break;
	case PARAM_TYPE_PORTS:
		put_ports(json, param);
		break;
	case PARAM_TYPE_OPTIONS:
		break; /* see put_handler() */
	case PARAM_TYPE_SERVICES:
		put_services(json, param, view->handlers);
		break;
	}
	json_close(json, '}');
}

static void put_object(struct json *json, const struct view *view, const struct param *group)
{
	json_text(json, "type", "object");
	json_bool(json, "additionalProperties", false);
	json_open(json, "properties", '{');
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (param_is_in(&params[i], view->scope, group))
			put_param(json, view, &params[i]);
	}
	json_close(json, '}');
	if (group)
		return;
	json_open(json, "allOf", '[');
	for (size_t i = 0; view->handlers->listed[i]; i++)
		put_handler(json, view->handlers->listed[i], NULL, i == 0);
	for (const struct config_plugin *each = view->handlers->plugins; each && each->path; each++)
		put_handler(json, each->handler, each->path, false);
	json_close(json, ']');
}

/* Beside a list of services the keys of a single one are not allowed. */
static void put_exclusion(struct json *json)
{
	json_open(json, "if", '{');
	put_required(json, &params[PARAM_SERVICES]);
	json_close(json, '}');
	open_objects(json, (const char *const[]){ "then", "properties", NULL });
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (param_is_single(&params[i]))
			json_bool(json, param_key(&params[i]), false);
	}
	close_objects(json, 2);
}

void config_schema_print(const struct config_handlers *handlers, FILE *file)
{
	struct json json = { .file = file };

	json_open(&json, NULL, '{');
	json_text(&json, "$schema", "http://json-schema.org/draft-07/schema#");
	json_text(&json, "title", "server.json, the configuration of dgramd");
	put_object(&json, &(struct view){ PARAM_SCOPE_TOP, handlers }, NULL);
	put_exclusion(&json);
	json_close(&json, '}');
}
