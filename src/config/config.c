#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/access.h"
#include "config/decode.h"
#include "config/files.h"
#include "config/services.h"
#include "config/user.h"

static int read_documents(
	struct config *config, const struct config_source *source, struct report *report)
{
	const char *path = source->path;
	bool usable = true;
	int r = 0;

	for (size_t i = 0; r == 0 && usable && i < config->documents_count; i++) {
		struct document *document = &config->documents[i];

		document->number = i;
		if (i > 0)
			r = document_override(document, source->sets[i - 1], report);
		else if (path)
			r = document_read(document, path, report);
		if (r == 0 && document->root)
			r = decode_document(config, document, report);
		/* A --set may depend on the file, so it is not checked without one. */
		usable = i > 0 || !path || document->root;
	}
	return r;
}

static int finish_report(const struct config *config, struct report *report)
{
	size_t files = config->access ? 1 + config->services_count : 0;
	struct report_source *sources = calloc(config->documents_count + files, sizeof(*sources));
	int r;

	if (!sources)
		return -ENOMEM;
	for (size_t i = 0; i < files; i++)
		sources[config->documents_count + i] = config->access[i].file;
	for (size_t i = 0; i < config->documents_count; i++)
		sources[i] = config->documents[i].source;
	r = report_finish(report, sources);
	free(sources);
	return r;
}

/* The fields that are a number of a row each: of dgram_service, or of dgram_options. */
static void copy_numbers(void *fields, const struct values *values, bool of_service)
{
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		char *field = (char *)fields + params[i].offset;
		const unsigned *number = &values->of[i].number;

		if (params[i].offset == 0 || (params[i].scope != PARAM_SCOPE_TOP) != of_service)
			continue;
		if (params[i].type == PARAM_TYPE_BOOLEAN)
			*(bool *)field = *number > 0;
		else
			memcpy(field, number, sizeof(*number));
	}
}

static void fill_service(
	struct dgram_service *service, const struct values *values, struct service_lists *lists)
{
	const struct value *of = values->of;

	dgram_service_init(service, DGRAM_ABI);
	copy_numbers(service, values, true);
	service->name = values_name(values);
	service->hosts_count = values_hosts(values, lists->hosts);
	service->hosts = lists->hosts;
	service->port = (uint16_t)of[PARAM_PORT].number;
	service->handler = values->server.handler;
	service->parameters = values->parameters;
	service->parameters_count = service->handler->parameters_count;
	service->max_reply_factor = values_factor(values);
	service->refuse_source_ports_count =
		value_ports(&of[PARAM_REFUSE_SOURCE_PORTS], lists->ports);
	service->refuse_source_ports = lists->ports;
	service->access = &values->access->options;
	service->limits_exempt_count = value_prefixes_count(&of[PARAM_EXEMPT]);
	service->limits_exempt = lists->exempt;
	for (size_t i = 0; i < service->limits_exempt_count; i++)
		lists->exempt[i] = value_text(&of[PARAM_EXEMPT], &params[PARAM_EXEMPT], i);
}

static void fill_options(struct dgram_options *options, const struct values *values)
{
	const struct value *of = values->of;

	dgram_options_init(options, DGRAM_ABI);
	copy_numbers(options, values, false);
	options->cpus = value_text(&of[PARAM_CPUS], &params[PARAM_CPUS], 0);
	options->log_format = params[PARAM_LOG_FORMAT].words[of[PARAM_LOG_FORMAT].number];
	options->log_target = value_text(&of[PARAM_LOG_TARGET], &params[PARAM_LOG_TARGET], 0);
}

/* Handlers' own paths count from the folder of the file. */
static int make_options(struct config *config, const char *path)
{
	size_t count = config->services_count;

	config->service_options = calloc(count, sizeof(*config->service_options));
	config->lists = calloc(count, sizeof(*config->lists));
	if (!config->service_options || !config->lists)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		fill_service(&config->service_options[i], &config->services[i], &config->lists[i]);
		config->service_options[i].context = config->services[i].server.context;
		if (!config->service_options[i].context)
			config->service_options[i].context = (void *)(uintptr_t)path;
	}
	fill_options(&config->options, &config->top);
	config->options.services = config->service_options;
	config->options.services_count = count;
	return 0;
}

static int load(struct config *config, const struct config_source *source, struct report *report)
{
	int r = read_documents(config, source, report);

	if (r == 0)
		r = services_resolve(config, report);
	if (r == 0)
		user_resolve(config, report);
	if (r == 0)
		admin_resolve(config, report);
	if (r == 0)
		r = access_resolve(config, source->path, report);
	if (r != -ENOMEM && (report->count > 0 || report->out_of_memory)) {
		int error = finish_report(config, report);

		return error < 0 ? error : r < 0 ? r : -EINVAL;
	}
	return r == 0 ? make_options(config, source->path) : r;
}

/* NULL: there is no memory. */
static struct config *begin_config(const struct config_source *source)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config)
		config->documents = calloc(1 + source->sets_count, sizeof(*config->documents));
	if (!config || !config->documents) {
		free(config);
		return NULL;
	}
	config->handlers = source->handlers;
	config->documents_count = 1 + source->sets_count;
	values_init(&config->top, config->handlers);
	return config;
}

int config_load(
	const struct config_source *source, struct report *report, struct config **ret_config)
{
	struct config *config = begin_config(source);
	int r = -ENOMEM;

	assert(report->count == 0);
	if (config)
		r = load(config, source, report);
	if (r < 0) {
		config_free(config);
		if (r == -ENOMEM)
			report_free(report);
		return r;
	}
	*ret_config = config;
	return 0;
}

/* Returns whether its file, if there is one, could be read. */
static bool find_log_format(const struct config_source *source, unsigned *ret_word)
{
	struct config *config = begin_config(source);
	struct report ignored;
	bool readable = true;

	report_init(&ignored);
	if (config) {
		(void)read_documents(config, source, &ignored);
		readable = !source->path || config->documents[0].root;
		if (!config->top.of[PARAM_LOG_FORMAT].invalid)
			*ret_word = config->top.of[PARAM_LOG_FORMAT].number;
	}
	report_free(&ignored);
	config_free(config);
	return readable;
}

const char *config_log_format(const struct config_source *source)
{
	struct config_source sets_alone = *source;
	unsigned word = params[PARAM_LOG_FORMAT].limits.initial;

	sets_alone.path = NULL;
	if (!find_log_format(source, &word))
		(void)find_log_format(&sets_alone, &word);
	return params[PARAM_LOG_FORMAT].words[word];
}

int config_check_files(const struct config *config, struct report *report)
{
	int error;

	assert(report->count == 0);
	files_check(config, report);
	if (report->count == 0 && !report->out_of_memory)
		return 0;
	error = finish_report(config, report);
	return error < 0 ? error : -EINVAL;
}

const struct dgram_options *config_options(const struct config *config)
{
	return &config->options;
}

const struct config_user *config_user(const struct config *config)
{
	return &config->user;
}

const struct config_admin *config_admin(const struct config *config)
{
	return &config->admin;
}

unsigned config_drain_delay_ms(const struct config *config)
{
	return config->top.of[PARAM_DRAIN_DELAY].number;
}

enum config_sandbox config_sandbox(const struct config *config)
{
	return (enum config_sandbox)config->top.of[PARAM_SANDBOX].number;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	access_clear(config);
	services_clear(config);
	for (size_t i = 0; i < config->documents_count; i++)
		document_free(&config->documents[i]);
	free(config->documents);
	free(config->deferred);
	free(config->service_options);
	free(config->lists);
	free(config);
}
