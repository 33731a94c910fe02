#include "daemon/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "config/config.h"
#include "config/params.h"
#include "process/exec.h"

_Static_assert(PLUGIN_ERROR_MAX <= CONFIG_HANDLER_ERROR_MAX &&
		       RULE_MESSAGE_MAX <= CONFIG_HANDLER_ERROR_MAX,
	"room for all errors");

/* The most handlers that a message names, so that it fits a few lines. */
#define NAMED_MAX 16

static const struct dgram_handler *find(
	void *context, const char *name, char ret_error[CONFIG_HANDLER_ERROR_MAX])
{
	struct handlers *handlers = context;
	const struct dgram_handler *const *listed = handlers->config.listed;
	const char *names[NAMED_MAX + 1] = { NULL };

	if (strchr(name, '/') != NULL)
		return plugins_find(&handlers->plugins, name, ret_error);
	for (size_t i = 0; listed[i] != NULL; i++) {
		if (strcmp(listed[i]->name, name) == 0)
			return listed[i];
		if (i < NAMED_MAX)
			names[i] = listed[i]->name;
	}
	if (strstr(name, ".so") != NULL)
		(void)snprintf(ret_error, CONFIG_HANDLER_ERROR_MAX,
			"a plug-in is named with a slash, as in \"./%.100s\"", name);
	else
		(void)rule_takes_text(&(struct rule){ RULE_WORD, .words = names }, name, ret_error);
	return NULL;
}

static bool check_exec(const struct handlers *handlers, const struct config_choice *choice,
	struct config_fault *ret_fault)
{
	const char *mode;
	unsigned option;

	if (choice->concurrency != DGRAM_POOL) {
		ret_fault->param = PARAM_CONCURRENCY;
		(void)snprintf(ret_fault->why, sizeof(ret_fault->why),
			"must be \"pool\": the handler \"exec\" waits for its command");
		return false;
	}
	if (choice->child_sandbox != CONFIG_SANDBOX_OFF) {
		ret_fault->param = PARAM_CHILD_SANDBOX;
		(void)snprintf(ret_fault->why, sizeof(ret_fault->why),
			"must be \"off\": it is for built-in handlers and plug-ins with "
			"\"concurrency\": \"process\", and not for the commands of \"exec\"");
		return false;
	}
	mode = choice->options[EXEC_MODE].text;
	if (choice->sandbox == CONFIG_SANDBOX_ENFORCE &&
		(mode == NULL ||
			strcmp(mode, exec_handler.parameters[EXEC_MODE].words[EXEC_ONCE]) == 0)) {
		ret_fault->param = PARAM_SANDBOX;
		(void)snprintf(ret_fault->why, sizeof(ret_fault->why),
			"must be \"off\" or \"log\": with the mode once the workers of \"exec\" "
			"execute its command");
		return false;
	}
	if (exec_check(handlers->plugins.base, choice->options, &option, ret_fault->why))
		return true;
	ret_fault->option = exec_handler.parameters[option].name;
	return false;
}

static bool put_stand_in(struct handlers *handlers, const struct config_choice *choice,
	struct config_server *server, struct config_fault *ret_fault)
{
	const char *plugin = plugins_path(&handlers->plugins, choice->handler);
	const char *sandbox = params[PARAM_CHILD_SANDBOX].words[choice->child_sandbox];

	if (plugin == NULL && dgram_builtin_handler(server->handler->name) == server->handler)
		plugin = "";
	if (plugin == NULL) {
		ret_fault->param = PARAM_CONCURRENCY;
		(void)snprintf(ret_fault->why, sizeof(ret_fault->why),
			"must be \"pool\" or \"inline\": the handler \"%s\" is a part of this "
			"program; build a plug-in of it, which can run in a process of its own",
			server->handler->name);
		return false;
	}
	server->handler = stand_in_find(&handlers->stand_ins, server->handler, plugin, sandbox);
	server->context = (void *)(uintptr_t)server->handler;
	if (server->handler == NULL)
		(void)snprintf(
			ret_fault->why, sizeof(ret_fault->why), "%s", strerrordesc_np(ENOMEM));
	return server->handler != NULL;
}

/* A plug-in is opened here only where this process runs it. */
static bool admit_choice(void *context, const struct config_choice *choice,
	struct config_server *server, struct config_fault *ret_fault)
{
	struct handlers *handlers = context;

	if (choice->handler == &exec_handler)
		return check_exec(handlers, choice, ret_fault);
	ret_fault->param = PARAM_HANDLER;
	if (choice->concurrency == DGRAM_PROCESS)
		return put_stand_in(handlers, choice, server, ret_fault);
	if (plugins_path(&handlers->plugins, choice->handler) != NULL)
		server->handler = plugins_open(&handlers->plugins, choice->handler, ret_fault->why);
	return server->handler != NULL;
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
	if (strcmp(linked[index]->name, exec_handler.name) == 0)
		return "has the name of the handler that executes commands";
	return NULL;
}

static int list(struct handlers *handlers, const struct dgram_handler *const *linked, size_t count)
{
	const struct dgram_handler **listed = calloc(count + 2, sizeof(void *));

	if (listed == NULL)
		return -ENOMEM;
	memcpy(listed, linked, count * sizeof(void *));
	listed[count] = &exec_handler;
	handlers->config.listed = listed;
	return 0;
}

int handlers_init(struct handlers *handlers, const struct dgram_handler *const *linked)
{
	char text[DGRAM_ERROR_TEXT_MAX];
	const char *fault;
	size_t index = 0;

	*handlers = (struct handlers){
		.config = { .find = find, .check = admit_choice, .context = handlers }
	};
	do {
		fault = fault_of_handler(linked, index, text);
	} while (fault == NULL && linked[++index] != NULL);
	if (fault == NULL)
		return list(handlers, linked, index);
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
	free((void *)handlers->config.listed);
	free((void *)handlers->config.plugins);
	stand_in_free(handlers->stand_ins);
	plugins_free(&handlers->plugins);
}
