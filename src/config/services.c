#include "config/services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "config/options.h"

/* Without services the deferred options are the top's; else they go with the services. */
void services_clear(struct config *config)
{
	if (config->services_count > 0)
		config->deferred_count = 0;
	for (size_t i = 0; i < config->services_count; i++)
		options_clear(&config->services[i]);
	free(config->services);
	config->services = NULL;
	config->services_count = 0;
}

int services_replace(struct config *config, size_t count)
{
	services_clear(config);
	config->services = calloc(count, sizeof(*config->services));
	if (!config->services)
		return -ENOMEM;
	config->services_count = count;
	for (size_t i = 0; i < count; i++)
		values_init(&config->services[i], config->handlers);
	return 0;
}

int services_defer_options(struct config *config, struct values *values, struct element object)
{
	struct deferred_options *deferred =
		reallocarray(config->deferred, config->deferred_count + 1, sizeof(*deferred));

	if (!deferred)
		return -ENOMEM;
	config->deferred = deferred;
	deferred[config->deferred_count++] = (struct deferred_options){ values, object };
	values->of[PARAM_OPTIONS].present = true;
	values->of[PARAM_OPTIONS].element = object;
	return 0;
}

static bool takes_from_top(const struct values *service, const struct param *param)
{
	if (param->type == PARAM_TYPE_GROUP || param->scope != PARAM_SCOPE_BOTH)
		return false;
	return !(param_is_replaced(param) && service->of[PARAM_ACCESS].present);
}

/* Without "services" there is one service, which has all values of the top. */
static int inherit_values(struct config *config)
{
	config->services_listed = config->services_count > 0;
	if (!config->services_listed && services_replace(config, 1) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < config->services_count * PARAM_COUNT; i++) {
		struct value *value = &config->services[i / PARAM_COUNT].of[i % PARAM_COUNT];
		bool is_shared = takes_from_top(
			&config->services[i / PARAM_COUNT], &params[i % PARAM_COUNT]);

		if ((is_shared || !config->services_listed) && !value->present)
			*value = config->top.of[i % PARAM_COUNT];
	}
	return 0;
}

/* A file has either one service at its top, or a list. */
static void check_single_keys(const struct config *config, struct report *report)
{
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		const struct value *value = &config->top.of[i];

		if (param_is_single(&params[i]) && config->top.of[PARAM_SERVICES].present &&
			value->present)
			report_add(report, element_place(value->element),
				"%s: given beside `services`; give it to a service there, or leave "
				"out `services`",
				params[i].path);
	}
}

/* The last object of options, or else what names the handler, or else the service. */
static struct report_place place_of_options(const struct values *service)
{
	const struct value *options = &service->of[PARAM_OPTIONS];
	const struct value *handler = &service->of[PARAM_HANDLER];

	if (options->present || handler->present)
		return element_place(options->present ? options->element : handler->element);
	return service->element.item ? element_place(service->element) : (struct report_place){ 0 };
}

/* The last of this name, and of a list its text; `item` is NULL: the file has none. */
static struct element find_option(
	const struct config *config, const struct values *owner, const struct config_fault *fault)
{
	struct element found = { .item = NULL };

	for (size_t i = 0; i < config->deferred_count; i++) {
		if (config->deferred[i].values != owner)
			continue;
		for (struct element each = element_first(config->deferred[i].object); each.item;
			each = element_next(each))
			if (strcmp(each.item->string, fault->option) == 0)
				found = each;
	}
	if (!cJSON_IsArray(found.item))
		return found;
	found = element_first(found);
	for (size_t i = 0; i < fault->text; i++)
		found = element_next(found);
	return found;
}

/* Of values that are valid each. */
static void check_choice(
	struct config *config, size_t number, const char *label, struct report *report)
{
	const struct config_handlers *handlers = config->handlers;
	struct values *service = &config->services[number];
	const struct values *owner = config->services_listed ? service : &config->top;
	const struct config_choice choice = { values_handler(service), service->parameters,
		service->of[PARAM_CONCURRENCY].number, config->top.of[PARAM_SANDBOX].number,
		service->of[PARAM_CHILD_SANDBOX].number };
	struct report_place place = place_of_options(service);
	struct config_fault fault = { .param = PARAM_OPTIONS };
	struct element element;

	service->server.handler = choice.handler;
	if (!handlers->check ||
		handlers->check(handlers->context, &choice, &service->server, &fault))
		return;
	if (fault.param == PARAM_SANDBOX)
		label = "";
	element = fault.param == PARAM_OPTIONS	 ? find_option(config, owner, &fault)
		  : fault.param == PARAM_SANDBOX ? config->top.of[PARAM_SANDBOX].element
						 : service->of[fault.param].element;
	if (element.item)
		place = element_place(element);
	report_add(report, place, "%s%s%s%s: %s", label, params[fault.param].path,
		fault.option ? "." : "", fault.option ? fault.option : "", fault.why);
}

static int resolve_service(struct config *config, size_t number, struct report *report)
{
	struct values *service = &config->services[number];
	const struct values *owner = config->services_listed ? service : &config->top;
	size_t errors = report->count;
	char label[32] = "";
	int r;

	if (service->of[PARAM_HANDLER].invalid)
		return 0; /* the options of an unknown handler are unknown */
	r = options_init(service);
	if (config->services_listed)
		snprintf(label, sizeof(label), "services.%zu.", number);
	for (size_t i = 0; r == 0 && i < config->deferred_count; i++) {
		if (config->deferred[i].values == owner)
			r = options_set(service, config->deferred[i].object, label, report);
	}
	if (r == 0)
		options_complete(service, place_of_options(service), label, report);
	if (r == 0 && report->count == errors)
		check_choice(config, number, label, report);
	return r;
}

static int resolve_options(struct config *config, struct report *report)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->services_count; i++)
		r = resolve_service(config, i, report);
	return r;
}

/* NULL: it is invalid, or that of an invalid handler. */
static const char *known_name(const struct values *service)
{
	if (service->of[PARAM_NAME].invalid)
		return NULL;
	if (!service->of[PARAM_NAME].present && service->of[PARAM_HANDLER].invalid)
		return NULL;
	return values_name(service);
}

static void check_name(const struct config *config, size_t index, struct report *report)
{
	const struct values *service = &config->services[index];
	const struct value *value = &service->of[PARAM_NAME];
	const char *name = known_name(service);

	for (size_t i = 0; name && i < index; i++) {
		const char *other = known_name(&config->services[i]);

		if (!other || strcmp(name, other) != 0)
			continue;
		report_add(report,
			element_place(value->present ? value->element : service->element),
			"services.%zu: services.%zu has the name \"%s\" too%s", index, i, name,
			value->present ? "" : "; give it one with `name`");
		return;
	}
}

/* What all services listen on, and whose it is. */
struct places {
	size_t count;
	struct endpoint *endpoints;
	struct place {
		size_t service;
		const char *host;
		size_t text; /* number of the host's, as written */
	} * of;
};

static void add_service(struct places *places, const struct config *config, size_t service)
{
	const struct values *values = &config->services[service];
	const struct value *port = &values->of[PARAM_PORT];
	const char *hosts[DGRAM_HOSTS_MAX];
	size_t written = value_texts_count(&values->of[PARAM_HOST]), count;

	if (values->of[PARAM_HOST].invalid || port->invalid)
		return;
	count = values_hosts(values, hosts);
	for (size_t i = 0; i < count; i++) {
		size_t at = places->count++;

		(void)endpoint_parse(hosts[i], (uint16_t)port->number, &places->endpoints[at]);
		places->of[at] = (struct place){ service, hosts[i], i < written ? i : 0 };
	}
}

/* Number `index` is excluded by number `rival`, which comes before it. */
static void report_rival(const struct config *config, const struct places *places, size_t index,
	size_t rival, struct report *report)
{
	const struct place *ours = &places->of[index], *other = &places->of[rival];
	const struct values *service = &config->services[ours->service];
	const struct value *host = &service->of[PARAM_HOST], *port = &service->of[PARAM_PORT];
	bool same = addr_same_host(&places->endpoints[index].addr, &places->endpoints[rival].addr);
	struct report_place place;

	if (host->present)
		place = value_text_place(host, ours->text);
	else
		place = element_place(port->present ? port->element : service->element);
	if (ours->service != other->service)
		report_add(report, place,
			"services.%zu: services.%zu listens on %s port %u already%s%s",
			ours->service, other->service, other->host, port->number,
			same ? "" : ", which excludes ", same ? "" : ours->host);
	else if (same)
		report_add(report, place, "host: %s is given twice", ours->host);
	else
		report_add(report, place, "host: %s and %s exclude each other", other->host,
			ours->host);
}

static int check_endpoints(const struct config *config, struct report *report)
{
	size_t most = config->services_count * DGRAM_HOSTS_MAX;
	struct places places = {
		.endpoints = calloc(most, sizeof(*places.endpoints)),
		.of = calloc(most, sizeof(*places.of)),
	};
	bool made = places.endpoints && places.of;

	for (size_t i = 0; made && i < config->services_count; i++)
		add_service(&places, config, i);
	for (size_t i = 0; i < places.count; i++) {
		size_t rival = endpoint_find_rival(places.endpoints, i);

		if (rival < i)
			report_rival(config, &places, i, rival, report);
	}
	free(places.endpoints);
	free(places.of);
	return made ? 0 : -ENOMEM;
}

int services_resolve(struct config *config, struct report *report)
{
	int r = inherit_values(config);

	check_single_keys(config, report);
	if (r == 0)
		r = resolve_options(config, report);
	if (r < 0)
		return r;
	for (size_t i = 0; i < config->services_count; i++)
		check_name(config, i, report);
	return check_endpoints(config, report);
}
