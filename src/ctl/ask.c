#include "ctl/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

int ask_no_memory(void)
{
	(void)fprintf(stderr, "dgramctl: error: %s\n", strerrordesc_np(ENOMEM));
	return EX_OSERR;
}

/* With what the daemon says of it. */
static int complain_of_status(const struct ctl_options *options, const struct fetched *fetched)
{
	cJSON *json = cJSON_ParseWithLength(fetched->text, fetched->length);
	const char *why = cJSON_GetStringValue(cJSON_GetObjectItem(json, "error"));

	(void)fprintf(stderr, "dgramctl: error: %s: HTTP status %ld%s%s\n", options->socket,
		fetched->status, why != NULL ? ": " : "", why != NULL ? why : "");
	cJSON_Delete(json);
	return EX_UNAVAILABLE;
}

int ask(const struct ctl_options *options, const char *path, bool post, struct fetched *ret_fetched)
{
	int error = fetch(options->socket, path, post, ret_fetched);

	if (error < 0)
		return error == -ENOMEM ? ask_no_memory() : EX_UNAVAILABLE;
	if (ret_fetched->status == 200 || ret_fetched->status == 409)
		return EX_OK;
	error = complain_of_status(options, ret_fetched);
	free(ret_fetched->text);
	return error;
}

int ask_parse(const struct ctl_options *options, const struct fetched *fetched, cJSON **ret_json)
{
	*ret_json = cJSON_ParseWithLength(fetched->text, fetched->length);
	if (*ret_json != NULL)
		return EX_OK;
	(void)fprintf(
		stderr, "dgramctl: error: %s: does not answer as a dgramd\n", options->socket);
	return EX_UNAVAILABLE;
}

int ask_json(const struct ctl_options *options, const char *path, cJSON **ret_json)
{
	struct fetched fetched;
	int status = ask(options, path, false, &fetched);

	if (status != EX_OK)
		return status;
	status = ask_parse(options, &fetched, ret_json);
	free(fetched.text);
	return status;
}
