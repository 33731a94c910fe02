/* The values of a configuration, one for each row of the params table. Inside src/config only.
 * Thread: owner. */
#ifndef CONFIG_VALUES_H
#define CONFIG_VALUES_H

#include "json/element.h"
#include "config/admin.h"
#include "config/handlers.h"
#include "config/params.h"
#include "config/user.h"

struct value {
	bool present;			     /* a document has it; else it is the default */
	bool invalid;			     /* the report says why */
	unsigned number;		     /* a boolean: 0 or 1; a word: its index */
	const struct dgram_handler *handler; /* of a valid handler */
	struct element element;		     /* where it is present */
};

struct values {
	struct value of[PARAM_COUNT];
	struct element element;		  /* of a service in a list */
	struct config_server server;	  /* once loaded */
	const struct access_list *access; /* once loaded: what `access` says */
	struct dgram_setting
		*parameters; /* of the handler, in its order; once loaded all have a name */
};

/* An object of options that waits until the handler is known. */
struct deferred_options {
	const struct values *values; /* the top's or a service's */
	struct element object;
};

struct config {
	const struct config_handlers *handlers;
	struct values top;
	struct values *services; /* once loaded: every one complete, at least one */
	size_t services_count;
	bool services_listed; /* a document has the key "services" */

	struct document *documents; /* the file, then each --set; the values point into them */
	size_t documents_count;
	struct deferred_options *deferred; /* in the order of the documents */
	size_t deferred_count;

	struct config_user user;
	struct config_admin admin;
	struct access_list *access; /* the top's, and of each service; NULL: not yet */

	/* Point into the above. */
	struct dgram_options options;
	struct dgram_service *service_options;
	struct service_lists {
		const char *hosts[DGRAM_HOSTS_MAX];
		const char *exempt[DGRAM_EXEMPT_MAX];
		uint16_t ports[DGRAM_REFUSED_PORTS_MAX]; /* that it refuses */
	} * lists;					 /* one a service */
};

/* All are the defaults. */
void values_init(struct values *values, const struct config_handlers *handlers);

/* The handler, as the file names it, and a service's name: its handler's own by default. */
const struct dgram_handler *values_handler(const struct values *values);
const char *values_handler_text(const struct values *values);
const char *values_name(const struct values *values);

/* What a valid factor is; by default DGRAM_FACTOR_OF_HANDLER, and what that is. */
double values_factor(const struct values *values);
double values_factor_in_force(const struct values *values);

/* The texts of a valid name, text or list of hosts, at least one: `index` counts from 0. By default
 * it is the table's. NULL: there is none. */
const char *value_text(const struct value *value, const struct param *param, size_t index);
size_t value_texts_count(const struct value *value);

/* How many texts valid prefixes have. */
size_t value_prefixes_count(const struct value *value);

/* The addresses of valid hosts. Returns their number. */
size_t values_hosts(const struct values *values, const char *hosts[static DGRAM_HOSTS_MAX]);

/* The ports of a valid list. Returns their number. */
size_t value_ports(const struct value *value, uint16_t ports[static DGRAM_REFUSED_PORTS_MAX]);

/* Where text number `index` of a value stands that is present. */
struct report_place value_text_place(const struct value *value, size_t index);

#endif
