/* Options of a service's handler, by the handler's own table. Thread: owner. */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "config/values.h"
#include "json/report.h"

/* None is set yet. -ENOMEM. */
int options_init(struct values *service);
void options_clear(struct values *service);

/* Take the members of an object; those of an earlier one give way. Errors go into the report, in which
 * `label` ("services.1.") stands before the options. -ENOMEM. */
int options_set(
	struct values *service, struct element object, const char *label, struct report *report);

/* Give those that are not set their defaults, or report that they are needed: at `place`. */
void options_complete(struct values *service, struct report_place place, const char *label,
	struct report *report);

/* A value as a text, cut at `size`. */
void options_format(const struct dgram_parameter *parameter, const struct dgram_setting *setting,
	char *text, size_t size);

#endif
