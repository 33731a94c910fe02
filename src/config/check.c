#include "config/check.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/prefix.h"
#include "base/suggest.h"
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

/* The texts of a list. */
static bool check_texts(
	const char *label, struct element list, const struct rule *rule, struct report *report)
{
	unsigned count = (unsigned)cJSON_GetArraySize(list.item);
	char message[RULE_MESSAGE_MAX];
	bool valid = rule_takes_count(rule, count, message);

	if (!valid)
		report_add(report, element_place(list), "%s: %s", label, message);
	for (struct element text = element_first(list); valid && text.item;
		text = element_next(text)) {
		if (cJSON_IsString(text.item))
			continue;
		report_type(label, text, "a string", report);
		valid = false;
	}
	return valid;
}

/* Not cJSON's valueint, which saturates. */
static bool takes(const struct rule *rule, struct element element, char message[RULE_MESSAGE_MAX])
{
	const cJSON *item = element.item;

	switch (rule->type) {
	case RULE_NUMBER:
	case RULE_WHOLE:
		if (cJSON_IsNumber(item))
			return rule_takes_number(rule, item->valuedouble, message);
		break;
	case RULE_BOOLEAN:
		if (cJSON_IsBool(item))
			return true;
		break;
	case RULE_TEXTS:
		break;
	default:
		if (cJSON_IsString(item))
			return rule_takes_text(rule, item->valuestring, message);
	}
	rule_refuse(rule, element_type_name(element), message);
	return false;
}

bool check_rule(
	const char *label, struct element element, const struct rule *rule, struct report *report)
{
	char message[RULE_MESSAGE_MAX];

	if (rule->type == RULE_TEXTS && cJSON_IsArray(element.item))
		return check_texts(label, element, rule, report);
	if (takes(rule, element, message))
		return true;
	report_add(report, element_place(element), "%s: %s", label, message);
	return false;
}

static bool is_address(const char *text, size_t length)
{
	char copy[ADDR_TEXT_MAX] = "";
	struct endpoint endpoint;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	return endpoint_parse(copy, 0, &endpoint) != ENDPOINT_NO_ADDRESS;
}

static bool is_address_in_brackets(const char *text, size_t length)
{
	return length > 2 && text[0] == '[' && text[length - 1] == ']' &&
	       is_address(text + 1, length - 2);
}

/* What is wrong with a host that is not an address: the bytes from *ret_offset on. */
static const char *explain_text(const char *text, size_t *ret_offset)
{
	const char *colon = strrchr(text, ':');
	size_t before = colon ? (size_t)(colon - text) : 0;

	if (strcmp(text, ALL_HOSTS) == 0)
		return "\"" ALL_HOSTS "\" is every address, so it stands alone";
	if (is_address_in_brackets(text, strlen(text)))
		return "an IPv6 address is written without brackets here";
	if (is_address(text, before) || is_address_in_brackets(text, before)) {
		*ret_offset = before + 1;
		return "must be an address alone; the port belongs in `port`";
	}
	return endpoint_explain(ENDPOINT_NO_ADDRESS);
}

/* Why no machine can serve it, or NULL; the same. */
static const char *explain_host(const char *text, size_t *ret_offset)
{
	struct endpoint endpoint;
	enum endpoint_verdict verdict = endpoint_parse(text, 0, &endpoint);

	*ret_offset = verdict == ENDPOINT_INTERFACE ? strcspn(text, "%") + 1 : 0;
	if (verdict == ENDPOINT_POSSIBLE)
		return NULL;
	return verdict == ENDPOINT_NO_ADDRESS ? explain_text(text, ret_offset)
					      : endpoint_explain(verdict);
}

static void check_host(const struct check *check, struct element element)
{
	const char *text = element.item->valuestring, *message;
	struct report_place place = element_place(element);
	size_t offset;

	if (!cJSON_IsString(element.item)) {
		report_type(check->label, element, "an address in a string, or a list of them",
			check->report);
		return;
	}
	message = explain_host(text, &offset);
	if (!message)
		return;
	if (offset > 0)
		place = element_part_place(element, offset, strlen(text) - offset);
	report_add(check->report, place, "%s: %s", check->label, message);
}

/* `things`: what it is a list of. */
static void check_list(const struct check *check, struct element list, const char *things,
	void (*check_each)(const struct check *check, struct element element))
{
	const struct limits *limits = &check->param->limits;
	unsigned count = (unsigned)cJSON_GetArraySize(list.item);
	char expected[32];

	if (!cJSON_IsArray(list.item)) {
		snprintf(expected, sizeof(expected), "a list of %s", things);
		report_type(check->label, list, expected, check->report);
		return;
	}
	if (count < limits->minimum || count > limits->maximum) {
		report_add(check->report, element_place(list), "%s: must be a list of %u to %u %s",
			check->label, limits->minimum, limits->maximum, things);
		return;
	}
	for (struct element each = element_first(list); each.item; each = element_next(each))
		check_each(check, each);
}

static bool is_all_hosts(struct element element)
{
	return cJSON_IsString(element.item) && strcmp(element.item->valuestring, ALL_HOSTS) == 0;
}

static void check_hosts(const struct check *check, struct element element)
{
	unsigned count = (unsigned)cJSON_GetArraySize(element.item);

	if (is_all_hosts(element) || (count == 1 && is_all_hosts(element_first(element))))
		return;
	if (cJSON_IsArray(element.item))
		check_list(check, element, "addresses", check_host);
	else
		check_host(check, element);
}

static void check_prefix(const struct check *check, struct element element)
{
	struct report_place place = element_place(element);
	struct prefix_error why;
	struct prefix ignored;

	if (!cJSON_IsString(element.item)) {
		report_type(check->label, element, "a prefix in a string", check->report);
		return;
	}
	if (prefix_parse(element.item->valuestring, &ignored, &why) == 0)
		return;
	if (why.length > 0 && why.length < strlen(element.item->valuestring))
		place = element_part_place(element, why.offset, why.length);
	report_add(check->report, place, "%s: %s", check->label, why.message);
}

static void check_port(const struct check *check, struct element element)
{
	const struct rule rule = { RULE_WHOLE, 1, UINT16_MAX, NULL };

	(void)check_rule(check->label, element, &rule, check->report);
}

static void find_handler(const struct check *check, struct element element, struct value *value)
{
	const struct config_handlers *handlers = check->handlers;
	char why[CONFIG_HANDLER_ERROR_MAX] = "";

	if (!cJSON_IsString(element.item)) {
		report_type(check->label, element, "a string", check->report);
		return;
	}
	value->handler = handlers->find(handlers->context, element.item->valuestring, why);
	if (!value->handler)
		report_add(check->report, element_place(element), "%s: %s", check->label, why);
}

/* A value of no single rule: was it one? */
static bool check_special(const struct check *check, struct element element, struct value *value)
{
	switch (check->param->type) {
	case PARAM_TYPE_HOSTS:
		check_hosts(check, element);
		return true;
	case PARAM_TYPE_PREFIXES:
		check_list(check, element, "prefixes", check_prefix);
		return true;
	case PARAM_TYPE_PORTS:
		check_list(check, element, "ports", check_port);
		return true;
	case PARAM_TYPE_HANDLER:
		find_handler(check, element, value);
		return true;
	default:
		return false;
	}
}

static struct rule rule_of(const struct param *param)
{
	struct rule rule = {
		.minimum = param->limits.minimum,
		.maximum = param->limits.maximum,
		.words = param->words,
	};

	switch (param->type) {
	case PARAM_TYPE_WHOLE:
		rule.type = RULE_WHOLE;
		break;
	case PARAM_TYPE_FACTOR:
		rule.type = RULE_NUMBER;
		break;
	case PARAM_TYPE_BOOLEAN:
		rule.type = RULE_BOOLEAN;
		break;
	case PARAM_TYPE_NAME:
		rule.type = RULE_NAME;
		break;
	case PARAM_TYPE_CPUS:
		rule.type = RULE_CPUS;
		break;
	case PARAM_TYPE_TARGET:
		rule.type = RULE_TARGET;
		break;
	case PARAM_TYPE_WORD:
		rule.type = RULE_WORD;
		break;
	default:
		assert(param->type == PARAM_TYPE_TEXT); /* others have no single value */
		rule.type = RULE_TEXT;
	}
	return rule;
}

void check_value(const struct check *check, struct element element, struct value *value)
{
	const struct param *param = check->param;
	size_t errors = check->report->count;
	struct rule rule;

	*value = (struct value){ .present = true, .element = element };
	if (check_special(check, element, value)) {
		value->invalid = check->report->count > errors;
		return;
	}
	rule = rule_of(param);
	if (rule.type == RULE_WORD && cJSON_IsString(element.item) &&
		param_word_find(param, element.item->valuestring, &value->number) == 0)
		return;
	value->invalid = !check_rule(check->label, element, &rule, check->report);
	if (rule.type == RULE_WHOLE && !value->invalid)
		value->number = (unsigned)element.item->valuedouble;
	else if (rule.type == RULE_BOOLEAN)
		value->number = cJSON_IsTrue(element.item) ? 1 : 0;
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

static bool is_option(const struct dgram_handler *const *listed, const char *key)
{
	for (; *listed; listed++) {
		for (size_t i = 0; i < (*listed)->parameters_count; i++) {
			if (strcmp((*listed)->parameters[i].name, key) == 0)
				return true;
		}
	}
	return false;
}

static void advise(const struct check *object, enum param_scope scope, const char *key, char *text,
	size_t size)
{
	struct suggestion here = { .written = key }, anywhere = { .written = key };
	const struct param *elsewhere = find_elsewhere(scope, key);
	const struct param *nearest = NULL;
	char place[48];

	for (size_t i = 0; i < PARAM_COUNT; i++) {
		const char *best = anywhere.best;

		if (param_is_in(&params[i], scope, object->param))
			suggest_offer(&here, param_key(&params[i]));
		suggest_offer(&anywhere, param_key(&params[i]));
		if (anywhere.best != best)
			nearest = &params[i];
	}
	if (elsewhere || nearest)
		describe_object(elsewhere ? elsewhere : nearest, place, sizeof(place));
	if (elsewhere && strchr(key, '.'))
		snprintf(text, size, "unknown key; write \"%s\" %s", param_key(elsewhere), place);
	else if (elsewhere || is_option(object->handlers->listed, key))
		snprintf(text, size, "this key belongs %s", elsewhere ? place : "in `options`");
	else if (here.best)
		snprintf(text, size, "unknown key; did you mean \"%s\"?", here.best);
	else if (nearest)
		snprintf(text, size, "unknown key; did you mean \"%s\" %s?", anywhere.best, place);
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

void check_unknown_key(const struct check *object, enum param_scope scope, struct element member)
{
	char advice[160];

	advise(object, scope, member.item->string, advice, sizeof(advice));
	report_key(member, object->label, object->param ? object->param->path : "", advice,
		object->report);
}

void check_unknown_option(struct element member, const struct dgram_handler *handler,
	const char *label, struct report *report)
{
	struct suggestion suggestion = { .written = member.item->string };
	char message[RULE_MESSAGE_MAX];

	for (size_t i = 0; i < handler->parameters_count; i++)
		suggest_offer(&suggestion, handler->parameters[i].name);
	rule_refuse_option(handler->name, handler->parameters_count > 0, suggestion.best, message);
	report_key(member, label, params[PARAM_OPTIONS].path, message, report);
}
