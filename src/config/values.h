/* The values of a configuration: what was given for each row of the params table. Inside src/config
 * only. Thread: owner. */
#ifndef CONFIG_VALUES_H
#define CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "json/element.h"
#include "config/load.h"
#include "config/params.h"

struct value_text {
	char *text;
	struct report_place place;
};

struct value {
	bool given;		   /* not the default */
	bool bad;		   /* the report says why */
	struct report_place place; /* while loading: where it was given */
	unsigned number;	   /* a boolean: 0 or 1; a word or handler: its index */
	struct value_text *texts;  /* of a name, a text, or hosts; none: the default */
	size_t texts_count;
};

struct values {
	struct value of[PARAM_COUNT];
	struct report_place place;
	double *parameters; /* of the handler, in its order; once loaded, NULL if it has none */
};

/* An object of options, for the top or a service. */
struct given_options {
	const struct values *values;
	struct element object;
};

struct config {
	struct values top;
	struct values *services; /* once loaded: every one complete, at least one */
	size_t services_count;
	bool services_listed; /* the key "services" was given */

	struct given_options *given; /* while loading, in the order of the documents */
	size_t given_count;

	/* Point into the above. */
	struct dgram_options options;
	struct dgram_service *service_options;
	const char **hosts; /* of all services */
};

/* And the options that were given. */
void config_clear_services(struct config *config);

void values_init(struct values *values);
void values_clear(struct values *values);

void value_clear(struct value *value);
int value_add_text(struct value *value, const char *text, struct report_place place);
int value_copy(struct value *to, const struct value *from); /* `to` was cleared or used before */

/* Text number `index` of a value, the default's if none was given. NULL: it has no default. */
const char *value_text(const struct value *value, const struct param *param, size_t index);
size_t value_texts_count(const struct value *value);

const struct dgram_handler *values_handler(const struct values *values);

/* A service's name: that of its handler by default. */
const char *values_name(const struct values *values);

#endif
