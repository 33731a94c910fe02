#include "config/apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/options.h"
#include "config/unknown.h"

/* The object whose keys are applied: the top, a service, or a group in one of them. */
struct scope {
	struct config *config;
	struct report *report;
	struct values *values;
	enum param_scope kind;
	const struct param *group; /* NULL: none */
	char label[32];		   /* "", "services.1." */
};

static int apply_object(const struct scope *scope, struct element object);

static int apply_service(const struct scope *top, size_t index, struct element element)
{
	struct values *values = &top->config->services[index];
	struct scope scope = { top->config, top->report, values, .kind = PARAM_SCOPE_SERVICE };

	snprintf(scope.label, sizeof(scope.label), "services.%zu.", index);
	if (cJSON_IsObject(element.item))
		return apply_object(&scope, element);
	/* Nor is it told apart from others. */
	values->of[PARAM_NAME].given = values->of[PARAM_NAME].bad = true;
	values->of[PARAM_HOST].given = values->of[PARAM_HOST].bad = true;
	report_add(top->report, element_place(element), "services.%zu: must be an object, not %s",
		index, element_type_name(element));
	return 0;
}

/* A list takes the place of one that was given before: by the file, when this is a --set. */
static int apply_service_list(const struct scope *top, struct element list, size_t count)
{
	struct config *config = top->config;
	struct values *services = calloc(count, sizeof(*services));
	struct element element = element_first(list);
	int r = 0;

	if (!services)
		return -ENOMEM;
	config_clear_services(config);
	config->services = services;
	config->services_count = count;
	for (size_t i = 0; i < count; i++)
		values_init(&services[i]);
	for (size_t i = 0; r == 0 && i < count; i++, element = element_next(element)) {
		services[i].place = element_place(element);
		r = apply_service(top, i, element);
	}
	return r;
}

/* --set services.1.port=...: to a service that is there. */
static int apply_service_member(const struct scope *top, struct element member)
{
	const struct config *config = top->config;
	char *end = NULL;
	unsigned long index = strtoul(member.item->string, &end, 10);
	char text[24];

	snprintf(text, sizeof(text), "%lu", index);
	if (index < config->services_count && strcmp(text, member.item->string) == 0)
		return apply_service(top, index, member);
	report_add(top->report, element_key_place(member),
		"services.%.20s: there is no such service; there are %zu, counted from 0",
		member.item->string, config->services_count);
	return 0;
}

static int apply_services(
	const struct scope *top, const struct param *param, struct element element)
{
	struct value *value = &top->config->top.of[PARAM_SERVICES];
	size_t count = cJSON_IsArray(element.item) ? (size_t)cJSON_GetArraySize(element.item) : 0;
	bool is_set = element.document->number > 0;

	if (is_set && cJSON_IsObject(element.item) && element.item->child)
		return apply_service_member(top, element_first(element));
	*value = (struct value){ .given = true, .place = element_place(element) };
	if (count >= param->limits.minimum && count <= param->limits.maximum)
		return apply_service_list(top, element, count);
	value->bad = true;
	report_add(top->report, value->place, "services: must be a list of %u to %u objects%s%s",
		param->limits.minimum, param->limits.maximum,
		cJSON_IsArray(element.item) ? "" : ", not ",
		cJSON_IsArray(element.item) ? "" : element_type_name(element));
	return 0;
}

static int apply_group(const struct scope *scope, const struct check *check, struct element member)
{
	struct scope inner = *scope;

	inner.group = check->param;
	if (!cJSON_IsObject(member.item))
		report_add(check->report, element_place(member), "%s: must be an object, not %s",
			check->label, element_type_name(member));
	else if (check->param->type == PARAM_TYPE_OPTIONS)
		return options_gather(scope->config, scope->values, member);
	else
		return apply_object(&inner, member);
	return 0;
}

static int apply_param(const struct scope *scope, const struct param *param, struct element member)
{
	char label[64];
	struct check check = { param, label, scope->report };

	snprintf(label, sizeof(label), "%s%s", scope->label, param->path);
	if (param->type == PARAM_TYPE_GROUP || param->type == PARAM_TYPE_OPTIONS)
		return apply_group(scope, &check, member);
	if (param->type == PARAM_TYPE_SERVICES)
		return apply_services(scope, param, member);
	return check_value(&check, member, &scope->values->of[param - params]);
}

static int apply_object(const struct scope *scope, struct element object)
{
	bool seen[PARAM_COUNT] = { false };
	int r = 0;

	for (struct element member = element_first(object); r == 0 && member.item;
		member = element_next(member)) {
		const struct param *param =
			param_find(scope->kind, scope->group, member.item->string);

		if (!param) {
			unknown_key(member, scope->kind, scope->group, scope->label, scope->report);
		} else if (seen[param - params]) {
			report_add(scope->report, element_key_place(member),
				"%s%s: given twice in one object", scope->label, param->path);
		} else {
			seen[param - params] = true;
			r = apply_param(scope, param, member);
		}
	}
	return r;
}

int apply_document(struct config *config, const struct document *document, struct report *report)
{
	struct scope top = { config, report, &config->top, .kind = PARAM_SCOPE_TOP };
	struct element root = element_root(document);

	if (cJSON_IsObject(root.item))
		return apply_object(&top, root);
	report_add(report, element_place(root), "the configuration must be an object, not %s",
		element_type_name(root));
	return 0;
}
