/* Asking a daemon, with exit statuses: EX_OK, or what the program ends with, and then stderr has said why. */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "ctl/fetch.h"
#include "ctl/options.h"

/* A status of HTTP that is neither 200 nor 409 is an error, too. */
int ask(const struct ctl_options *options, const char *path, bool post,
	struct fetched *ret_fetched);

int ask_parse(const struct ctl_options *options, const struct fetched *fetched, cJSON **ret_json);

/* Both. */
int ask_json(const struct ctl_options *options, const char *path, cJSON **ret_json);

int ask_no_memory(void);

#endif
