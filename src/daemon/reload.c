#include <errno.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/notify.h"

static void refuse(struct daemon *daemon, const struct report *report, const char *why)
{
	daemon->reloads_failed++;
	for (size_t i = 0; i < report->count; i++)
		dgram_server_log(daemon->server, DGRAM_LOG_ERROR, "configuration", "%s",
			report_line(report, i));
	dgram_server_log(daemon->server, DGRAM_LOG_ERROR, "reload refused",
		"%s; the configuration stays as it was; refused so far: %u", why,
		daemon->reloads_failed);
}

static void log_live(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	struct daemon *daemon = context;

	if (live)
		dgram_server_log(daemon->server, DGRAM_LOG_INFO, "configuration",
			"%s %s -> %s: in effect now", path, old_value, new_value);
}

static void log_waiting(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	struct daemon *daemon = context;

	if (!live)
		dgram_server_log(daemon->server, DGRAM_LOG_WARN, "configuration",
			"%s %s -> %s: takes effect after a restart", path, old_value, new_value);
}

static void adopt(struct daemon *daemon, struct config *config)
{
	daemon->reloads++;
	(void)config_changes(daemon->live, config, log_live, daemon);
	(void)config_changes(daemon->started, config, log_waiting, daemon);
	if (daemon->live != daemon->started)
		config_free(daemon->live);
	daemon->live = config;
	dgram_server_log(
		daemon->server, DGRAM_LOG_INFO, "reloaded", "reloads so far: %u", daemon->reloads);
}

/* What it says is in the files that are opened. */
void daemon_reload(struct daemon *daemon)
{
	struct dgram_options options;
	struct config *config = NULL;
	char why[DGRAM_ERROR_TEXT_MAX];
	struct report report;
	int error;

	report_init(&report);
	if (cli_reads_stdin(daemon->cli)) {
		daemon_reopen_logs(daemon);
		refuse(daemon, &report, "the standard input cannot be read again");
		return;
	}
	error = config_load(daemon->source, &report, &config);
	(void)snprintf(why, sizeof(why), "%s",
		error == -EINVAL ? "the file has errors" : strerrordesc_np(-error));
	if (error == 0) {
		options = daemon_options(daemon, config);
		options.error_text = why;
		options.error_text_size = sizeof(why);
		error = dgram_server_reconfigure(daemon->server, &options);
	}
	daemon_reopen_logs(daemon);
	if (error == 0) {
		adopt(daemon, config);
	} else {
		refuse(daemon, &report, why);
		config_free(config);
	}
	report_free(&report);
}
