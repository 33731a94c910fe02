/* The server's options: their defaults and their ranges. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/server.h"

_Static_assert((int)DGRAM_LOG_DEBUG == (int)LOG_LEVEL_DEBUG, "the log's levels are dgram.h's");
_Static_assert(sizeof(enum dgram_log_level) == sizeof(unsigned), "words are numbers");

/* The first number of DGRAM_ABI with error_text among the options. */
#define ABI_WITH_ERROR_TEXT 2

/* A number among the options, or the number of a word. */
struct number {
	const char *name;
	size_t offset;
	struct limits limits;
};

#define NUMBER(type, field, ...) { #field, offsetof(struct type, field), { __VA_ARGS__ } },
static const struct number server_numbers[] = { SERVER_NUMBERS(NUMBER){ 0 } };
static const struct number service_numbers[] = { SERVICE_NUMBERS(NUMBER){ 0 } };

static const uint16_t refused_ports[] = { DEFAULT_REFUSED_PORTS };
static const char *const formats[] = { LOG_FORMATS, NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };

/* `numbers` up to the one without a name. */
static void set_defaults(void *options, const struct number *numbers)
{
	for (; numbers->name != NULL; numbers++)
		memcpy((char *)options + numbers->offset, &numbers->limits.initial,
			sizeof(unsigned));
}

void dgram_options_init(struct dgram_options *options, unsigned abi)
{
	*options = (struct dgram_options){
		.abi = abi,
		.cpus = "",
		.log_format = formats[0],
		.log_color = colors[0],
		.log_target = DEFAULT_LOG_TARGET,
		.hook_fd = -1,
		.receivers_assist = DEFAULT_RECEIVERS_ASSIST,
	};
	set_defaults(options, server_numbers);
}

void dgram_service_init(struct dgram_service *service, unsigned abi)
{
	*service = (struct dgram_service){
		.abi = abi,
		.max_reply_factor = DGRAM_FACTOR_OF_HANDLER,
		.loop_guard = DEFAULT_LOOP_GUARD,
		.child_rerun = DEFAULT_CHILD_RERUN,
		.refuse_source_ports = refused_ports,
		.refuse_source_ports_count = sizeof(refused_ports) / sizeof(refused_ports[0]),
	};
	set_defaults(service, service_numbers);
}

int server_options_refuse(const struct dgram_options *options, const char *format, ...)
{
	va_list arguments;

	if (options->error_text != NULL) {
		va_start(arguments, format);
		(void)vsnprintf(options->error_text, options->error_text_size, format, arguments);
		va_end(arguments);
	}
	return -EINVAL;
}

int server_options_fail(const struct dgram_options *options, int error)
{
	char text[128];

	(void)server_options_refuse(options, "%s", strerror_r(-error, text, sizeof(text)));
	return error;
}

/* What is checked, and what stands before the field in a message: "", "services[1]." */
struct checked {
	const struct dgram_options *options;
	const char *label;
};

static int refuse_field(const struct checked *checked, const char *field, const char *message)
{
	return server_options_refuse(checked->options, "%s%s: %s", checked->label, field, message);
}

static int check_number(const struct checked *checked, const char *field, double number,
	enum rule_type type, struct limits limits)
{
	const struct rule rule = { type, limits.minimum, limits.maximum, NULL };
	char message[RULE_MESSAGE_MAX];

	if (rule_takes_number(&rule, number, message))
		return 0;
	return refuse_field(checked, field, message);
}

static int check_numbers(
	const struct checked *checked, const void *object, const struct number *numbers)
{
	int error = 0;

	for (; error == 0 && numbers->name != NULL; numbers++) {
		unsigned value;

		memcpy(&value, (const char *)object + numbers->offset, sizeof(value));
		error = check_number(checked, numbers->name, value, RULE_WHOLE, numbers->limits);
	}
	return error;
}

static int check_text(const struct checked *checked, const char *field, const char *text,
	enum rule_type type, struct limits limits)
{
	const struct rule rule = { type, limits.minimum, limits.maximum, NULL };
	char message[RULE_MESSAGE_MAX];

	if (text != NULL && rule_takes_text(&rule, text, message))
		return 0;
	return refuse_field(checked, field, text != NULL ? message : "missing");
}

static int check_word(const struct checked *checked, const char *field, const char *word,
	const char *const *words)
{
	const struct rule rule = { .type = RULE_WORD, .words = words };
	char message[RULE_MESSAGE_MAX];

	if (word != NULL && rule_takes_text(&rule, word, message))
		return 0;
	return refuse_field(checked, field, word != NULL ? message : "missing");
}

static int check_abi(const struct checked *checked, const char *field, unsigned abi)
{
	if (abi == DGRAM_ABI)
		return 0;
	return server_options_refuse(checked->options,
		"%s%s: is %u, and this library serves %u: set it to DGRAM_ABI and build again",
		checked->label, field, abi, DGRAM_ABI);
}

/* `name`: of its service. */
static int check_handler(
	const struct checked *checked, const struct dgram_handler *handler, const char *name)
{
	const char *named = name != NULL ? "name" : "handler->name";
	int error;

	if (handler == NULL)
		return refuse_field(checked, "handler", "missing");
	error = check_abi(checked, "handler->abi", handler->abi);
	if (error < 0)
		return error;
	if (handler->name == NULL || handler->handle == NULL)
		return refuse_field(checked,
			handler->name == NULL ? "handler->name" : "handler->handle", "missing");
	error = check_number(checked, "handler->max_reply_factor", handler->max_reply_factor,
		RULE_NUMBER, (struct limits)LIMITS_REPLY_FACTOR);
	if (error < 0)
		return error;
	return check_text(checked, named, name != NULL ? name : handler->name, RULE_NAME,
		(struct limits)LIMITS_NAME);
}

int dgram_handler_check(
	const struct dgram_handler *handler, char *error_text, size_t error_text_size)
{
	struct dgram_options options = { 0 };
	int error;

	options.error_text = error_text;
	options.error_text_size = error_text_size;
	error = check_handler(&(struct checked){ &options, "" }, handler, NULL);
	return error == 0 ? server_parameters_check_table(&options, handler, "") : error;
}

static int check_source_ports(const struct checked *checked, const struct dgram_service *service)
{
	const size_t count = service->refuse_source_ports_count;
	int error = check_number(checked, "refuse_source_ports_count", (double)count, RULE_WHOLE,
		(struct limits){ 0, DGRAM_REFUSED_PORTS_MAX, 0 });

	if (error == 0 && count > 0 && service->refuse_source_ports == NULL)
		return refuse_field(checked, "refuse_source_ports", "missing");
	for (size_t i = 0; error == 0 && i < count; i++)
		error = check_number(checked, "refuse_source_ports",
			service->refuse_source_ports[i], RULE_WHOLE,
			(struct limits)LIMITS_SOURCE_PORT);
	return error;
}

static int check_service(const struct dgram_options *options, size_t index)
{
	const struct dgram_service *service = &options->services[index];
	char label[32];
	const struct checked checked = { options, label };
	int error;

	(void)snprintf(label, sizeof(label), "services[%zu].", index);
	error = check_abi(&checked, "abi", service->abi);
	if (error == 0)
		error = check_handler(&checked, service->handler, service->name);
	if (error == 0)
		error = check_number(&checked, "hosts_count", (double)service->hosts_count,
			RULE_WHOLE, (struct limits){ 0, DGRAM_HOSTS_MAX, 0 });
	if (error == 0 && service->hosts_count > 0 && service->hosts == NULL)
		error = refuse_field(&checked, "hosts", "missing");
	if (error == 0)
		error = check_numbers(&checked, service, service_numbers);
	if (error == 0 && service->max_reply_factor != DGRAM_FACTOR_OF_HANDLER)
		error = check_number(&checked, "max_reply_factor", service->max_reply_factor,
			RULE_NUMBER, (struct limits)LIMITS_REPLY_FACTOR);
	if (error == 0)
		error = check_source_ports(&checked, service);
	if (error == 0 && service->concurrency == DGRAM_PROCESS &&
		service->handler->children == NULL)
		error = refuse_field(&checked, "concurrency",
			"is DGRAM_PROCESS, and the handler has no children(): build a plug-in of "
			"it, and have dgramd serve that");
	return error == 0 ? server_parameters_check(options, service, label) : error;
}

static int check_names(const struct dgram_options *options)
{
	for (size_t i = 1; i < options->services_count; i++)
		for (size_t j = 0; j < i; j++) {
			const char *name = server_service_name(&options->services[i]);

			if (strcmp(name, server_service_name(&options->services[j])) == 0)
				return server_options_refuse(options,
					"services[%zu].name: services[%zu] has the name \"%s\" too",
					i, j, name);
		}
	return 0;
}

int server_options_check(const struct dgram_options *options)
{
	const struct checked checked = { options, "" };
	int error;

	if (options->abi < ABI_WITH_ERROR_TEXT)
		return -EINVAL;
	error = check_abi(&checked, "abi", options->abi);
	if (error == 0)
		error = check_numbers(&checked, options, server_numbers);
	if (error == 0)
		error = check_text(
			&checked, "cpus", options->cpus, RULE_CPUS, (struct limits)LIMITS_CPUS);
	if (error == 0)
		error = check_text(&checked, "log_target", options->log_target, RULE_TARGET,
			(struct limits)LIMITS_LOG_TARGET);
	if (error == 0)
		error = check_word(&checked, "log_format", options->log_format, formats);
	if (error == 0)
		error = check_word(&checked, "log_color", options->log_color, colors);
	if (error == 0)
		error = check_number(&checked, "services_count", (double)options->services_count,
			RULE_WHOLE, (struct limits){ 1, DGRAM_SERVICES_MAX, 0 });
	if (error == 0 && options->services == NULL)
		error = refuse_field(&checked, "services", "missing");
	for (size_t i = 0; error == 0 && i < options->services_count; i++)
		error = check_service(options, i);
	if (error == 0)
		error = check_names(options);
	return error == 0 ? server_hosts_check(options) : error;
}

/* The word of the table, or NULL. */
static const char *find_word(const char *word, const char *const *words)
{
	while (*words != NULL && strcmp(word, *words) != 0)
		words++;
	return *words;
}

int server_options_copy(struct dgram_server *server, const struct dgram_options *options)
{
	char *target = strdup(options->log_target);

	if (target == NULL)
		return -ENOMEM;
	free(server->log_target);
	server->log_target = target;
	server->options = *options;
	server->options.cpus = NULL;
	server->options.services = NULL;
	server->options.error_text = NULL;
	server->options.log_format = find_word(options->log_format, formats);
	server->options.log_color = find_word(options->log_color, colors);
	server->options.log_target = target;
	return 0;
}

struct log_settings server_options_log(const struct dgram_options *options)
{
	return (struct log_settings){
		.level = (enum log_level)options->log_level,
		.format = options->log_format,
		.color = options->log_color,
		.target = options->log_target,
	};
}

struct queue_settings server_options_queue(
	const struct service *service, const struct dgram_options *options)
{
	unsigned helpers = options->receivers_assist ? service->helpers : 0;
	unsigned limit = service->max_workers;
	unsigned workers = limit > 0 && limit < options->workers ? limit
								 : options->workers + helpers;

	if (service->outside != NULL && service->children < workers)
		workers = service->children;
	return (struct queue_settings){
		.overload_interval_ns = service->overload_interval_ms * NS_PER_MS,
		.fair_window_ns = service->fair_window_ms * NS_PER_MS,
		.max_workers = workers,
		.receivers_assist = options->receivers_assist,
	};
}

void server_options_set(
	struct dgram_server *server, struct service *service, const struct dgram_service *options)
{
	double factor = options->max_reply_factor;

	service->max_wait_ms = options->queue_max_wait_ms;
	service->overload_interval_ms = options->queue_overload_interval_ms;
	service->fair_window_ms = options->queue_fair_window_ms;
	service->max_workers = options->max_workers;
	server_outside_set(server, (unsigned)(service - server->services), options);
	atomic_store(&service->max_wait_ns, options->queue_max_wait_ms * NS_PER_MS);
	atomic_store(&service->min_source_port, options->min_source_port);
	if (factor == DGRAM_FACTOR_OF_HANDLER)
		factor = REPLY_FACTOR_OF(service->handler.calls);
	door_set(&service->door, factor, options->loop_guard ? &server->tables->loops : NULL);
	refused_ports_set(&service->refused_ports, options->refuse_source_ports,
		options->refuse_source_ports_count);
	limiter_set(
		&service->limiter, &(struct limiter_numbers){
					   .requests_per_s = options->limits_requests_per_s,
					   .reply_bytes_per_s = options->limits_reply_bytes_per_s,
					   .burst_s = options->limits_burst_s,
					   .leak = options->limits_leak,
					   .dry_run = options->limits_dry_run,
				   });
}
