#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "daemon/daemon.h"
#include "daemon/notify.h"

/* What the log is told, to who asked. */
static void say(const struct daemon *daemon, const char *event, const char *text)
{
	if (daemon->said != NULL)
		(void)fprintf(daemon->said, "%s: %s\n", event, text);
}

static int refuse(struct daemon *daemon, const struct report *report, const char *why)
{
	char text[DGRAM_ERROR_TEXT_MAX + 96];

	daemon->reloads_failed++;
	daemon->reload_refused = true;
	for (size_t i = 0; i < report->count; i++) {
		dgram_server_log(daemon->server, DGRAM_LOG_ERROR, "configuration", "%s",
			report_line(report, i));
		say(daemon, "configuration", report_line(report, i));
	}
	(void)snprintf(text, sizeof(text),
		"%s; the configuration stays as it was; refused so far: %u", why,
		daemon->reloads_failed);
	dgram_server_log(daemon->server, DGRAM_LOG_ERROR, "reload refused", "%s", text);
	say(daemon, "reload refused", text);
	return -EINVAL;
}

static void log_live(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	struct daemon *daemon = context;
	char text[DGRAM_ERROR_TEXT_MAX];

	if (!live)
		return;
	(void)snprintf(
		text, sizeof(text), "%s %s -> %s: in effect now", path, old_value, new_value);
	dgram_server_log(daemon->server, DGRAM_LOG_INFO, "configuration", "%s", text);
	say(daemon, "configuration", text);
}

static void log_waiting(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	struct daemon *daemon = context;
	char text[DGRAM_ERROR_TEXT_MAX];

	if (live)
		return;
	(void)snprintf(text, sizeof(text), "%s %s -> %s: takes effect after a restart", path,
		old_value, new_value);
	dgram_server_log(daemon->server, DGRAM_LOG_WARN, "configuration", "%s", text);
	say(daemon, "configuration", text);
}

static int adopt(struct daemon *daemon, struct config *config)
{
	char text[48];

	daemon->reloads++;
	daemon->reload_refused = false;
	(void)config_changes(daemon->live, config, log_live, daemon);
	(void)config_changes(daemon->started, config, log_waiting, daemon);
	if (daemon->live != daemon->started)
		config_free(daemon->live);
	daemon->live = config;
	(void)snprintf(text, sizeof(text), "reloads so far: %u", daemon->reloads);
	dgram_server_log(daemon->server, DGRAM_LOG_INFO, "reloaded", "%s", text);
	say(daemon, "reloaded", text);
	return 0;
}

/* What it says is in the files that are opened. */
static int read_again(struct daemon *daemon)
{
	struct dgram_options options;
	struct config *config = NULL;
	char why[DGRAM_ERROR_TEXT_MAX];
	struct report report;
	int error;

	report_init(&report);
	if (cli_reads_stdin(daemon->cli)) {
		daemon_reopen_logs(daemon);
		return refuse(daemon, &report, "the standard input cannot be read again");
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
	if (error < 0)
		config_free(config);
	error = error == 0 ? adopt(daemon, config) : refuse(daemon, &report, why);
	report_free(&report);
	return error;
}

/* To a supervisor for which it still starts, a READY=1 would be that of the start; and one that waits for the end would
 * take both for a service that runs again. */
int daemon_reload(struct daemon *daemon, FILE *said)
{
	bool told = daemon->ready && daemon->speaks && !daemon->stopping;
	struct timespec now;
	int error;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (told)
		notify_send(&daemon->notify, NOTIFY_RELOADING, "RELOADING=1\nMONOTONIC_USEC=%lld",
			now.tv_sec * 1000000LL + now.tv_nsec / 1000);
	upgrade_pass_on(daemon, SIGHUP);
	daemon->said = said;
	daemon->last_reload = time(NULL);
	error = read_again(daemon);
	daemon->said = NULL;
	if (told)
		notify_send(&daemon->notify, NOTIFY_READY, "READY=1");
	return error;
}
