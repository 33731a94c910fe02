#include "daemon/refusal.h"

#include <dgram.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
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

/* False: people read it. */
static bool has_log(const char *format, struct dgram_server **ret_server)
{
	return is_for_programs(format) && make_log_alone(format, ret_server) == 0;
}

void refusal_say(const char *log_format, const char *format, ...)
{
	char text[DGRAM_ERROR_TEXT_MAX];
	struct dgram_server *server;
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (has_log(log_format, &server)) {
		dgram_server_log(server, DGRAM_LOG_ERROR, "configuration", "%s", text);
		(void)dgram_server_free(server);
	} else {
		(void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
	}
}

void refusal_write(const struct config_source *source, const struct report *report)
{
	struct dgram_server *server;

	if (!has_log(config_log_format(source), &server)) {
		(void)report_print(report, stderr);
		return;
	}
	for (size_t i = 0; i < report->count; i++)
		dgram_server_log(
			server, DGRAM_LOG_ERROR, "configuration", "%s", report_line(report, i));
	(void)dgram_server_free(server);
}
