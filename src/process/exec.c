#include "process/exec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/environment.h"
#include "process/handed.h"
#include "process/once.h"

#define WORDS_MAX 64

static const struct dgram_parameter parameters[EXEC_OPTIONS] = {
	[EXEC_COMMAND] = { "command", DGRAM_TEXTS, .minimum = 0, .maximum = WORDS_MAX,
		.sentence =
			"The program and its arguments: a bare word is looked for along PATH, and a "
			"relative path counts from the folder of the file." },
	[EXEC_MODE] = { "mode", DGRAM_WORD,
		.words = (const char *const[]){ "once", "text", "binary", NULL },
		.sentence =
			"How a process gets its requests: with once each has one of its own, as "
			"its standard input; with text and binary it lives on, and is asked as "
			"dgram-1(7) says." },
	[EXEC_DESCRIPTORS] = { "descriptors", DGRAM_TEXT, .text = "", .minimum = 0,
		.maximum = sizeof("123456789-123456789") - 1,
		.sentence =
			"Instead of a command streams of children that are there already, handed in "
			"by LISTEN_FDS beside the sockets, as in \"4-7\"." },
};

/* Of a service. */
struct exec {
	unsigned mode;
	struct handed handed; /* or: */
	char path[PATH_MAX + 1];
	char *arguments[WORDS_MAX + 1];
	char **environment; /* of those that live on */
	char service[sizeof("DGRAM_SERVICE=") + DGRAM_SERVICE_NAME_MAX];
};

static bool make_environment(struct exec *exec, const char *service)
{
	size_t kept;

	(void)snprintf(exec->service, sizeof(exec->service), "DGRAM_SERVICE=%s", service);
	exec->environment = environment_new(1, &kept);
	if (exec->environment != NULL)
		exec->environment[kept] = exec->service;
	return exec->environment != NULL;
}

static void close_command(void *state)
{
	struct exec *exec = state;

	free(exec->environment);
	free(exec);
}

/* What is asked. */
static bool find_asked(struct exec *exec, const char *base, const struct dgram_setting *values,
	char ret_error[COMMAND_ERROR_MAX])
{
	const struct dgram_setting *command = &values[EXEC_COMMAND];
	int fd = -1;

	if (command->texts_count == 0) {
		if (handed_parse(values[EXEC_DESCRIPTORS].text, &exec->handed) &&
			handed_check(&exec->handed, &fd))
			return true;
		(void)snprintf(ret_error, COMMAND_ERROR_MAX,
			"options.descriptors: %d: no stream was handed in", fd);
		return false;
	}
	for (size_t i = 0; i < command->texts_count; i++)
		exec->arguments[i] = (char *)(uintptr_t)command->texts[i];
	return command_find(base, command->texts[0], exec->path, ret_error);
}

static int open_command(void *context, const struct dgram_start *start, void **ret_state)
{
	struct exec *exec = calloc(1, sizeof(*exec));
	char why[COMMAND_ERROR_MAX];

	if (exec == NULL || !make_environment(exec, start->service)) {
		free(exec);
		return -ENOMEM;
	}
	if (!find_asked(exec, context, start->values, why)) {
		dgram_log(start, DGRAM_LOG_ERROR, "cannot execute", "%s", why);
		close_command(exec);
		return -ENOENT;
	}
	exec->mode = (unsigned)start->values[EXEC_MODE].number;
	*ret_state = exec;
	return 0;
}

static void log_line(void *context, const char *line, size_t length, uint64_t suppressed)
{
	const struct dgram_request *request = context;

	if (suppressed > 0)
		dgram_request_log(request, DGRAM_LOG_INFO, "child wrote",
			"%.*s (and %llu lines before it)", (int)length, line,
			(unsigned long long)suppressed);
	else
		dgram_request_log(
			request, DGRAM_LOG_INFO, "child wrote", "%.*s", (int)length, line);
}

static int start_once(void *state, const struct dgram_start *start, void **ret_worker_state)
{
	struct exec *exec = state;
	struct once *once = calloc(1, sizeof(*once));

	(void)start;
	if (once == NULL)
		return -ENOMEM;
	*once = (struct once){
		.path = exec->path,
		.arguments = exec->arguments,
		.lines.tell = log_line,
	};
	once->environment = environment_new(UCSPI_VARIABLES, &once->kept);
	if (once->environment == NULL) {
		free(once);
		return -ENOMEM;
	}
	*ret_worker_state = once;
	return 0;
}

static void stop_once(void *state)
{
	struct once *once = state;

	free(once->environment);
	free(once);
}

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	return once_run(state, request, reply, reply_size);
}

static int give_children(void *state, struct dgram_command *ret_command)
{
	const struct exec *exec = state;

	if (exec->mode == EXEC_ONCE)
		return -ENOENT;
	*ret_command = (struct dgram_command){
		.path = exec->path,
		.arguments = exec->arguments,
		.environment = exec->environment,
		.binary = exec->mode == EXEC_BINARY,
		.descriptors = exec->handed.fds,
		.descriptors_count = exec->handed.count,
	};
	return 0;
}

/* Why there can be no such descriptors, or NULL. */
static const char *fault_of_descriptors(const struct dgram_setting *values)
{
	struct handed handed;

	if (values[EXEC_COMMAND].texts_count > 0)
		return "cannot be set with options.command";
	if (values[EXEC_MODE].text == NULL ||
		strcmp(values[EXEC_MODE].text, parameters[EXEC_MODE].words[EXEC_ONCE]) == 0)
		return "cannot be set with options.mode \"once\"";
	return handed_parse(values[EXEC_DESCRIPTORS].text, &handed)
		       ? NULL
		       : "must be a descriptor from 3 on, or the first and last one of some, as \"4-7\"";
}

bool exec_check(const char *base, const struct dgram_setting *values, unsigned *ret_option,
	char ret_error[COMMAND_ERROR_MAX])
{
	const char *fault;
	char path[PATH_MAX + 1];

	*ret_option = EXEC_COMMAND;
	if (values[EXEC_DESCRIPTORS].text[0] != '\0') {
		*ret_option = EXEC_DESCRIPTORS;
		fault = fault_of_descriptors(values);
		if (fault != NULL)
			(void)snprintf(ret_error, COMMAND_ERROR_MAX, "%s", fault);
		return fault == NULL;
	}
	if (values[EXEC_COMMAND].texts_count == 0) {
		(void)snprintf(ret_error, COMMAND_ERROR_MAX, "missing: the handler \"%s\" needs it",
			exec_handler.name);
		return false;
	}
	return command_find(base, values[EXEC_COMMAND].texts[0], path, ret_error);
}

const struct dgram_handler exec_handler = {
	.abi = DGRAM_ABI,
	.name = "exec",
	.handle = handle,
	.open = open_command,
	.close = close_command,
	.worker_start = start_once,
	.worker_stop = stop_once,
	.parameters = parameters,
	.parameters_count = EXEC_OPTIONS,
	.children = give_children,
};
