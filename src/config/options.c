#include "config/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"

int options_init(struct values *service)
{
	size_t count = values_handler(service)->parameters_count;

	if (count == 0)
		return 0;
	service->parameters = calloc(count, sizeof(*service->parameters));
	return service->parameters ? 0 : -ENOMEM;
}

void options_clear(struct values *service)
{
	size_t count = service->parameters ? values_handler(service)->parameters_count : 0;

	for (size_t i = 0; i < count; i++)
		free((void *)service->parameters[i].texts);
	free(service->parameters);
	service->parameters = NULL;
}

static int set_texts(struct element list, struct dgram_setting *setting)
{
	size_t count = (size_t)cJSON_GetArraySize(list.item);
	const char **texts = calloc(count + 1, sizeof(*texts));

	if (!texts)
		return -ENOMEM;
	setting->texts = texts;
	setting->texts_count = count;
	for (struct element text = element_first(list); text.item; text = element_next(text))
		*texts++ = text.item->valuestring;
	return 0;
}

/* Of an element that its rule takes. */
static int set_value(const struct dgram_parameter *parameter, struct element element,
	struct dgram_setting *setting)
{
	free((void *)setting->texts);
	setting->texts = NULL;
	setting->texts_count = 0;
	setting->name = parameter->name;
	setting->number = cJSON_IsTrue(element.item) ? 1 : element.item->valuedouble;
	setting->text = element.item->valuestring;
	return parameter->type == DGRAM_TEXTS ? set_texts(element, setting) : 0;
}

static const struct dgram_parameter *find_parameter(
	const struct dgram_handler *handler, const char *name)
{
	for (size_t i = 0; i < handler->parameters_count; i++)
		if (strcmp(handler->parameters[i].name, name) == 0)
			return &handler->parameters[i];
	return NULL;
}

int options_set(
	struct values *service, struct element object, const char *label, struct report *report)
{
	const struct dgram_handler *handler = values_handler(service);
	char path[96];
	int r = 0;

	for (struct element member = element_first(object); r == 0 && member.item;
		member = element_next(member)) {
		const char *name = member.item->string;
		const struct dgram_parameter *parameter = find_parameter(handler, name);
		struct rule rule;

		if (!parameter) {
			check_unknown_option(member, handler, label, report);
			continue;
		}
		snprintf(path, sizeof(path), "%soptions.%s", label, name);
		rule = RULE_OF_PARAMETER(parameter);
		if (cJSON_GetObjectItemCaseSensitive(object.item, name) != member.item)
			report_add(report, element_key_place(member),
				"%s: given twice in one object", path);
		else if (check_rule(path, member, &rule, report))
			r = set_value(parameter, member,
				&service->parameters[parameter - handler->parameters]);
		else /* so it is not missing */
			service->parameters[parameter - handler->parameters].name = parameter->name;
	}
	return r;
}

void options_complete(
	struct values *service, struct report_place place, const char *label, struct report *report)
{
	const struct dgram_handler *handler = values_handler(service);
	char message[RULE_MESSAGE_MAX];

	for (size_t i = 0; i < handler->parameters_count; i++) {
		const struct dgram_parameter *parameter = &handler->parameters[i];
		struct dgram_setting *setting = &service->parameters[i];

		if (setting->name)
			continue;
		setting->name = parameter->name;
		if (parameter->required) {
			rule_require_option(handler->name, message);
			report_add(
				report, place, "%soptions.%s: %s", label, parameter->name, message);
			continue;
		}
		if (parameter->type == DGRAM_WORD) {
			setting->text = parameter->words[(size_t)parameter->initial];
		} else {
			setting->number = parameter->initial;
			setting->text = parameter->text;
		}
	}
}

void options_format(const struct dgram_parameter *parameter, const struct dgram_setting *setting,
	char *text, size_t size)
{
	char number[RULE_NUMBER_MAX];
	const char *plain = setting->text ? setting->text : "";
	size_t at = 0;

	if (parameter->type == DGRAM_BOOLEAN)
		plain = setting->number > 0 ? "true" : "false";
	else if (parameter->type == DGRAM_NUMBER || parameter->type == DGRAM_WHOLE)
		plain = rule_number_text(setting->number + 0.0, number); /* -0 is 0 */
	snprintf(text, size, "%s", plain);
	for (size_t i = 0; i < setting->texts_count && at < size; i++)
		at += (size_t)snprintf(
			text + at, size - at, "%s%s", i > 0 ? ", " : "", setting->texts[i]);
}
