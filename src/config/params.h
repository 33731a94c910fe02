/* Every key of server.json, in one table. Validation, defaults, --print-config and the JSON Schema
 * come from it; the documents are checked against it. Thread: any. */
#ifndef CONFIG_PARAMS_H
#define CONFIG_PARAMS_H

#include <dgram.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"

enum param_type {
	PARAM_TYPE_GROUP,    /* an object; its keys follow it in the table */
	PARAM_TYPE_WHOLE,    /* a whole number within the limits */
	PARAM_TYPE_FACTOR,   /* a number within them; by default the handler's */
	PARAM_TYPE_BOOLEAN,  /* 0 or 1 */
	PARAM_TYPE_WORD,     /* one of `words` */
	PARAM_TYPE_HANDLER,  /* the name of a handler, the first listed by default */
	PARAM_TYPE_NAME,     /* [a-z][a-z0-9-]*; the limits are bytes */
	PARAM_TYPE_TEXT,     /* the limits are bytes */
	PARAM_TYPE_CPUS,     /* the same: "2-5,8" */
	PARAM_TYPE_TARGET,   /* the same: of the log */
	PARAM_TYPE_HOSTS,    /* a numeric address, or a list of them; the limits are their number */
	PARAM_TYPE_PREFIXES, /* a list of prefixes of addresses, empty by default; the same */
	PARAM_TYPE_PORTS,    /* a list of ports, whose defaults are those to refuse; the same */
	PARAM_TYPE_OPTIONS,  /* an object; its keys are the handler's parameters */
	PARAM_TYPE_SERVICES, /* a list of objects of the service's scope; the same */
};

enum param_scope {
	PARAM_SCOPE_TOP = 1,
	PARAM_SCOPE_SERVICE = 2,
	PARAM_SCOPE_BOTH = 3, /* a service that leaves it out takes the top's value */
};

struct param {
	const char *path; /* "port", "queue.capacity" */
	enum param_scope scope;
	const char *meaning; /* a sentence */
	enum param_type type;
	struct limits limits;	  /* the default of a boolean is 0 or 1, of a word its index */
	const char *text;	  /* default of the others; NULL: see `meaning` */
	const char *const *words; /* NULL after the last */
	const char *unit;	  /* NULL: just a number */
	size_t offset;		  /* of its field in dgram.h; 0: that takes more than a copy */
	bool live;		  /* a reload applies it; else it waits for a restart */
};

/* The rows' numbers. Keys of a group follow the group. */
enum {
	PARAM_SCHEMA,
	PARAM_NAME,
	PARAM_HOST,
	PARAM_PORT,
	PARAM_HANDLER,
	PARAM_OPTIONS,
	PARAM_CONCURRENCY,
	PARAM_RECEIVERS,
	PARAM_MAX_WORKERS,
	PARAM_MIN_SOURCE_PORT,
	PARAM_ACCESS,
	PARAM_ACCESS_ALLOW,
	PARAM_ACCESS_DENY,
	PARAM_ACCESS_FILE,
	PARAM_MAX_REPLY_FACTOR,
	PARAM_REFUSE_SOURCE_PORTS,
	PARAM_LOOP_GUARD,
	PARAM_FREEBIND,
	PARAM_ON_MISSING_ADDRESS,
	PARAM_BROADCAST,
	PARAM_USER,
	PARAM_GROUP,
	PARAM_SANDBOX,
	PARAM_MAX_DATAGRAM_BYTES,
	PARAM_MAX_REPLY_BYTES,
	PARAM_SOCKET,
	PARAM_RECEIVE_BUFFER,
	PARAM_SEND_BUFFER,
	PARAM_GRO,
	PARAM_BUSY_POLL,
	PARAM_POOL,
	PARAM_WORKERS,
	PARAM_RECEIVERS_ASSIST,
	PARAM_HANDLER_TIMEOUT,
	PARAM_CPUS,
	PARAM_QUEUE,
	PARAM_CAPACITY,
	PARAM_MAX_WAIT,
	PARAM_DISCIPLINE,
	PARAM_ORDERING,
	PARAM_OVERLOAD_INTERVAL,
	PARAM_FAIR_WINDOW,
	PARAM_BUSY_REPLIES,
	PARAM_LIMITS,
	PARAM_REQUESTS_PER_S,
	PARAM_REPLY_BYTES_PER_S,
	PARAM_BURST,
	PARAM_LEAK,
	PARAM_EXEMPT,
	PARAM_DRY_RUN,
	PARAM_CHILD,
	PARAM_CHILD_START_TIMEOUT,
	PARAM_CHILD_TIMEOUT,
	PARAM_CHILD_MEMORY,
	PARAM_CHILD_FILES,
	PARAM_CHILD_MAX_REQUESTS,
	PARAM_CHILD_MAX_RSS,
	PARAM_CHILD_RERUN,
	PARAM_CHILD_SANDBOX,
	PARAM_LOGGING,
	PARAM_LOG_LEVEL,
	PARAM_LOG_FORMAT,
	PARAM_LOG_TARGET,
	PARAM_LOG_SUMMARY,
	PARAM_SHUTDOWN,
	PARAM_DRAIN_TIMEOUT,
	PARAM_DRAIN_DELAY,
	PARAM_ADMIN,
	PARAM_ADMIN_SOCKET,
	PARAM_ADMIN_SOCKET_MODE,
	PARAM_ADMIN_SOCKET_GROUP,
	PARAM_ADMIN_LISTEN,
	PARAM_ADMIN_UPGRADE,
	PARAM_SERVICES,
	PARAM_COUNT
};

extern const struct param params[PARAM_COUNT];

/* The row of a key directly in a group (NULL: at the top of the scope), or NULL. */
const struct param *param_find(enum param_scope scope, const struct param *group, const char *key);

/* The last part of the path. */
const char *param_key(const struct param *param);

/* True: it stands directly in this group (NULL: at the top of the scope). */
bool param_is_in(const struct param *param, enum param_scope scope, const struct param *group);

/* True: a service that has the key's group takes none of the group's keys from the top. */
bool param_is_replaced(const struct param *param);

/* True: at the top it is allowed only without "services". */
bool param_is_single(const struct param *param);

/* The number of a word of a PARAM_TYPE_WORD, or -ENOENT. */
int param_word_find(const struct param *param, const char *word, unsigned *ret_number);

#endif
