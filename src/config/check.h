/* Keys and values against the params table. Errors go into the report. Thread: owner. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "base/rule.h"
#include "json/element.h"
#include "config/values.h"

/* What is being checked, and the name that messages give it. */
struct check {
	const struct param *param;
	const char *label; /* "services.1.queue.capacity" */
	const struct config_handlers *handlers;
	struct report *report;
};

/* Replace `value`, and mark it as invalid if the element is. */
void check_value(const struct check *check, struct element element, struct value *value);

/* True: it may be. `label` is its name in messages. */
bool check_rule(
	const char *label, struct element element, const struct rule *rule, struct report *report);

/* True: it is an object. */
bool check_object(const char *label, struct element element, struct report *report);

/* Report a key that the object does not have, and what could be meant. `param` is that of the object (NULL:
 * the scope's own), and `label` stands before the key's path. */
void check_unknown_key(const struct check *object, enum param_scope scope, struct element member);

/* The same for a key in the options of a handler. */
void check_unknown_option(struct element member, const struct dgram_handler *handler,
	const char *label, struct report *report);

#endif
