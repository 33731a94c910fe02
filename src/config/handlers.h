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

/* What a service would be that the handler can refuse to be. */
struct config_choice {
	const struct dgram_handler *handler;
	const struct dgram_setting *options;	      /* in the handler's order */
	unsigned concurrency, sandbox, child_sandbox; /* words of the params table */
};

/* What dgram.h is given for it. */
struct config_server {
	const struct dgram_handler *handler;
	void *context; /* NULL: the path of the file */
};

struct config_fault {
	unsigned param;	    /* the number of the key that is wrong, in the params table */
	const char *option; /* of PARAM_OPTIONS: its name; else NULL */
	size_t text;	    /* of a list: the number of its text */
	char why[CONFIG_HANDLER_ERROR_MAX];
};

struct config_handlers {
	/* NULL after the last, at least one; the first is the default. */
	const struct dgram_handler *const *listed;

	/* The handler of this name, which stays as long as the context; NULL: there is none, and
	 * `ret_error` says why. It may be one that is not listed. */
	const struct dgram_handler *(*find)(
		void *context, const char *name, char ret_error[CONFIG_HANDLER_ERROR_MAX]);
	void *context;

	/* Can it be one, of values that are valid each? False: ret_fault says why not. It may put another handler in the
	 * place of `server`, which has its own. NULL: any can. */
	bool (*check)(void *context, const struct config_choice *choice,
		struct config_server *server, struct config_fault *ret_fault);

	/* For the schema alone: NULL, or plug-ins up to one without a path. A path there means each that
	 * ends with the same name. */
	const struct config_plugin *plugins;
};

#endif
