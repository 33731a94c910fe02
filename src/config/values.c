#include "config/values.h"

#include <assert.h>
#include <string.h>

void values_init(struct values *values, const struct config_handlers *handlers)
{
	*values = (struct values){ .of = { { .present = false } } };
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		values->of[i].number = params[i].limits.initial;
		if (params[i].type == PARAM_TYPE_HANDLER)
			values->of[i].handler = handlers->listed[0];
	}
}

/* Of a list its member number `index`, else the value itself. */
static struct element text_element(const struct value *value, size_t index)
{
	struct element element = value->element;

	assert(index < value_texts_count(value));
	if (!cJSON_IsArray(element.item))
		return element;
	element = element_first(element);
	for (; index > 0; index--)
		element = element_next(element);
	return element;
}

size_t value_texts_count(const struct value *value)
{
	bool is_list = value->present && cJSON_IsArray(value->element.item);

	return is_list ? (size_t)cJSON_GetArraySize(value->element.item) : 1;
}

size_t value_prefixes_count(const struct value *value)
{
	return value->present ? value_texts_count(value) : 0;
}

const char *value_text(const struct value *value, const struct param *param, size_t index)
{
	return value->present ? text_element(value, index).item->valuestring : param->text;
}

size_t values_hosts(const struct values *values, const char *hosts[static DGRAM_HOSTS_MAX])
{
	const struct value *value = &values->of[PARAM_HOST];
	size_t count = value_texts_count(value);

	for (size_t i = 0; i < count; i++)
		hosts[i] = value_text(value, &params[PARAM_HOST], i);
	if (strcmp(hosts[0], ALL_HOSTS) != 0)
		return count;
	hosts[0] = "0.0.0.0";
	hosts[1] = "::";
	return 2;
}

size_t value_ports(const struct value *value, uint16_t ports[static DGRAM_REFUSED_PORTS_MAX])
{
	static const uint16_t refused[] = { DEFAULT_REFUSED_PORTS };
	size_t count = 0;

	if (!value->present) {
		memcpy(ports, refused, sizeof(refused));
		return sizeof(refused) / sizeof(refused[0]);
	}
	for (struct element port = element_first(value->element); port.item;
		port = element_next(port))
		ports[count++] = (uint16_t)port.item->valuedouble;
	return count;
}

struct report_place value_text_place(const struct value *value, size_t index)
{
	return element_place(text_element(value, index));
}

const struct dgram_handler *values_handler(const struct values *values)
{
	return values->of[PARAM_HANDLER].handler;
}

const char *values_handler_text(const struct values *values)
{
	const struct value *value = &values->of[PARAM_HANDLER];

	return value->present ? value_text(value, &params[PARAM_HANDLER], 0) : value->handler->name;
}

const char *values_name(const struct values *values)
{
	const char *name = value_text(&values->of[PARAM_NAME], &params[PARAM_NAME], 0);

	return name ? name : values_handler(values)->name;
}

double values_factor(const struct values *values)
{
	const struct value *value = &values->of[PARAM_MAX_REPLY_FACTOR];

	return value->present ? value->element.item->valuedouble : DGRAM_FACTOR_OF_HANDLER;
}

double values_factor_in_force(const struct values *values)
{
	double factor = values_factor(values);

	return factor == DGRAM_FACTOR_OF_HANDLER ? REPLY_FACTOR_OF(values_handler(values)) : factor;
}
