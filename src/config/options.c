#include "config/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/unknown.h"

int options_gather(struct config *config, struct values *values, struct element object)
{
	struct given_options *given =
		reallocarray(config->given, config->given_count + 1, sizeof(*given));

	if (!given)
		return -ENOMEM;
	config->given = given;
	given[config->given_count++] = (struct given_options){ values, object };
	values->of[PARAM_OPTIONS].given = true;
	values->of[PARAM_OPTIONS].place = element_place(object);
	return 0;
}

static const struct dgram_parameter *find(const struct dgram_handler *handler, const char *name)
{
	for (size_t i = 0; i < handler->parameters_count; i++) {
		if (strcmp(handler->parameters[i].name, name) == 0)
			return &handler->parameters[i];
	}
	return NULL;
}

/* `label`: "services.1." */
static void set_parameters(
	struct values *service, struct element object, const char *label, struct report *report)
{
	const struct dgram_handler *handler = values_handler(service);
	char path[96];

	for (struct element member = element_first(object); member.item;
		member = element_next(member)) {
		const char *name = member.item->string;
		const struct dgram_parameter *parameter = find(handler, name);

		snprintf(path, sizeof(path), "%soptions.%s", label, name);
		if (!parameter)
			unknown_option(member, handler, label, report);
		else if (cJSON_GetObjectItemCaseSensitive(object.item, name) != member.item)
			report_add(report, element_key_place(member),
				"%s: given twice in one object", path);
		else if (check_number(path, member, parameter, false, report))
			service->parameters[parameter - handler->parameters] =
				member.item->valuedouble;
	}
}

static int set_initial(struct values *service)
{
	const struct dgram_handler *handler = values_handler(service);

	if (handler->parameters_count == 0)
		return 0;
	service->parameters = calloc(handler->parameters_count, sizeof(*service->parameters));
	if (!service->parameters)
		return -ENOMEM;
	for (size_t i = 0; i < handler->parameters_count; i++)
		service->parameters[i] = handler->parameters[i].initial;
	return 0;
}

int options_settle(struct config *config, struct report *report)
{
	for (size_t i = 0; i < config->services_count; i++) {
		struct values *service = &config->services[i];
		const struct values *giver = config->services_listed ? service : &config->top;
		char label[32] = "";
		int r = set_initial(service);

		if (r < 0)
			return r;
		if (service->of[PARAM_HANDLER].bad)
			continue; /* whose options they are, nobody knows */
		if (config->services_listed)
			snprintf(label, sizeof(label), "services.%zu.", i);
		for (size_t j = 0; j < config->given_count; j++) {
			if (config->given[j].values == giver)
				set_parameters(service, config->given[j].object, label, report);
		}
	}
	return 0;
}
