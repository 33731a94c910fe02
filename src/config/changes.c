/* What a reload changes. */
#include "config/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/settle.h"

struct comparison {
	config_change_fn *change;
	void *context;
	int count;
};

static bool has_value(size_t index)
{
	return params[index].type != PARAM_TYPE_GROUP && index != PARAM_SERVICES &&
	       index != PARAM_SCHEMA;
}

static bool is_of_services(size_t index)
{
	return params[index].scope & PARAM_SCOPE_SERVICE;
}

static void put_value(FILE *file, const struct values *values, size_t index)
{
	const struct param *param = &params[index];
	const struct value *value = &values->of[index];

	if (param->type == PARAM_TYPE_WHOLE) {
		fprintf(file, "%u", value->number);
	} else if (param->type == PARAM_TYPE_WORD || param->type == PARAM_TYPE_HANDLER) {
		fputs(param_word(param, value->number), file);
	} else if (param->type == PARAM_TYPE_NAME) {
		fputs(values_name(values), file);
	} else {
		for (size_t i = 0; i < value_texts_count(value); i++)
			fprintf(file, "%s%s", i > 0 ? ", " : "", value_text(value, param, i));
	}
}

/* The caller frees it; NULL: out of memory. */
static char *format_value(const struct values *values, size_t index)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	put_value(file, values, index);
	/* glibc 2.36 closes without an error when it cannot trim the text. */
	if (fclose(file) != 0 || !text) {
		free(text);
		return NULL;
	}
	return text;
}

static int compare_value(struct comparison *comparison, const char *prefix, size_t index,
	const struct values *old_values, const struct values *new_values)
{
	char *old_text = format_value(old_values, index);
	char *new_text = format_value(new_values, index);
	int r = old_text && new_text ? 0 : -ENOMEM;
	char path[64];

	if (r == 0 && strcmp(old_text, new_text) != 0) {
		snprintf(path, sizeof(path), "%s%s", prefix, params[index].path);
		comparison->change(
			comparison->context, path, old_text, new_text, params[index].live);
		comparison->count++;
	}
	free(old_text);
	free(new_text);
	return r;
}

/* `listed`: they have names and numbers of their own. */
static int compare_service(struct comparison *comparison, const struct config *old_config,
	const struct config *new_config, size_t number)
{
	bool listed = old_config->services_listed || new_config->services_listed;
	char prefix[32] = "";
	int r = 0;

	if (listed)
		snprintf(prefix, sizeof(prefix), "services.%zu.", number);
	for (size_t i = 0; r == 0 && i < PARAM_COUNT; i++) {
		if (has_value(i) && is_of_services(i) && (listed || i != PARAM_NAME))
			r = compare_value(comparison, prefix, i, &old_config->services[number],
				&new_config->services[number]);
	}
	return r;
}

static void report_count_change(struct comparison *comparison, size_t old_count, size_t new_count)
{
	char old_text[24], new_text[24];

	snprintf(old_text, sizeof(old_text), "%zu in number", old_count);
	snprintf(new_text, sizeof(new_text), "%zu", new_count);
	comparison->change(
		comparison->context, params[PARAM_SERVICES].path, old_text, new_text, false);
	comparison->count++;
}

int config_changes(const struct config *old_config, const struct config *new_config,
	config_change_fn *change, void *context)
{
	struct comparison comparison = { change, context, 0 };
	size_t count = old_config->services_count;
	int r = 0;

	for (size_t i = 0; r == 0 && i < PARAM_COUNT; i++) {
		if (has_value(i) && !is_of_services(i))
			r = compare_value(&comparison, "", i, &old_config->top, &new_config->top);
	}
	if (r == 0 && count != new_config->services_count) {
		report_count_change(&comparison, count, new_config->services_count);
		count = 0;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = compare_service(&comparison, old_config, new_config, i);
	return r < 0 ? r : comparison.count;
}
