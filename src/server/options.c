/* The server's options: their defaults and their ranges. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"

_Static_assert((int)DGRAM_LOG_DEBUG == (int)LOG_LEVEL_DEBUG, "the log's levels are dgram.h's");
_Static_assert(sizeof(enum dgram_log_level) == sizeof(unsigned), "words are numbers");

/* A number among the options, or the number of a word. */
struct number {
	size_t offset;
	struct limits limits;
};

#define NUMBER(type, field, ...) { offsetof(struct type, field), { __VA_ARGS__ } },
static const struct number server_numbers[] = { SERVER_NUMBERS(NUMBER){ 0 } };
static const struct number service_numbers[] = { SERVICE_NUMBERS(NUMBER){ 0 } };

static const char *const formats[] = { LOG_FORMATS, NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };

/* `numbers` up to the one whose maximum is 0. */
static void set_defaults(void *options, const struct number *numbers)
{
	for (; numbers->limits.maximum > 0; numbers++)
		memcpy((char *)options + numbers->offset, &numbers->limits.initial,
			sizeof(unsigned));
}

static bool numbers_are_valid(const void *options, const struct number *numbers)
{
	for (; numbers->limits.maximum > 0; numbers++) {
		unsigned value;

		memcpy(&value, (const char *)options + numbers->offset, sizeof(value));
		if (value < numbers->limits.minimum || value > numbers->limits.maximum)
			return false;
	}
	return true;
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
	};
	set_defaults(options, server_numbers);
}

void dgram_service_init(struct dgram_service *service, unsigned abi)
{
	*service = (struct dgram_service){ .abi = abi };
	set_defaults(service, service_numbers);
}

static bool length_is_valid(const char *text, struct limits limits)
{
	return text != NULL && strlen(text) >= limits.minimum && strlen(text) <= limits.maximum;
}

static bool name_is_valid(const char *name)
{
	return length_is_valid(name, (struct limits)LIMITS_NAME) && name[0] >= 'a' &&
	       name[0] <= 'z' && name[strspn(name, SERVICE_NAME_CHARACTERS)] == '\0';
}

static bool parameters_are_valid(const struct dgram_service *service)
{
	for (size_t i = 0; i < service->parameters_count; i++) {
		const struct dgram_parameter *parameter = service->handler->parameters;

		if (!(service->parameters[i].number >= parameter[i].minimum &&
			    service->parameters[i].number <= parameter[i].maximum))
			return false;
	}
	return true;
}

static bool service_is_valid(const struct dgram_service *service)
{
	const struct dgram_handler *handler = service->handler;

	return service->abi == DGRAM_ABI && handler != NULL && handler->abi == DGRAM_ABI &&
	       handler->name != NULL && handler->handle != NULL &&
	       name_is_valid(service->name != NULL ? service->name : handler->name) &&
	       service->hosts_count <= DGRAM_HOSTS_MAX &&
	       numbers_are_valid(service, service_numbers) && parameters_are_valid(service);
}

/* The word of the table, or NULL. */
static const char *find_word(const char *word, const char *const *words)
{
	for (; word != NULL && *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return *words;
	return NULL;
}

/* All services together, of which each is valid. */
static int list_endpoints(const struct dgram_options *options, struct endpoint *endpoints)
{
	size_t count = 0;

	for (size_t i = 0; i < options->services_count; i++)
		for (size_t j = 0; j < server_hosts(&options->services[i]); j++, count++)
			if (server_endpoint(&options->services[i], j, &endpoints[count]) !=
					ENDPOINT_POSSIBLE ||
				endpoint_find_rival(endpoints, count) < count)
				return -EINVAL;
	return 0;
}

static int check_listening(const struct dgram_options *options)
{
	struct endpoint *endpoints;
	size_t count = 0;
	int error;

	for (size_t i = 0; i < options->services_count; i++)
		count += server_hosts(&options->services[i]);
	endpoints = calloc(count, sizeof(*endpoints));
	if (endpoints == NULL)
		return -ENOMEM;
	error = list_endpoints(options, endpoints);
	free(endpoints);
	return error;
}

int server_options_check(const struct dgram_options *options)
{
	struct cpus cpus;

	if (options->abi != DGRAM_ABI || options->services_count < 1 ||
		options->services_count > DGRAM_SERVICES_MAX ||
		!numbers_are_valid(options, server_numbers) ||
		!length_is_valid(options->cpus, (struct limits)LIMITS_CPUS) ||
		cpus_parse(options->cpus, &cpus) < 0 ||
		!length_is_valid(options->log_target, (struct limits)LIMITS_LOG_TARGET) ||
		find_word(options->log_format, formats) == NULL ||
		find_word(options->log_color, colors) == NULL)
		return -EINVAL;
	for (size_t i = 0; i < options->services_count; i++)
		if (!service_is_valid(&options->services[i]))
			return -EINVAL;
	return check_listening(options);
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

struct queue_settings server_options_queue(const struct service *service, unsigned workers)
{
	unsigned limit = service->max_workers;

	return (struct queue_settings){
		.max_wait_ns = service->max_wait_ms * NS_PER_MS,
		.overload_interval_ns = service->overload_interval_ms * NS_PER_MS,
		.fair_window_ns = service->fair_window_ms * NS_PER_MS,
		.max_workers = limit > 0 && limit < workers ? limit : workers + service->helpers,
	};
}
