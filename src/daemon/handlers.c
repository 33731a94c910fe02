#include "daemon/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"

_Static_assert(PLUGIN_ERROR_MAX <= CONFIG_HANDLER_ERROR_MAX &&
		       RULE_MESSAGE_MAX <= CONFIG_HANDLER_ERROR_MAX,
	"room for all errors");

/* The most handlers that a message names, so that it fits a few lines. */
#define NAMED_MAX 16

static const struct dgram_handler *find(
	void *context, const char *name, char ret_error[CONFIG_HANDLER_ERROR_MAX])
{
	struct handlers *handlers = context;
	const struct dgram_handler *const *linked = handlers->config.listed;
	const char *names[NAMED_MAX + 1] = { NULL };

	if (strchr(name, '/') != NULL)
		return plugins_find(&handlers->plugins, name, ret_error);
	for (size_t i = 0; linked[i] != NULL; i++) {
		if (strcmp(linked[i]->name, name) == 0)
			return linked[i];
		if (i < NAMED_MAX)
			names[i] = linked[i]->name;
	}
	if (strstr(name, ".so") != NULL)
		(void)snprintf(ret_error, CONFIG_HANDLER_ERROR_MAX,
			"a plug-in is named with a slash, as in \"./%.100s\"", name);
	else
		(void)rule_takes_text(&(struct rule){ RULE_WORD, .words = names }, name, ret_error);
	return NULL;
}

/* Or NULL. */
static const char *fault_of_handler(
	const struct dgram_handler *const *linked, size_t index, char text[DGRAM_ERROR_TEXT_MAX])
{
	if (dgram_handler_check(linked[index], text, DGRAM_ERROR_TEXT_MAX) < 0)
		return text;
	for (size_t i = 0; i < index; i++)
		if (strcmp(linked[i]->name, linked[index]->name) == 0)
			return "has the name of another";
	return NULL;
}

int handlers_init(struct handlers *handlers, const struct dgram_handler *const *linked)
{
	char text[DGRAM_ERROR_TEXT_MAX];
	const char *fault;
	size_t index = 0;

	*handlers = (struct handlers){ .config = { linked, find, handlers, NULL } };
	do {
		fault = fault_of_handler(linked, index, text);
	} while (fault == NULL && linked[++index] != NULL);
	if (fault == NULL)
		return 0;
	(void)fprintf(stderr, "%s: error: handlers[%zu]: %s\n", program_invocation_short_name,
		index, fault);
	return -EINVAL;
}

bool handlers_list_plugins(struct handlers *handlers, char *const *paths, size_t count,
	char ret_error[CONFIG_HANDLER_ERROR_MAX])
{
	struct config_plugin *described = calloc(count + 1, sizeof(*described));

	if (described == NULL) {
		(void)snprintf(ret_error, CONFIG_HANDLER_ERROR_MAX, "%s", strerrordesc_np(ENOMEM));
		return false;
	}
	handlers->config.plugins = described;
	for (size_t i = 0; i < count; i++) {
		described[i].path = paths[i];
		described[i].handler = plugins_find(&handlers->plugins, paths[i], ret_error);
		if (described[i].handler == NULL)
			return false;
	}
	return true;
}

void handlers_free(struct handlers *handlers)
{
	free((void *)handlers->config.plugins);
	plugins_free(&handlers->plugins);
}
