#include "process/description.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "json/json.h"

struct description {
	struct dgram_handler handler; /* comes first, because it stands for the whole */
	cJSON *root;		      /* has all texts */
	struct dgram_parameter parameters[];
};

static void write_parameter(struct json *json, const struct dgram_parameter *parameter)
{
	json_open(json, NULL, '{');
	json_text(json, "name", parameter->name);
	json_number(json, "type", parameter->type);
	json_bool(json, "required", parameter->required);
	json_bool(json, "live", parameter->live);
	json_number(json, "minimum", parameter->minimum);
	json_number(json, "maximum", parameter->maximum);
	json_number(json, "initial", parameter->initial);
	json_text(json, "text", parameter->text);
	json_text(json, "sentence", parameter->sentence);
	if (parameter->type == DGRAM_WORD)
		json_texts(json, "words", parameter->words);
	json_close(json, '}');
}

void description_write(const struct dgram_handler *handler, FILE *file)
{
	struct json json = { .file = file };

	json_open(&json, NULL, '{');
	json_number(&json, "abi", handler->abi);
	json_text(&json, "name", handler->name);
	json_bool(&json, "reads_arrived", handler->reads_arrived);
	json_number(&json, "max_reply_factor", handler->max_reply_factor);
	json_open(&json, "options", '[');
	for (size_t i = 0; i < handler->parameters_count; i++)
		write_parameter(&json, &handler->parameters[i]);
	json_close(&json, ']');
	json_close(&json, '}');
}

static const char *get_text(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static double get_number(const cJSON *object, const char *key, double otherwise)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNumber(number) ? number->valuedouble : otherwise;
}

/* False: it has no type, or there is no memory. */
static bool read_parameter(const cJSON *object, struct dgram_parameter *parameter)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "words"), *word;
	const char **words = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*words));
	double type = get_number(object, "type", -1);

	parameter->words = words;
	if (words == NULL || type < 0 || type > DGRAM_TEXTS)
		return false;
	cJSON_ArrayForEach(word, list) *words++ = cJSON_GetStringValue(word);
	parameter->type = (enum dgram_type)type;
	parameter->name = get_text(object, "name");
	parameter->required = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "required"));
	parameter->live = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "live"));
	parameter->minimum = get_number(object, "minimum", -INFINITY);
	parameter->maximum = get_number(object, "maximum", INFINITY);
	parameter->initial = get_number(object, "initial", 0);
	parameter->text = get_text(object, "text");
	parameter->sentence = get_text(object, "sentence");
	return true;
}

static ssize_t be_described(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return -ENOEXEC;
}

static int be_reconfigured(void *state, const struct dgram_start *start)
{
	(void)state, (void)start;
	return -ENOEXEC;
}

struct dgram_handler *description_read(const char *text)
{
	cJSON *root = cJSON_ParseWithOpts(text, NULL, true);
	const cJSON *options = cJSON_GetObjectItemCaseSensitive(root, "options"), *option;
	size_t count = (size_t)cJSON_GetArraySize(options), at = 0;
	struct description *description =
		calloc(1, sizeof(*description) + count * sizeof(description->parameters[0]));
	bool sound = true;

	if (description == NULL) {
		cJSON_Delete(root);
		return NULL;
	}
	description->root = root;
	description->handler = (struct dgram_handler){
		.abi = DGRAM_ABI,
		.name = get_text(root, "name"),
		.handle = be_described,
		.reconfigure = be_reconfigured,
		.parameters = description->parameters,
		.parameters_count = count,
		.reads_arrived =
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "reads_arrived")),
		.max_reply_factor = get_number(root, "max_reply_factor", 0),
	};
	cJSON_ArrayForEach(option, options)
		sound &= read_parameter(option, &description->parameters[at++]);
	if (sound && dgram_handler_check(&description->handler, NULL, 0) == 0)
		return &description->handler;
	description_free(&description->handler);
	return NULL;
}

void description_free(struct dgram_handler *handler)
{
	struct description *description = (struct description *)handler;

	if (description == NULL)
		return;
	for (size_t i = 0; i < handler->parameters_count; i++)
		free((void *)(uintptr_t)description->parameters[i].words);
	cJSON_Delete(description->root);
	free(description);
}
