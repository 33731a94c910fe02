#include "handlers/builtin.h"

#include <string.h>

static const struct dgram_handler *const builtins[] = {
	&handler_time,
	&handler_daytime,
	&handler_time_rfc868,
	&handler_echo,
	&handler_discard,
	&handler_simulate,
	NULL,
};

const struct dgram_handler *const *dgram_builtin_handlers(void)
{
	return builtins;
}

const struct dgram_handler *dgram_builtin_handler(const char *name)
{
	for (size_t i = 0; builtins[i] != NULL; i++)
		if (strcmp(builtins[i]->name, name) == 0)
			return builtins[i];
	return NULL;
}
