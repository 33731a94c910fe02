/* The values of handlers' options, and what a reconfiguration makes of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"

int server_values_make(struct handler *handler, const struct dgram_service *options)
{
	int error = server_parameters_copy(options, &handler->kept);

	handler->values = handler->kept;
	return error;
}

void server_values_free(struct handler *handler)
{
	while (handler->kept != NULL) {
		struct handler_values *values = handler->kept;

		handler->kept = values->before;
		free(values);
	}
}

static bool is_same_text(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static bool is_same(const struct dgram_setting *one, const struct dgram_setting *other)
{
	bool same = one->number == other->number && one->texts_count == other->texts_count &&
		    is_same_text(one->text, other->text);

	for (size_t i = 0; same && i < one->texts_count; i++)
		same = strcmp(one->texts[i], other->texts[i]) == 0;
	return same;
}

/* What is not live stays as it is. Returns whether anything is new. */
static bool take_live(const struct handler *handler, struct handler_values *values)
{
	const struct handler_values *present = handler->values;
	bool changed = false;

	for (size_t i = 0; i < handler->calls->parameters_count; i++) {
		if (handler->calls->parameters[i].live)
			changed |= !is_same(&values->of[i], &present->of[i]);
		else
			values->of[i] = present->of[i];
	}
	return changed;
}

static int log_refusal(struct dgram_server *server, const struct handler *handler, int error)
{
	log_event(server->ring, EVENT_CANNOT_RECONFIGURE_HANDLER,
		LOG_FIELDS(log_text("service", handler->service), log_errno("error", -error)));
	return error;
}

static int change_values(struct dgram_server *server, struct handler *handler,
	const struct dgram_service *wanted, const struct dgram_options *options)
{
	struct handler_values *values;
	char text[128];
	int error = server_parameters_copy(wanted, &values);

	if (error < 0)
		return server_options_fail(options, error);
	if (take_live(handler, values))
		error = handler_reconfigure(handler, values, server->ring);
	if (handler->values == values) {
		values->before = handler->kept;
		handler->kept = values;
	} else {
		free(values);
	}
	if (error == 0)
		return 0;
	(void)server_options_refuse(options,
		"the handler \"%s\" of the service \"%s\" refuses its options: %s",
		handler->calls->name, handler->service, strerror_r(-error, text, sizeof(text)));
	return log_refusal(server, handler, error);
}

int server_values_change(struct dgram_server *server, const struct dgram_options *options,
	struct handler_values *ret_before[static DGRAM_SERVICES_MAX])
{
	int error = 0;

	for (unsigned i = 0; i < server->services_count; i++)
		ret_before[i] = server->services[i].handler.values;
	for (unsigned i = 0; error == 0 && i < server->services_count; i++) {
		struct service *service = &server->services[i];
		const struct dgram_service *wanted = server_reconfigure_find(service, options);

		if (wanted != NULL && wanted->handler == service->handler.calls)
			error = change_values(server, &service->handler, wanted, options);
	}
	if (error < 0)
		server_values_restore(server, ret_before);
	return error;
}

void server_values_restore(
	struct dgram_server *server, struct handler_values *const before[static DGRAM_SERVICES_MAX])
{
	for (unsigned i = server->services_count; i-- > 0;) {
		struct handler *handler = &server->services[i].handler;
		int error = 0;

		if (handler->values != before[i])
			error = handler_reconfigure(handler, before[i], server->ring);
		if (error < 0)
			(void)log_refusal(server, handler, error);
	}
}
