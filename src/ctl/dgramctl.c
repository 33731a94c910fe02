/* dgramctl: looks at a running dgramd, and steers it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/options.h"
#include "ctl/ping.h"
#include "ctl/show.h"
#include "ctl/top.h"

#define RATE_MS 1000 /* between the two looks that a rate is made of */

static int print_raw(const struct ctl_options *options, const char *path)
{
	struct fetched fetched;
	int status = ask(options, path, false, &fetched);

	if (status != EX_OK)
		return status;
	(void)fputs(fetched.text, stdout);
	free(fetched.text);
	return EX_OK;
}

static int show(const struct ctl_options *options, const char *path, void (*view)(const cJSON *))
{
	cJSON *json;
	int status;

	if (options->json)
		return print_raw(options, path);
	status = ask_json(options, path, &json);
	if (status != EX_OK)
		return status;
	view(json);
	cJSON_Delete(json);
	return EX_OK;
}

static int show_rates(const struct ctl_options *options)
{
	cJSON *before = NULL, *now = NULL;
	int status;

	if (options->json)
		return print_raw(options, "/drops");
	status = ask_json(options, "/drops", &before);
	if (status == EX_OK) {
		(void)poll(NULL, 0, RATE_MS);
		status = ask_json(options, "/drops", &now);
	}
	if (status == EX_OK)
		show_drops(before, now);
	cJSON_Delete(before);
	cJSON_Delete(now);
	return status;
}

static void print_messages(const cJSON *json, FILE *file)
{
	const cJSON *message;

	cJSON_ArrayForEach(message, cJSON_GetObjectItem(json, "messages"))
	{
		(void)fprintf(file, "%s\n", cJSON_GetStringValue(message));
	}
}

/* What is refused is 1, and goes to stderr. */
static int post(const struct ctl_options *options, const char *path)
{
	struct fetched fetched;
	cJSON *json = NULL;
	int status = ask(options, path, true, &fetched);
	bool refused;

	if (status != EX_OK)
		return status;
	refused = fetched.status == 409;
	if (options->json)
		(void)fputs(fetched.text, stdout);
	else
		status = ask_parse(options, &fetched, &json);
	print_messages(json, refused ? stderr : stdout);
	cJSON_Delete(json);
	free(fetched.text);
	return status == EX_OK && refused ? EXIT_FAILURE : status;
}

static int set_level(const struct ctl_options *options)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/log-level?level=%s", options->argument);
	return post(options, path);
}

static int run_command(const struct ctl_options *options)
{
	switch (options->command) {
	case CTL_STATUS:
		return show(options, "/status", show_status);
	case CTL_WORKERS:
		return show(options, "/workers", show_workers);
	case CTL_DROPS:
		return show_rates(options);
	case CTL_TALKERS:
		return show(options, "/talkers", show_talkers);
	case CTL_TOP:
		return options->json ? print_raw(options, "/workers") : top(options);
	case CTL_PING:
		return ping(options);
	case CTL_CONFIG:
		return print_raw(options, "/config");
	case CTL_RELOAD:
		return post(options, "/reload");
	case CTL_UPGRADE:
		return post(options, "/upgrade");
	case CTL_LOG_LEVEL:
		return set_level(options);
	case CTL_DRAIN:
		return post(options, "/drain");
	case CTL_UNDRAIN:
		return post(options, "/undrain");
	case CTL_VERSION:
		(void)printf("dgramctl %s\n", DGRAM_VERSION);
		return EX_OK;
	case CTL_COMPLETIONS:
		return options_print_completions(options->argument, stdout) < 0 ? EX_USAGE : EX_OK;
	default:
		options_print_help(stdout);
		return EX_OK;
	}
}

/* Output that does not arrive is an error. */
int main(int argc, char **argv)
{
	struct ctl_options options;
	int status;

	if (options_read(argc, argv, &options) < 0)
		return EX_USAGE;
	status = run_command(&options);
	if (fflush(stdout) == 0)
		return status;
	(void)fprintf(stderr, "dgramctl: error: %s\n", strerrordesc_np(errno));
	return EX_OSERR;
}
