/* server.json: load it, print it, compare it. Thread: one at a time in the process. */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include <dgram.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "json/report.h"

struct config;

/* Read a file (NULL: none, all is default) and then apply `sets`, each KEY=VALUE as --set has it.
 * -EINVAL: the report holds every error, finished, at least one; another error is the system's, and
 * the report says of what, but for -ENOMEM, when it holds nothing. The report must be initialized;
 * the caller frees it in any case. */
int config_load(const char *path, const char *const *sets, size_t sets_count, struct report *report,
	struct config **ret_config);

/* Valid until config_free(). Hooks and `log_color` are left at their defaults. */
const struct dgram_options *config_options(const struct config *config);

/* NULL is fine. */
void config_free(struct config *config);

/* The effective configuration, defaults included, as a file that loads to the same. -errno. */
int config_print(const struct config *config, FILE *file);

/* The JSON Schema of server.json, draft-07. -errno. */
int config_print_schema(FILE *file);

/* A key whose value differs: "queue.capacity", "4096", "8192". `live`: a reload applies it; else it
 * waits for a restart. The texts are the caller's only for the call. */
typedef void config_change_fn(
	void *context, const char *path, const char *old_value, const char *new_value, bool live);

/* Call `change` for each. The number of changes. */
int config_changes(const struct config *old_config, const struct config *new_config,
	config_change_fn *change, void *context);

#endif
