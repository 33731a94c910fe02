#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

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

static void fill_service(struct dgram_service *service, const struct values *values,
	const char **hosts, const char **exempt, uint16_t *ports)
{
	const struct value *of = values->of;

	dgram_service_init(service, DGRAM_ABI);
	service->name = values_name(values);
	service->hosts_count = values_hosts(values, hosts);
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
	service->parameters_count = service->handler->parameters_count;
	service->max_reply_bytes = of[PARAM_MAX_REPLY_BYTES].number;
	service->max_workers = of[PARAM_MAX_WORKERS].number;
	service->min_source_port = of[PARAM_MIN_SOURCE_PORT].number;
	service->max_reply_factor = values_factor(values);
	service->refuse_source_ports_count = value_ports(&of[PARAM_REFUSE_SOURCE_PORTS], ports);
	service->refuse_source_ports = ports;
	service->loop_guard = of[PARAM_LOOP_GUARD].number;
	service->freebind = of[PARAM_FREEBIND].number;
	service->on_missing_address =
		(enum dgram_missing_address)of[PARAM_ON_MISSING_ADDRESS].number;
	service->broadcast = of[PARAM_BROADCAST].number;
	service->access = &values->access->options;
	service->limits_requests_per_s = of[PARAM_REQUESTS_PER_S].number;
	service->limits_reply_bytes_per_s = of[PARAM_REPLY_BYTES_PER_S].number;
	service->limits_burst_s = of[PARAM_BURST].number;
	service->limits_leak = of[PARAM_LEAK].number;
	service->limits_exempt_count = value_prefixes_count(&of[PARAM_EXEMPT]);
	service->limits_exempt = exempt;
	for (size_t i = 0; i < service->limits_exempt_count; i++)
		exempt[i] = value_text(&of[PARAM_EXEMPT], &params[PARAM_EXEMPT], i);
	service->limits_dry_run = of[PARAM_DRY_RUN].number;
}

static void fill_options(struct dgram_options *options, const struct values *values)
{
	const struct value *of = values->of;

	dgram_options_init(options, DGRAM_ABI);
	options->workers = of[PARAM_WORKERS].number;
	options->receivers_assist = of[PARAM_RECEIVERS_ASSIST].number;
	options->max_datagram_bytes = of[PARAM_MAX_DATAGRAM_BYTES].number;
	options->receive_buffer_bytes = of[PARAM_RECEIVE_BUFFER].number;
	options->send_buffer_bytes = of[PARAM_SEND_BUFFER].number;
	options->gro = of[PARAM_GRO].number;
	options->busy_poll_us = of[PARAM_BUSY_POLL].number;
	options->cpus = value_text(&of[PARAM_CPUS], &params[PARAM_CPUS], 0);
	options->drain_timeout_ms = of[PARAM_DRAIN_TIMEOUT].number;
	options->handler_timeout_ms = of[PARAM_HANDLER_TIMEOUT].number;
	options->log_level = (enum dgram_log_level)of[PARAM_LOG_LEVEL].number;
	options->log_format = params[PARAM_LOG_FORMAT].words[of[PARAM_LOG_FORMAT].number];
	options->log_target = value_text(&of[PARAM_LOG_TARGET], &params[PARAM_LOG_TARGET], 0);
	options->log_summary_interval_s = of[PARAM_LOG_SUMMARY].number;
}

static int make_options(struct config *config)
{
	size_t count = config->services_count;

	config->service_options = calloc(count, sizeof(*config->service_options));
	config->hosts = calloc(count * DGRAM_HOSTS_MAX, sizeof(*config->hosts));
	config->exempt = calloc(count * DGRAM_EXEMPT_MAX, sizeof(*config->exempt));
	config->ports = calloc(count * DGRAM_REFUSED_PORTS_MAX, sizeof(*config->ports));
	if (!config->service_options || !config->hosts || !config->exempt || !config->ports)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		fill_service(&config->service_options[i], &config->services[i],
			config->hosts + i * DGRAM_HOSTS_MAX, config->exempt + i * DGRAM_EXEMPT_MAX,
			config->ports + i * DGRAM_REFUSED_PORTS_MAX);
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
		r = access_resolve(config, source->path, report);
	if (r != -ENOMEM && (report->count > 0 || report->out_of_memory)) {
		int error = finish_report(config, report);

		return error < 0 ? error : r < 0 ? r : -EINVAL;
	}
	return r == 0 ? make_options(config) : r;
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
	free(config->hosts);
	free(config->exempt);
	free(config->ports);
	free(config);
}
