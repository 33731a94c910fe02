/* What sources may ask for: the rules of services, and the table that all of them count in. */
#include <errno.h>
#include <string.h>

#include "server/server.h"

static struct limiter_settings settings_of(const struct dgram_service *service)
{
	return (struct limiter_settings){
		.requests_per_s = service->limits_requests_per_s,
		.reply_bytes_per_s = service->limits_reply_bytes_per_s,
		.burst_s = service->limits_burst_s,
		.leak = service->limits_leak,
		.dry_run = service->limits_dry_run,
	};
}

/* The table is made when something is limited for the first time, and stays. */
static int make_rules(struct dgram_server *server, unsigned service,
	const struct limiter_settings *settings, struct limiter_rules **ret_rules)
{
	int error = 0;

	if (server->meters == NULL && limiter_limits(settings))
		error = meters_new(&server->meters);
	return error == 0 ? limiter_rules_new(settings, server->meters, service, ret_rules) : error;
}

int server_limiting_make(struct dgram_server *server, const struct dgram_options *options,
	struct limiter_rules *ret_rules[static DGRAM_SERVICES_MAX])
{
	int error = 0;

	memset(ret_rules, 0, DGRAM_SERVICES_MAX * sizeof(ret_rules[0]));
	for (unsigned i = 0; error == 0 && i < server->services_count; i++) {
		const struct dgram_service *wanted =
			server_reconfigure_find(&server->services[i], options);
		struct limiter_settings settings;

		if (wanted == NULL)
			continue;
		settings = settings_of(wanted);
		if (!limiter_has(&server->services[i].limiter, &settings))
			error = make_rules(server, i, &settings, &ret_rules[i]);
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

int server_limiting_begin(struct dgram_server *server, const struct dgram_options *options)
{
	struct limiter_rules *rules[DGRAM_SERVICES_MAX];
	int error = server_limiting_make(server, options, rules);

	if (error == 0)
		server_limiting_set(server, rules);
	return error;
}
