#include "config/settle.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "config/options.h"

/* Without "services" there is one, which has all that is given at the top. */
static int make_services(struct config *config)
{
	config->services_listed = config->services_count > 0;
	if (!config->services_listed) {
		config->services = calloc(1, sizeof(*config->services));
		if (!config->services)
			return -ENOMEM;
		config->services_count = 1;
		values_init(&config->services[0]);
	}
	for (size_t i = 0; i < config->services_count * PARAM_COUNT; i++) {
		struct value *value = &config->services[i / PARAM_COUNT].of[i % PARAM_COUNT];
		bool is_shared = params[i % PARAM_COUNT].scope == PARAM_SCOPE_BOTH;
		int r = 0;

		if ((is_shared || !config->services_listed) && !value->given)
			r = value_copy(value, &config->top.of[i % PARAM_COUNT]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A file says either one service at its top, or a list. */
static void check_places(const struct config *config, struct report *report)
{
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		const struct value *value = &config->top.of[i];

		if (param_is_single(&params[i]) && config->top.of[PARAM_SERVICES].given &&
			value->given)
			report_add(report, value->place,
				"%s: given beside `services`; give it to a service there, or leave "
				"out `services`",
				params[i].path);
	}
}

/* A name that is taken, or that nobody can tell because its handler is bad. */
static const char *name_or_null(const struct values *service)
{
	if (service->of[PARAM_NAME].bad)
		return NULL;
	if (!service->of[PARAM_NAME].given && service->of[PARAM_HANDLER].bad)
		return NULL;
	return values_name(service);
}

static void check_name(const struct config *config, size_t index, struct report *report)
{
	const struct values *service = &config->services[index];
	const struct value *value = &service->of[PARAM_NAME];
	const char *name = name_or_null(service);

	for (size_t i = 0; name && i < index; i++) {
		const char *other = name_or_null(&config->services[i]);

		if (!other || strcmp(name, other) != 0)
			continue;
		report_add(report, value->given ? value->place : service->place,
			"services.%zu: services.%zu has the name \"%s\" too%s", index, i, name,
			value->given ? "" : "; give it one with `name`");
		return;
	}
}

struct listener {
	size_t service;
	const char *host;
	union addr addr;
	struct report_place place;
};

static size_t list_listeners(const struct config *config, struct listener *listeners)
{
	size_t count = 0;

	for (size_t i = 0; i < config->services_count; i++) {
		const struct values *service = &config->services[i];
		const struct value *host = &service->of[PARAM_HOST];
		const struct value *port = &service->of[PARAM_PORT];

		if (host->bad || port->bad || port->number == 0)
			continue;
		for (size_t j = 0; j < value_texts_count(host); j++) {
			struct listener *listener = &listeners[count];

			*listener = (struct listener){ .service = i };
			listener->host = value_text(host, &params[PARAM_HOST], j);
			listener->place = port->given ? port->place : service->place;
			if (host->texts_count > 0)
				listener->place = host->texts[j].place;
			if (addr_parse(listener->host, (uint16_t)port->number, &listener->addr) ==
				0)
				count++;
		}
	}
	return count;
}

static void check_listener(const struct config *config, const struct listener *listeners,
	size_t index, struct report *report)
{
	const struct listener *a = &listeners[index];

	for (size_t i = 0; i < index; i++) {
		const struct listener *b = &listeners[i];

		if (addr_port(&a->addr) != addr_port(&b->addr) ||
			!addr_same_host(&a->addr, &b->addr))
			continue;
		if (!config->services_listed)
			report_add(report, a->place, "host: %s is given twice", a->host);
		else
			report_add(report, a->place,
				"services.%zu: services.%zu listens on %s port %u already",
				a->service, b->service, a->host, addr_port(&a->addr));
		return;
	}
}

int settle_services(struct config *config, struct report *report)
{
	struct listener *listeners;
	size_t count;
	int r;

	check_places(config, report);
	r = make_services(config);
	if (r < 0)
		return r;
	r = options_settle(config, report);
	if (r < 0)
		return r;
	for (size_t i = 0; i < config->services_count; i++)
		check_name(config, i, report);
	listeners = calloc(config->services_count * DGRAM_HOSTS_MAX, sizeof(*listeners));
	if (!listeners)
		return -ENOMEM;
	count = list_listeners(config, listeners);
	for (size_t i = 0; i < count; i++)
		check_listener(config, listeners, i, report);
	free(listeners);
	return 0;
}

static void set_service(
	struct dgram_service *service, const struct values *values, const char **hosts)
{
	const struct value *of = values->of;

	dgram_service_init(service, DGRAM_ABI);
	service->name = values_name(values);
	service->hosts_count = value_texts_count(&of[PARAM_HOST]);
	for (size_t i = 0; i < service->hosts_count; i++)
		hosts[i] = value_text(&of[PARAM_HOST], &params[PARAM_HOST], i);
	service->hosts = hosts;
	service->port = (uint16_t)of[PARAM_PORT].number;
	service->handler = values_handler(values);
	service->queue_capacity = of[PARAM_CAPACITY].number;
	service->queue_max_wait_ms = of[PARAM_MAX_WAIT].number;
	service->queue_discipline = (enum dgram_discipline)of[PARAM_DISCIPLINE].number;
	service->queue_ordering = (enum dgram_ordering)of[PARAM_ORDERING].number;
	service->queue_overload_interval_ms = of[PARAM_OVERLOAD_INTERVAL].number;
	service->queue_fair_window_ms = of[PARAM_FAIR_WINDOW].number;
	service->concurrency = (enum dgram_concurrency)of[PARAM_CONCURRENCY].number;
	service->receivers = of[PARAM_RECEIVERS].number;
	service->busy_replies = of[PARAM_BUSY_REPLIES].number;
	service->parameters = values->parameters;
	service->max_workers = of[PARAM_MAX_WORKERS].number;
	service->min_source_port = of[PARAM_MIN_SOURCE_PORT].number;
}

static void set_options(struct config *config)
{
	struct dgram_options *options = &config->options;
	const struct value *of = config->top.of;

	dgram_options_init(options, DGRAM_ABI);
	options->services = config->service_options;
	options->services_count = config->services_count;
	options->workers = of[PARAM_WORKERS].number;
	options->max_datagram_bytes = of[PARAM_MAX_DATAGRAM_BYTES].number;
	options->receive_buffer_bytes = of[PARAM_RECEIVE_BUFFER].number;
	options->send_buffer_bytes = of[PARAM_SEND_BUFFER].number;
	options->gro = of[PARAM_GRO].number;
	options->busy_poll_us = of[PARAM_BUSY_POLL].number;
	options->cpus = value_text(&of[PARAM_CPUS], &params[PARAM_CPUS], 0);
	options->drain_timeout_ms = of[PARAM_DRAIN_TIMEOUT].number;
	options->handler_timeout_ms = of[PARAM_HANDLER_TIMEOUT].number;
	options->log_level = (enum dgram_log_level)of[PARAM_LOG_LEVEL].number;
	options->log_format = param_word(&params[PARAM_LOG_FORMAT], of[PARAM_LOG_FORMAT].number);
	options->log_target = value_text(&of[PARAM_LOG_TARGET], &params[PARAM_LOG_TARGET], 0);
	options->log_summary_interval_s = of[PARAM_LOG_SUMMARY].number;
}

int settle_options(struct config *config)
{
	struct dgram_service *services = calloc(config->services_count, sizeof(*services));
	const char **hosts = calloc(config->services_count * DGRAM_HOSTS_MAX, sizeof(*hosts));

	free(config->service_options);
	free(config->hosts);
	config->service_options = services;
	config->hosts = hosts;
	if (!services || !hosts)
		return -ENOMEM;
	for (size_t i = 0; i < config->services_count; i++)
		set_service(&services[i], &config->services[i], hosts + i * DGRAM_HOSTS_MAX);
	set_options(config);
	return 0;
}
