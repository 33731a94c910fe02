#include "config/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/services.h"

/* The object whose keys are decoded: the top, a service, or a group in one of them. */
struct scope {
	struct config *config;
	struct report *report;
	struct values *values;
	enum param_scope kind;
	const struct param *group; /* NULL: none */
	char label[32];		   /* "", "services.1." */
};

static int decode_object(const struct scope *scope, struct element object);

static int decode_service(const struct scope *top, size_t index, struct element element)
{
	struct values *values = &top->config->services[index];
	struct scope scope = { top->config, top->report, values, .kind = PARAM_SCOPE_SERVICE };
	char label[32];

	snprintf(label, sizeof(label), "services.%zu", index);
	snprintf(scope.label, sizeof(scope.label), "services.%zu.", index);
	if (check_object(label, element, top->report))
		return decode_object(&scope, element);
	/* Its name and host are unknown, so they are compared with no other's. */
	values->of[PARAM_NAME].present = values->of[PARAM_NAME].invalid = true;
	values->of[PARAM_HOST].present = values->of[PARAM_HOST].invalid = true;
	return 0;
}

static int decode_service_list(const struct scope *top, struct element list, size_t count)
{
	struct element element = element_first(list);
	int r = services_replace(top->config, count);

	for (size_t i = 0; r == 0 && i < count; i++, element = element_next(element)) {
		top->config->services[i].element = element;
		r = decode_service(top, i, element);
	}
	return r;
}

/* --set services.1.port=...: the service must exist. */
static int decode_service_member(const struct scope *top, struct element member)
{
	const struct config *config = top->config;
	unsigned long index = strtoul(member.item->string, NULL, 10);
	char text[24];

	snprintf(text, sizeof(text), "%lu", index);
	if (index < config->services_count && strcmp(text, member.item->string) == 0)
		return decode_service(top, index, member);
	report_add(top->report, element_key_place(member),
		"services.%.20s: there is no such service; there are %zu, counted from 0",
		member.item->string, config->services_count);
	return 0;
}

static int decode_services(const struct scope *top, struct element element)
{
	const struct limits *limits = &params[PARAM_SERVICES].limits;
	bool is_list = cJSON_IsArray(element.item), is_set = element.document->number > 0;
	size_t count = is_list ? (size_t)cJSON_GetArraySize(element.item) : 0;

	if (is_set && cJSON_IsObject(element.item) && element.item->child)
		return decode_service_member(top, element_first(element));
	top->config->top.of[PARAM_SERVICES] = (struct value){ .present = true, .element = element };
	if (count >= limits->minimum && count <= limits->maximum)
		return decode_service_list(top, element, count);
	report_add(top->report, element_place(element),
		"services: must be a list of %u to %u objects%s%s", limits->minimum,
		limits->maximum, is_list ? "" : ", not ",
		is_list ? "" : element_type_name(element));
	return 0;
}

static int decode_member(
	const struct scope *scope, const struct param *param, struct element member)
{
	struct scope inner = *scope;
	char label[64];

	inner.group = param;
	if (param->type == PARAM_TYPE_GROUP)
		scope->values->of[param - params].present = true;
	snprintf(label, sizeof(label), "%s%s", scope->label, param->path);
	if (param->type == PARAM_TYPE_SERVICES)
		return decode_services(scope, member);
	if (param->type != PARAM_TYPE_GROUP && param->type != PARAM_TYPE_OPTIONS)
		check_value(&(struct check){ param, label, scope->config->handlers, scope->report },
			member, &scope->values->of[param - params]);
	else if (!check_object(label, member, scope->report))
		return 0;
	else if (param->type == PARAM_TYPE_OPTIONS)
		return services_defer_options(scope->config, scope->values, member);
	else
		return decode_object(&inner, member);
	return 0;
}

static int decode_object(const struct scope *scope, struct element object)
{
	const struct check check = { scope->group, scope->label, scope->config->handlers,
		scope->report };
	bool seen[PARAM_COUNT] = { false };
	int r = 0;

	for (struct element member = element_first(object); r == 0 && member.item;
		member = element_next(member)) {
		const struct param *param =
			param_find(scope->kind, scope->group, member.item->string);

		if (!param) {
			check_unknown_key(&check, scope->kind, member);
		} else if (seen[param - params]) {
			report_add(scope->report, element_key_place(member),
				"%s%s: given twice in one object", scope->label, param->path);
		} else {
			seen[param - params] = true;
			r = decode_member(scope, param, member);
		}
	}
	return r;
}

int decode_document(struct config *config, const struct document *document, struct report *report)
{
	struct scope top = { config, report, &config->top, .kind = PARAM_SCOPE_TOP };
	struct element root = element_root(document);

	if (cJSON_IsObject(root.item))
		return decode_object(&top, root);
	report_add(report, element_place(root), "the configuration must be an object, not %s",
		element_type_name(root));
	return 0;
}
