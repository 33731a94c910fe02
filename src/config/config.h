/* server.json: load it, print it, compare it. Thread: one at a time in the process. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <dgram.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "config/admin.h"
#include "config/handlers.h"
#include "config/user.h"
#include "json/document.h"

struct config;

#define CONFIG_STDIN DOCUMENT_STDIN

/* What a configuration is read from, first the file, then the sets. */
struct config_source {
	const char *path; /* of the file, or CONFIG_STDIN; NULL: all values are the defaults */
	const char *const *sets; /* each KEY=VALUE as for --set */
	size_t sets_count;
	const struct config_handlers *handlers; /* borrowed until config_free() */
};

/* -EINVAL: the report is finished and holds every error, at least one. -ENOMEM: it is empty. Another error
 * is the system's: the report says what failed. The report must be initialized; the caller frees it in any
 * case. */
int config_load(
	const struct config_source *source, struct report *report, struct config **ret_config);

/* The format that a source which was refused names for the log, as far as it can be read; else the default. */
const char *config_log_format(const struct config_source *source);

/* Can this user write to the files that it names? -EINVAL: the report, which was empty, is finished and says
 * why not. -ENOMEM. */
int config_check_files(const struct config *config, struct report *report);

/* Valid until config_free(). Hooks and `log_color` have their defaults. */
const struct dgram_options *config_options(const struct config *config);

enum config_sandbox { CONFIG_SANDBOX_OFF, CONFIG_SANDBOX_LOG, CONFIG_SANDBOX_ENFORCE };

/* The same. */
const struct config_user *config_user(const struct config *config);
const struct config_admin *config_admin(const struct config *config);
enum config_sandbox config_sandbox(const struct config *config);
unsigned config_drain_delay_ms(const struct config *config);

/* NULL is fine. */
void config_free(struct config *config);

/* The effective configuration, defaults included, as a file that loads to the same. Errors are the file's. */
void config_print(const struct config *config, FILE *file);

/* The JSON Schema of server.json with the listed handlers and plug-ins, draft-07. The same. */
void config_schema_print(const struct config_handlers *handlers, FILE *file);

/* A key whose value differs: "queue.capacity", "4096", "8192". `live`: a reload applies it; else it
 * waits for a restart. The texts are valid only during the call. */
typedef void config_change_fn(
	void *context, const char *path, const char *old_value, const char *new_value, bool live);

/* Call `change` for each key that differs. The number of changes. */
int config_changes(const struct config *old_config, const struct config *new_config,
	config_change_fn *change, void *context);

#endif
