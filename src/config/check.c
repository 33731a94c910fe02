#include "config/check.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/cpus.h"
#include "config/host.h"
#include "json/json.h"
#include "json/suggest.h"

/* valueint saturates, and a NaN is neither below nor above: compare so that it fails. */
bool check_number(const char *label, struct element element, const struct dgram_parameter *range,
	bool whole, struct report *report)
{
	double number = element.item->valuedouble;
	bool is_number = cJSON_IsNumber(element.item);
	char min[JSON_NUMBER_MAX], max[JSON_NUMBER_MAX];

	if (is_number && number >= range->minimum && number <= range->maximum &&
		(!whole || (double)(unsigned)number >= number))
		return true;
	report_add(report, element_place(element), "%s: must be a %snumber from %s to %s%s%s",
		label, whole ? "whole " : "", json_number_text(range->minimum, min),
		json_number_text(range->maximum, max), is_number ? "" : ", not ",
		is_number ? "" : element_type_name(element));
	return false;
}

static void check_whole(const struct check *check, struct element element, struct value *value)
{
	struct dgram_parameter range = { .minimum = check->param->limits.minimum,
		.maximum = check->param->limits.maximum };

	value->bad = !check_number(check->label, element, &range, true, check->report);
	if (!value->bad)
		value->number = (unsigned)element.item->valuedouble;
}

static void check_boolean(const struct check *check, struct element element, struct value *value)
{
	value->number = cJSON_IsTrue(element.item) ? 1 : 0;
	value->bad = !cJSON_IsBool(element.item);
	if (value->bad)
		report_add(check->report, element_place(element),
			"%s: must be true or false, not %s", check->label,
			element_type_name(element));
}

/* `"error", "warn", "info"` */
static void list_words(const struct param *param, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; param_word(param, i) && at < size; i++)
		at += (size_t)snprintf(
			text + at, size - at, "%s\"%s\"", i > 0 ? ", " : "", param_word(param, i));
}

static void check_word(const struct check *check, struct element element, struct value *value)
{
	const struct param *param = check->param;
	struct suggestion suggestion = { .written = element.item->valuestring };
	char words[512];

	if (cJSON_IsString(element.item) &&
		param_word_find(param, element.item->valuestring, &value->number) == 0)
		return;
	value->bad = true;
	list_words(param, words, sizeof(words));
	for (size_t i = 0; cJSON_IsString(element.item) && param_word(param, i); i++)
		suggest_offer(&suggestion, param_word(param, i));
	report_add(check->report, element_place(element), "%s: must be %s%s%s%s%s", check->label,
		param_word(param, 1) ? "one of " : "", words,
		suggestion.best ? "; did you mean \"" : "", suggestion.best ? suggestion.best : "",
		suggestion.best ? "\"?" : "");
}

static bool is_name(const char *text)
{
	return text[0] >= 'a' && text[0] <= 'z' &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static int check_text(const struct check *check, struct element element, struct value *value)
{
	const struct param *param = check->param;
	bool name = param->type == PARAM_TYPE_NAME;
	const char *text = element.item->valuestring;
	struct cpus cpus;

	if (!cJSON_IsString(element.item)) {
		report_add(check->report, element_place(element), "%s: must be a string, not %s",
			check->label, element_type_name(element));
	} else if (strlen(text) < param->limits.minimum || strlen(text) > param->limits.maximum) {
		report_add(check->report, element_place(element),
			"%s: must be from %u to %u bytes long", check->label, param->limits.minimum,
			param->limits.maximum);
	} else if (name && !is_name(text)) {
		report_add(check->report, element_place(element),
			"%s: may have a-z, 0-9 and -, a letter first", check->label);
	} else if (param->type == PARAM_TYPE_CPUS && cpus_parse(text, &cpus) < 0) {
		report_add(check->report, element_place(element),
			"%s: must be a list of CPUs as in \"2-5,8\", each at most %u", check->label,
			CPUS_MAX - 1);
	} else {
		return value_add_text(value, text, element_place(element));
	}
	value->bad = true;
	return 0;
}

static int check_host(const struct check *check, struct element element, struct value *value)
{
	struct host_error error;

	if (!cJSON_IsString(element.item)) {
		report_add(check->report, element_place(element),
			"%s: must be an address in a string, or a list of them, not %s",
			check->label, element_type_name(element));
	} else if (host_check(element.item->valuestring, &error) < 0) {
		struct report_place place = element_place(element);

		if (error.offset > 0)
			place = element_part_place(element, error.offset, error.length);
		report_add(check->report, place, "%s: %s", check->label, error.message);
	} else {
		return value_add_text(value, element.item->valuestring, element_place(element));
	}
	value->bad = true;
	return 0;
}

static int check_hosts(const struct check *check, struct element element, struct value *value)
{
	int count = cJSON_GetArraySize(element.item), r = 0;

	if (!cJSON_IsArray(element.item))
		return check_host(check, element, value);
	if (count < (int)check->param->limits.minimum ||
		count > (int)check->param->limits.maximum) {
		value->bad = true;
		report_add(check->report, element_place(element),
			"%s: must be a list of %u to %u addresses", check->label,
			check->param->limits.minimum, check->param->limits.maximum);
		return 0;
	}
	for (struct element host = element_first(element); r == 0 && host.item;
		host = element_next(host))
		r = check_host(check, host, value);
	return r;
}

int check_value(const struct check *check, struct element element, struct value *value)
{
	value_clear(value);
	value->given = true;
	value->place = element_place(element);
	switch (check->param->type) {
	case PARAM_TYPE_WHOLE:
		check_whole(check, element, value);
		return 0;
	case PARAM_TYPE_BOOLEAN:
		check_boolean(check, element, value);
		return 0;
	case PARAM_TYPE_WORD:
	case PARAM_TYPE_HANDLER:
		check_word(check, element, value);
		return 0;
	case PARAM_TYPE_NAME:
	case PARAM_TYPE_TEXT:
	case PARAM_TYPE_CPUS:
		return check_text(check, element, value);
	case PARAM_TYPE_HOSTS:
		return check_hosts(check, element, value);
	case PARAM_TYPE_GROUP:
	case PARAM_TYPE_OPTIONS:
	case PARAM_TYPE_SERVICES:
		break;
	}
	assert(false); /* they have no single value */
	return 0;
}
