/* The server's options: their defaults and their ranges. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"

_Static_assert((int)DGRAM_LOG_DEBUG == (int)LOG_LEVEL_DEBUG, "the log's levels are dgram.h's");

void dgram_options_init(struct dgram_options *options, unsigned abi)
{
	*options = (struct dgram_options){
		.abi = abi,
		.workers = 4,
		.max_datagram_bytes = 8192,
		.receive_buffer_bytes = 4u << 20,
		.send_buffer_bytes = 4u << 20,
		.drain_timeout_ms = 5000,
		.cpus = "",
		.log_level = DGRAM_LOG_INFO,
		.log_format = "auto",
		.log_color = "auto",
		.log_target = "stderr",
		.log_summary_interval_s = 60,
		.hook_fd = -1,
	};
}

void dgram_service_init(struct dgram_service *service, unsigned abi)
{
	*service = (struct dgram_service){
		.abi = abi,
		.queue_capacity = 4096,
		.queue_max_wait_ms = 1000,
		.queue_overload_interval_ms = 100,
		.queue_fair_window_ms = 1000,
		.min_source_port = 1024,
		.concurrency = DGRAM_POOL,
		.receivers = 1,
	};
}

static bool name_is_valid(const char *name)
{
	size_t length = strlen(name);

	return length >= 1 && length <= DGRAM_SERVICE_NAME_MAX && name[0] >= 'a' &&
	       name[0] <= 'z' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static bool parameters_are_valid(const struct dgram_handler *handler, const double *values)
{
	for (size_t i = 0; values != NULL && i < handler->parameters_count; i++)
		if (!(values[i] >= handler->parameters[i].minimum &&
			    values[i] <= handler->parameters[i].maximum))
			return false;
	return true;
}

static bool service_is_valid(const struct dgram_service *service)
{
	const struct dgram_handler *handler = service->handler;

	return service->abi == DGRAM_ABI && handler != NULL && handler->abi == DGRAM_ABI &&
	       handler->name != NULL && handler->handle != NULL &&
	       name_is_valid(service->name != NULL ? service->name : handler->name) &&
	       service->hosts_count <= DGRAM_HOSTS_MAX && service->queue_capacity >= 1 &&
	       service->queue_capacity <= DGRAM_QUEUE_CAPACITY_MAX &&
	       service->min_source_port >= 1 && service->queue_fair_window_ms >= 1 &&
	       service->queue_discipline <= DGRAM_FIFO &&
	       service->queue_ordering <= DGRAM_ORDERING_PER_CLIENT &&
	       service->concurrency <= DGRAM_INLINE && service->receivers >= 1 &&
	       service->receivers <= DGRAM_RECEIVERS_MAX &&
	       parameters_are_valid(handler, service->parameters);
}

/* The word of the table, or NULL. */
static const char *find_word(const char *word, const char *const *words)
{
	for (; word != NULL && *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return *words;
	return NULL;
}

static const char *const formats[] = { "auto", "logfmt", "json", "journal", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };

int server_options_check(const struct dgram_options *options)
{
	struct cpus cpus;

	if (options->abi != DGRAM_ABI || options->services_count < 1 ||
		options->services_count > DGRAM_SERVICES_MAX || options->workers < 1 ||
		options->workers > DGRAM_WORKERS_MAX || options->max_datagram_bytes < 1 ||
		options->max_datagram_bytes > DGRAM_DATAGRAM_BYTES_MAX ||
		options->receive_buffer_bytes > INT32_MAX ||
		options->send_buffer_bytes > INT32_MAX || options->log_level > DGRAM_LOG_DEBUG ||
		options->busy_poll_us > DGRAM_BUSY_POLL_US_MAX || options->cpus == NULL ||
		cpus_parse(options->cpus, &cpus) < 0 || options->log_target == NULL ||
		find_word(options->log_format, formats) == NULL ||
		find_word(options->log_color, colors) == NULL)
		return -EINVAL;
	for (size_t i = 0; i < options->services_count; i++)
		if (!service_is_valid(&options->services[i]))
			return -EINVAL;
	return 0;
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
