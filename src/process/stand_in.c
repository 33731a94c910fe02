#include "process/stand_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process/environment.h"
#include "process/program.h"
#include "process/settings.h"

/* Arguments that were, too: children may be about to start with them. */
struct arguments {
	struct arguments *before;
	char **words;
};

/* Of a service. */
struct service {
	const struct stand_in *stand_in;
	char path[PATH_MAX];
	struct arguments *arguments;
	char **environment;
};

static int set_arguments(struct service *service, const struct dgram_start *start)
{
	const struct stand_in *stand_in = service->stand_in;
	const char *handler = stand_in->plugin[0] != '\0' ? stand_in->plugin
							  : stand_in->handler.name;
	char *const before[] = { (char *)PROGRAM_NAME, (char *)"serve", (char *)(uintptr_t)handler,
		(char *)(uintptr_t)start->service, (char *)(uintptr_t)stand_in->sandbox, NULL };
	struct arguments *arguments = calloc(1, sizeof(*arguments));
	char **words = settings_write(before, stand_in->handler.parameters,
		stand_in->handler.parameters_count, start->values);

	if (arguments == NULL || words == NULL) {
		free(arguments);
		free(words);
		return -ENOMEM;
	}
	*arguments = (struct arguments){ service->arguments, words };
	service->arguments = arguments;
	return 0;
}

static void close_service(void *state)
{
	struct service *service = state;

	while (service->arguments != NULL) {
		struct arguments *arguments = service->arguments;

		service->arguments = arguments->before;
		free(arguments->words);
		free(arguments);
	}
	free(service->environment);
	free(service);
}

static int open_service(void *context, const struct dgram_start *start, void **ret_state)
{
	struct service *service = calloc(1, sizeof(*service));
	size_t count;
	int error;

	if (service == NULL)
		return -ENOMEM;
	service->stand_in = context;
	service->environment = environment_new(0, &count);
	error = service->environment != NULL ? set_arguments(service, start) : -ENOMEM;
	if (error == 0) {
		error = program_find(service->path);
		if (error < 0)
			dgram_log(start, DGRAM_LOG_ERROR, "cannot execute",
				"%s is neither beside this program nor in ../libexec/dgramd",
				PROGRAM_NAME);
	}
	if (error < 0)
		close_service(service);
	else
		*ret_state = service;
	return error;
}

static int renew_arguments(void *state, const struct dgram_start *start)
{
	return set_arguments(state, start);
}

static int give_command(void *state, struct dgram_command *ret_command)
{
	const struct service *service = state;

	*ret_command = (struct dgram_command){
		.path = service->path,
		.arguments = service->arguments->words,
		.environment = service->environment,
		.binary = true,
		.shares_memory = true,
	};
	return 0;
}

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return -ENOEXEC;
}

static struct stand_in *new (
	const struct dgram_handler *of, const char *plugin, const char *sandbox)
{
	struct stand_in *stand_in = calloc(1, sizeof(*stand_in) + strlen(plugin) + 1);

	if (stand_in == NULL)
		return NULL;
	stand_in->of = of;
	stand_in->sandbox = sandbox;
	memcpy(stand_in->plugin, plugin, strlen(plugin) + 1);
	stand_in->handler = (struct dgram_handler){
		.abi = DGRAM_ABI,
		.name = of->name,
		.handle = handle,
		.open = open_service,
		.close = close_service,
		.reconfigure = renew_arguments,
		.children = give_command,
		.parameters = of->parameters,
		.parameters_count = of->parameters_count,
		.reads_arrived = of->reads_arrived,
		.max_reply_factor = of->max_reply_factor,
	};
	return stand_in;
}

const struct dgram_handler *stand_in_find(struct stand_in **list, const struct dgram_handler *of,
	const char *plugin, const char *sandbox)
{
	struct stand_in *stand_in = *list;

	while (stand_in != NULL && (stand_in->of != of || strcmp(stand_in->sandbox, sandbox) != 0))
		stand_in = stand_in->next;
	if (stand_in != NULL)
		return &stand_in->handler;
	stand_in = new (of, plugin, sandbox);
	if (stand_in == NULL)
		return NULL;
	stand_in->next = *list;
	*list = stand_in;
	return &stand_in->handler;
}

void stand_in_free(struct stand_in *list)
{
	while (list != NULL) {
		struct stand_in *stand_in = list;

		list = stand_in->next;
		free(stand_in);
	}
}
