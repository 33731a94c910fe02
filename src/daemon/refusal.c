#include "daemon/refusal.h"

#include <dgram.h>
#include <string.h>

#include "base/descriptors.h"

static bool is_for_programs(const char *format)
{
	if (strcmp(format, "auto") == 0)
		return descriptors_stderr_is_journal();
	return strcmp(format, "logfmt") != 0;
}

/* A server that is not started has a log, which writes to stderr. */
static int make_log_alone(const char *format, struct dgram_server **ret_server)
{
	struct dgram_service service;
	struct dgram_options options;

	dgram_service_init(&service, DGRAM_ABI);
	service.handler = dgram_builtin_handler("discard");
	service.queue_capacity = 1;
	dgram_options_init(&options, DGRAM_ABI);
	options.services = &service;
	options.services_count = 1;
	options.workers = 1;
	options.log_format = format;
	return dgram_server_new(&options, ret_server);
}

void refusal_write(const struct config_source *source, const struct report *report)
{
	const char *format = config_log_format(source);
	struct dgram_server *server;

	if (!is_for_programs(format) || make_log_alone(format, &server) < 0) {
		(void)report_print(report, stderr);
		return;
	}
	for (size_t i = 0; i < report->count; i++)
		dgram_server_log(
			server, DGRAM_LOG_ERROR, "configuration", "%s", report_line(report, i));
	(void)dgram_server_free(server);
}
