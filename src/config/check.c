#include "config/check.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/cpus.h"
#include "json/json.h"
#include "json/suggest.h"
#include "json/utf8.h"

/* How much of a key a message shows; the excerpt shows it whole. */
#define KEY_BYTES_MAX 48

static void report_type(
	const char *label, struct element element, const char *expected, struct report *report)
{
	report_add(report, element_place(element), "%s: must be %s, not %s", label, expected,
		element_type_name(element));
}

bool check_object(const char *label, struct element element, struct report *report)
{
	if (!cJSON_IsObject(element.item))
		report_type(label, element, "an object", report);
	return cJSON_IsObject(element.item);
}

/* Not cJSON's valueint, which saturates. */
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

	if (check_number(check->label, element, &range, true, check->report))
		value->number = (unsigned)element.item->valuedouble;
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
	       text[strspn(text, SERVICE_NAME_CHARACTERS)] == '\0';
}

static void check_text(const struct check *check, struct element element)
{
	const struct limits *limits = &check->param->limits;
	const char *text = element.item->valuestring;
	struct cpus cpus;

	if (!cJSON_IsString(element.item))
		report_type(check->label, element, "a string", check->report);
	else if (strlen(text) < limits->minimum || strlen(text) > limits->maximum)
		report_add(check->report, element_place(element),
			"%s: must be from %u to %u bytes long", check->label, limits->minimum,
			limits->maximum);
	else if (check->param->type == PARAM_TYPE_NAME && !is_name(text))
		report_add(check->report, element_place(element),
			"%s: may have a-z, 0-9 and -, a letter first", check->label);
	else if (check->param->type == PARAM_TYPE_CPUS && cpus_parse(text, &cpus) < 0)
		report_add(check->report, element_place(element),
			"%s: must be a list of CPUs as in \"2-5,8\", each at most %u", check->label,
			CPUS_MAX - 1);
}

static bool is_address(const char *text, size_t length)
{
	char copy[ADDR_TEXT_MAX] = "";
	union addr addr;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	return addr_parse(copy, 0, &addr) == 0;
}

static bool is_address_in_brackets(const char *text, size_t length)
{
	return length > 2 && text[0] == '[' && text[length - 1] == ']' &&
	       is_address(text + 1, length - 2);
}

/* What is wrong with a host that is not an address: the bytes from *ret_offset on. */
static const char *explain_host(const char *text, int error, size_t *ret_offset)
{
	const char *colon = strrchr(text, ':'), *scope = strchr(text, '%');
	size_t before = colon ? (size_t)(colon - text) : 0;

	*ret_offset = 0;
	if (error == 0)
		return "no service can have a multicast address; "
		       "0.0.0.0 or :: with `broadcast` serves those of this machine";
	if (error == -ENODEV && scope) {
		*ret_offset = (size_t)(scope - text) + 1;
		return "there is no network interface of this name";
	}
	if (is_address_in_brackets(text, strlen(text)))
		return "an IPv6 address is written without brackets here";
	if (is_address(text, before) || is_address_in_brackets(text, before)) {
		*ret_offset = before + 1;
		return "must be an address alone; the port belongs in `port`";
	}
	return "must be a numeric IPv4 or IPv6 address; names are not looked up";
}

static void check_host(const struct check *check, struct element element)
{
	const char *text = element.item->valuestring, *message;
	struct report_place place = element_place(element);
	union addr addr;
	size_t offset;
	int r;

	if (!cJSON_IsString(element.item)) {
		report_type(check->label, element, "an address in a string, or a list of them",
			check->report);
		return;
	}
	r = addr_parse(text, 0, &addr);
	if (r == 0 && !addr_is_multicast(&addr))
		return;
	message = explain_host(text, r, &offset);
	if (offset > 0)
		place = element_part_place(element, offset, strlen(text) - offset);
	report_add(check->report, place, "%s: %s", check->label, message);
}

static void check_hosts(const struct check *check, struct element element)
{
	const struct limits *limits = &check->param->limits;
	unsigned count = (unsigned)cJSON_GetArraySize(element.item);

	if (!cJSON_IsArray(element.item)) {
		check_host(check, element);
		return;
	}
	if (count < limits->minimum || count > limits->maximum) {
		report_add(check->report, element_place(element),
			"%s: must be a list of %u to %u addresses", check->label, limits->minimum,
			limits->maximum);
		return;
	}
	for (struct element host = element_first(element); host.item; host = element_next(host))
		check_host(check, host);
}

void check_value(const struct check *check, struct element element, struct value *value)
{
	size_t errors = check->report->count;

	*value = (struct value){ .present = true, .element = element };
	switch (check->param->type) {
	case PARAM_TYPE_WHOLE:
		check_whole(check, element, value);
		break;
	case PARAM_TYPE_BOOLEAN:
		value->number = cJSON_IsTrue(element.item) ? 1 : 0;
		if (!cJSON_IsBool(element.item))
			report_type(check->label, element, "true or false", check->report);
		break;
	case PARAM_TYPE_WORD:
	case PARAM_TYPE_HANDLER:
		check_word(check, element, value);
		break;
	case PARAM_TYPE_NAME:
	case PARAM_TYPE_TEXT:
	case PARAM_TYPE_CPUS:
		check_text(check, element);
		break;
	case PARAM_TYPE_HOSTS:
		check_hosts(check, element);
		break;
	case PARAM_TYPE_GROUP:
	case PARAM_TYPE_OPTIONS:
	case PARAM_TYPE_SERVICES:
		assert(false); /* they have no single value */
	}
	value->invalid = check->report->count > errors;
}

/* A key with this name or path in any object, preferably in this scope. */
static const struct param *find_elsewhere(enum param_scope scope, const char *key)
{
	const struct param *found = NULL;

	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (strcmp(param_key(&params[i]), key) != 0 && strcmp(params[i].path, key) != 0)
			continue;
		if (!found || ((params[i].scope & scope) && !(found->scope & scope)))
			found = &params[i];
	}
	return found;
}

/* "in `queue`", "at the top", "in a service" */
static void describe_object(const struct param *param, char *text, size_t size)
{
	size_t length = strcspn(param->path, ".");

	if (param->path[length])
		snprintf(text, size, "in `%.*s`", (int)length, param->path);
	else
		snprintf(text, size, "%s",
			param->scope == PARAM_SCOPE_SERVICE ? "in one of the `services`"
							    : "at the top of the file");
}

static bool is_option(const char *key)
{
	const struct dgram_handler *handler;

	for (size_t i = 0; (handler = dgram_builtin_handler_at(i)); i++) {
		for (size_t j = 0; j < handler->parameters_count; j++) {
			if (strcmp(handler->parameters[j].name, key) == 0)
				return true;
		}
	}
	return false;
}

static void advise(
	char *text, size_t size, enum param_scope scope, const struct param *group, const char *key)
{
	struct suggestion here = { .written = key }, anywhere = { .written = key };
	const struct param *elsewhere = find_elsewhere(scope, key);
	const struct param *nearest = NULL;
	char object[48];

	for (size_t i = 0; i < PARAM_COUNT; i++) {
		const char *best = anywhere.best;

		if (param_is_in(&params[i], scope, group))
			suggest_offer(&here, param_key(&params[i]));
		suggest_offer(&anywhere, param_key(&params[i]));
		if (anywhere.best != best)
			nearest = &params[i];
	}
	if (elsewhere || nearest)
		describe_object(elsewhere ? elsewhere : nearest, object, sizeof(object));
	if (elsewhere && strchr(key, '.'))
		snprintf(text, size, "unknown key; write \"%s\" %s", param_key(elsewhere), object);
	else if (elsewhere || is_option(key))
		snprintf(text, size, "this key belongs %s", elsewhere ? object : "in `options`");
	else if (here.best)
		snprintf(text, size, "unknown key; did you mean \"%s\"?", here.best);
	else if (nearest)
		snprintf(text, size, "unknown key; did you mean \"%s\" %s?", anywhere.best, object);
	else
		snprintf(text, size, "unknown key");
}

/* `path`: of the object that the key stands in, or "". */
static void report_key(struct element member, const char *label, const char *path,
	const char *advice, struct report *report)
{
	const char *key = member.item->string;
	size_t length = strnlen(key, KEY_BYTES_MAX + 1);

	if (length > KEY_BYTES_MAX) {
		/* never in the middle of a character */
		do {
			length--;
		} while (length > 0 && utf8_is_continuation(key[length]));
	}
	report_add(report, element_key_place(member), "%s%s%s%.*s%s: %s", label, path,
		path[0] ? "." : "", (int)length, key, key[length] ? "..." : "", advice);
}

void check_unknown_key(struct element member, enum param_scope scope, const struct param *group,
	const char *label, struct report *report)
{
	char advice[160];

	advise(advice, sizeof(advice), scope, group, member.item->string);
	report_key(member, label, group ? group->path : "", advice, report);
}

void check_unknown_option(struct element member, const struct dgram_handler *handler,
	const char *label, struct report *report)
{
	struct suggestion suggestion = { .written = member.item->string };
	char advice[160] = "unknown option";

	for (size_t i = 0; i < handler->parameters_count; i++)
		suggest_offer(&suggestion, handler->parameters[i].name);
	if (handler->parameters_count == 0)
		snprintf(
			advice, sizeof(advice), "the handler \"%s\" has no options", handler->name);
	else if (suggestion.best)
		snprintf(advice, sizeof(advice), "unknown option; did you mean \"%s\"?",
			suggestion.best);
	report_key(member, label, params[PARAM_OPTIONS].path, advice, report);
}
