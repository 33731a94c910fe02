/* One value against its row of the params table. Thread: owner. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "json/element.h"
#include "config/values.h"

/* What is being checked, and the name that messages give it. */
struct check {
	const struct param *param;
	const char *label; /* "services.1.queue.capacity" */
	struct report *report;
};

/* Replace `value`. Errors go into the report, and the value is then marked as bad. -ENOMEM. */
int check_value(const struct check *check, struct element element, struct value *value);

/* Is it a number in this range? If not, the report says so. */
bool check_number(const char *label, struct element element, const struct dgram_parameter *range,
	bool whole, struct report *report);

#endif
