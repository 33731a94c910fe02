/* The daemon as a program: its actions and its exit status. */
#include <dgramd.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/descriptors.h"
#include "config/config.h"
#include "daemon/cli.h"
#include "daemon/daemon.h"
#include "daemon/handlers.h"
#include "daemon/notify.h"
#include "daemon/pace.h"
#include "daemon/privileges.h"
#include "daemon/refusal.h"

static int fail(int error)
{
	(void)fprintf(
		stderr, "%s: error: %s\n", program_invocation_short_name, strerrordesc_np(-error));
	return EX_OSERR;
}

/* What was printed must have arrived. */
static int printed(void)
{
	if (fflush(stdout) != 0)
		return fail(-errno);
	return ferror(stdout) ? fail(-EIO) : EX_OK;
}

/* What the start will find out anyway: an error of the log is the one that the log cannot tell. Only who can become
 * the user knows what that one can write. */
static int check(const struct cli *cli, struct config *config)
{
	const struct config_user *user = config_user(config);
	struct report report;
	int error = 0;

	report_init(&report);
	if (privileges_allow(user)) {
		error = privileges_drop(user);
		if (error == 0)
			error = config_check_files(config, &report);
	}
	config_free(config);
	if (error == -EINVAL)
		(void)report_print(&report, stderr);
	report_free(&report);
	if (error < 0)
		return error == -EINVAL ? EX_CONFIG : fail(error);
	(void)printf("%s: valid\n", cli_origin(cli));
	return printed();
}

static int print_config(struct config *config)
{
	config_print(config, stdout);
	config_free(config);
	return printed();
}

/* Words of others may be in it. */
static int refuse_plugin(const char *why)
{
	const struct report_source source = { .name = program_invocation_short_name };
	struct report report;
	int error;

	report_init(&report);
	report_add(&report, (struct report_place){ .source = 0 }, "%s", why);
	error = report_finish(&report, &source);
	if (error == 0)
		(void)report_print(&report, stderr);
	report_free(&report);
	return error == 0 ? EX_CONFIG : fail(error);
}

static int print_schema(const struct cli *cli, struct handlers *handlers)
{
	char why[CONFIG_HANDLER_ERROR_MAX];

	if (!handlers_list_plugins(handlers, cli->plugins, cli->plugins_count, why))
		return refuse_plugin(why);
	config_schema_print(&handlers->config, stdout);
	return printed();
}

static int load_and_go(const struct cli *cli, struct handlers *handlers)
{
	const struct config_source source = { cli->config_path, cli->sets, cli->sets_count,
		&handlers->config };
	struct config *config;
	struct report report;
	int error;

	report_init(&report);
	handlers->plugins.base = cli->config_path;
	handlers->plugins.loads = cli->action == CLI_SERVE;
	error = config_load(&source, &report, &config);
	handlers->plugins.loads = false; /* beside what serves, a plug-in is only described */
	if (error == -ENOMEM)
		(void)fail(error);
	else if (error < 0 && cli->action == CLI_SERVE)
		refusal_write(&source, &report);
	else if (error < 0)
		(void)report_print(&report, stderr);
	report_free(&report);
	if (error < 0 && cli->action == CLI_SERVE && descriptors_passed_on() == 0)
		notify_failure(error);
	if (error < 0)
		return error == -EINVAL ? EX_CONFIG : EX_OSERR;
	switch (cli->action) {
	case CLI_CHECK:
		return check(cli, config);
	case CLI_PRINT_CONFIG:
		return print_config(config);
	default:
		return daemon_serve(cli, &source, &handlers->plugins, config);
	}
}

static int act(const struct cli *cli, struct handlers *handlers)
{
	switch (cli->action) {
	case CLI_HELP:
		cli_print_help(stdout);
		return printed();
	case CLI_VERSION:
		(void)printf("dgramd %s\n", dgram_version());
		return printed();
	case CLI_SCHEMA:
		return print_schema(cli, handlers);
	default:
		return load_and_go(cli, handlers);
	}
}

/* What /dev/null is needed for alone. */
static int open_standard(void)
{
	int error = descriptors_open_standard();

	if (error < 0)
		(void)fprintf(stderr,
			"%s: error: a standard descriptor is closed, and /dev/null cannot take its "
			"place: %s\n",
			program_invocation_short_name, strerrordesc_np(-error));
	return error;
}

int dgram_main(int argc, char **argv, const struct dgram_handler *const *handlers)
{
	struct handlers known;
	struct cli cli;
	int error = handlers_init(&known, handlers);
	int status;

	if (error < 0)
		return error == -EINVAL ? EX_CONFIG : fail(error);
	error = cli_parse(argc, argv, &cli);
	if (error < 0) {
		handlers_free(&known);
		return error == -EINVAL ? EX_USAGE : fail(error);
	}
	if (cli.action == CLI_SERVE)
		descriptors_close_inherited(cli.ready_fd);
	status = open_standard() < 0 ? EX_OSERR : act(&cli, &known);
	if (cli.action == CLI_SERVE)
		pace_exit(status);
	cli_free(&cli);
	handlers_free(&known);
	return status;
}
