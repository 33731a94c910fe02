/* What sources may ask for: the rules of services, and the table that all of them count in. */
#include <errno.h>
#include <string.h>

#include "server/server.h"

int server_limiting_check(
	const struct dgram_options *options, const struct dgram_service *service, const char *label)
{
	struct prefix_error why = { "missing", 0, 0 };
	struct prefix ignored;

	if (service->limits_exempt_count > DGRAM_EXEMPT_MAX)
		return server_options_refuse(options,
			"%slimits_exempt_count: must be a whole number from 0 to %u", label,
			DGRAM_EXEMPT_MAX);
	if (service->limits_exempt_count > 0 && service->limits_exempt == NULL)
		return server_options_refuse(options, "%slimits_exempt: missing", label);
	for (size_t i = 0; i < service->limits_exempt_count; i++) {
		const char *text = service->limits_exempt[i];

		if (text == NULL || prefix_parse(text, &ignored, &why) < 0)
			return server_options_refuse(
				options, "%slimits_exempt[%zu]: %s", label, i, why.message);
	}
	return 0;
}

/* The table is made when something is limited for the first time, and stays. */
static int make_limiter_rules(struct dgram_server *server, unsigned number,
	const struct dgram_service *service, struct limiter_rules **ret_rules)
{
	const struct limiter_settings settings = {
		.numbers = {
			.requests_per_s = service->limits_requests_per_s,
			.reply_bytes_per_s = service->limits_reply_bytes_per_s,
			.burst_s = service->limits_burst_s,
			.leak = service->limits_leak,
			.dry_run = service->limits_dry_run,
		},
		.exempt = service->limits_exempt,
		.exempt_count = service->limits_exempt_count,
	};
	int error = 0;

	if (server->meters == NULL &&
		(service->limits_requests_per_s > 0 || service->limits_reply_bytes_per_s > 0))
		error = meters_new(&server->meters);
	if (error < 0)
		return error;
	return limiter_rules_new(&settings, server->meters, number, ret_rules);
}

int server_limiting_make(struct dgram_server *server, const struct dgram_options *options,
	struct limiter_rules *ret_rules[static DGRAM_SERVICES_MAX])
{
	int error = 0;

	for (unsigned i = 0; i < DGRAM_SERVICES_MAX; i++)
		ret_rules[i] = NULL;
	for (unsigned i = 0; error == 0 && i < server->services_count; i++) {
		const struct dgram_service *wanted =
			server_reconfigure_find(&server->services[i], options);

		error = wanted != NULL ? make_limiter_rules(server, i, wanted, &ret_rules[i]) : 0;
	}
	if (error < 0)
		server_limiting_free(ret_rules);
	return error;
}

void server_limiting_free(struct limiter_rules *const rules[static DGRAM_SERVICES_MAX])
{
	for (unsigned i = 0; i < DGRAM_SERVICES_MAX; i++)
		limiter_rules_free(rules[i]);
}

void server_limiting_set(
	struct dgram_server *server, struct limiter_rules *const rules[static DGRAM_SERVICES_MAX])
{
	for (unsigned i = 0; i < server->services_count; i++)
		if (rules[i] != NULL)
			limiter_set(&server->services[i].limiter, rules[i]);
}
