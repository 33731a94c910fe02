/* The handlers that a file can name, as the daemon hands them in. */
#ifndef CONFIG_HANDLERS_H
#define CONFIG_HANDLERS_H

#include <dgram.h>

/* Room for why there is no handler of a name, in one line, with its NUL. */
#define CONFIG_HANDLER_ERROR_MAX 512

/* One that a file names by the path of a plug-in. */
struct config_plugin {
	const char *path;
	const struct dgram_handler *handler;
};

struct config_handlers {
	/* NULL after the last, at least one; the first is the default. */
	const struct dgram_handler *const *listed;

	/* The handler of this name, which stays as long as the context; NULL: there is none, and
	 * `ret_error` says why. It may be one that is not listed. */
	const struct dgram_handler *(*find)(
		void *context, const char *name, char ret_error[CONFIG_HANDLER_ERROR_MAX]);
	void *context;

	/* For the schema alone: NULL, or plug-ins up to one without a path. A path there means each that
	 * ends with the same name. */
	const struct config_plugin *plugins;
};

#endif
