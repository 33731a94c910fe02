#include "config/params.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
#define WORDS(...) .words = (const char *const[]){ __VA_ARGS__, NULL }
/* clang-format on */

const struct param params[PARAM_COUNT] = {
	[PARAM_SCHEMA] = {
		.path = "$schema",
		.type = PARAM_TYPE_TEXT,
		.scope = PARAM_SCOPE_TOP,
		.max = 4095,
		.text = "",
		.live = true,
		.meaning = "Where editors find the schema of this file; ignored.",
	},
	[PARAM_NAME] = {
		.path = "name",
		.type = PARAM_TYPE_NAME,
		.scope = PARAM_SCOPE_SERVICE,
		.min = 1,
		.max = DGRAM_SERVICE_NAME_MAX,
		.meaning = "The service's name in logs, unique; its handler's name by default.",
	},
	[PARAM_HOST] = {
		.path = "host",
		.type = PARAM_TYPE_HOSTS,
		.scope = PARAM_SCOPE_BOTH,
		.min = 1,
		.max = DGRAM_HOSTS_MAX,
		.text = "127.0.0.1",
		.meaning = "A numeric IPv4 or IPv6 address to listen on, or a list of them.",
	},
	[PARAM_PORT] = {
		.path = "port",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_BOTH,
		.max = 65535,
		.number = 20000,
		.meaning = "The UDP port; 0 lets the kernel pick one for each address.",
	},
	[PARAM_HANDLER] = {
		.path = "handler",
		.type = PARAM_TYPE_HANDLER,
		.scope = PARAM_SCOPE_BOTH,
		.text = "time",
		.meaning = "The built-in handler that answers.",
	},
	[PARAM_CONCURRENCY] = {
		.path = "concurrency",
		.type = PARAM_TYPE_WORD,
		.scope = PARAM_SCOPE_TOP,
		WORDS("pool"),
		.meaning = "Who runs handlers: a pool of worker threads.",
	},
	[PARAM_MAX_WORKERS] = {
		.path = "max_workers",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_BOTH,
		.max = DGRAM_WORKERS_MAX,
		.live = true,
		.meaning = "How much of the pool a service may hold; 0 is the whole pool.",
	},
	[PARAM_MIN_SOURCE_PORT] = {
		.path = "min_source_port",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_BOTH,
		.min = 1,
		.max = 65535,
		.number = 1024,
		.live = true,
		.meaning =
			"Datagrams from lower ports are dropped: servers live there, and "
			"two that answer each other never stop.",
	},
	[PARAM_MAX_DATAGRAM_BYTES] = {
		.path = "max_datagram_bytes",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_TOP,
		.min = 1,
		.max = DGRAM_DATAGRAM_BYTES_MAX,
		.number = 8192,
		.unit = "bytes",
		.meaning = "Longer requests are dropped, never cut; replies are no longer.",
	},
	[PARAM_SOCKET] = {
		.path = "socket",
		.type = PARAM_TYPE_GROUP,
		.scope = PARAM_SCOPE_TOP,
		.meaning = "The sockets' buffers in the kernel.",
	},
	[PARAM_RECEIVE_BUFFER] = {
		.path = "socket.receive_buffer_bytes",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_TOP,
		.max = 1073741824,
		.number = 4194304,
		.unit = "bytes",
		.meaning = "Asked of the kernel for each socket; 0 keeps its default.",
	},
	[PARAM_SEND_BUFFER] = {
		.path = "socket.send_buffer_bytes",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_TOP,
		.max = 1073741824,
		.unit = "bytes",
		.meaning = "Asked of the kernel for each socket; 0 keeps its default.",
	},
	[PARAM_POOL] = {
		.path = "pool",
		.type = PARAM_TYPE_GROUP,
		.scope = PARAM_SCOPE_TOP,
		.meaning = "The worker threads, which all services share.",
	},
	[PARAM_WORKERS] = {
		.path = "pool.workers",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_TOP,
		.min = 1,
		.max = DGRAM_WORKERS_MAX,
		.number = 4,
		.live = true,
		.meaning = "How many requests are worked on at once.",
	},
	[PARAM_QUEUE] = {
		.path = "queue",
		.type = PARAM_TYPE_GROUP,
		.scope = PARAM_SCOPE_BOTH,
		.meaning = "The queue that each service has of its own.",
	},
	[PARAM_CAPACITY] = {
		.path = "queue.capacity",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_BOTH,
		.min = 1,
		.max = DGRAM_QUEUE_CAPACITY_MAX,
		.number = 4096,
		.meaning = "How many datagrams may wait; memory for all is taken at the start.",
	},
	[PARAM_MAX_WAIT] = {
		.path = "queue.max_wait_ms",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_BOTH,
		.max = 3600000,
		.number = 1000,
		.unit = "milliseconds",
		.live = true,
		.meaning =
			"A datagram that waited for longer is dropped: its client has "
			"given up. 0 never drops one.",
	},
	[PARAM_LOGGING] = {
		.path = "logging",
		.type = PARAM_TYPE_GROUP,
		.scope = PARAM_SCOPE_TOP,
		.meaning = "The log.",
	},
	[PARAM_LOG_LEVEL] = {
		.path = "logging.level",
		.type = PARAM_TYPE_WORD,
		.scope = PARAM_SCOPE_TOP,
		.number = DGRAM_LOG_INFO,
		WORDS("error", "warn", "info", "debug"),
		.live = true,
		.meaning =
			"The least severe lines that are written; requests are logged at "
			"debug.",
	},
	[PARAM_LOG_FORMAT] = {
		.path = "logging.format",
		.type = PARAM_TYPE_WORD,
		.scope = PARAM_SCOPE_TOP,
		WORDS("auto", "logfmt", "json", "journal"),
		.live = true,
		.meaning =
			"The form of a line; auto is journal where stderr is the journal, "
			"else logfmt.",
	},
	[PARAM_LOG_TARGET] = {
		.path = "logging.target",
		.type = PARAM_TYPE_TEXT,
		.scope = PARAM_SCOPE_TOP,
		.min = 1,
		.max = 4095,
		.text = "stderr",
		.live = true,
		.meaning =
			"stderr, none, or the path of a file; {worker} in it makes a file "
			"for each worker.",
	},
	[PARAM_LOG_SUMMARY] = {
		.path = "logging.summary_interval_s",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_TOP,
		.max = 86400,
		.number = 60,
		.unit = "seconds",
		.live = true,
		.meaning =
			"Time between summary lines of the server and of each worker; 0 "
			"writes none.",
	},
	[PARAM_SHUTDOWN] = {
		.path = "shutdown",
		.type = PARAM_TYPE_GROUP,
		.scope = PARAM_SCOPE_TOP,
		.meaning = "The end.",
	},
	[PARAM_DRAIN_TIMEOUT] = {
		.path = "shutdown.drain_timeout_ms",
		.type = PARAM_TYPE_WHOLE,
		.scope = PARAM_SCOPE_TOP,
		.max = 3600000,
		.number = 5000,
		.unit = "milliseconds",
		.live = true,
		.meaning = "How long waiting requests are still served after SIGTERM.",
	},
	[PARAM_SERVICES] = {
		.path = "services",
		.type = PARAM_TYPE_SERVICES,
		.scope = PARAM_SCOPE_TOP,
		.min = 1,
		.max = DGRAM_SERVICES_MAX,
		.meaning =
			"Several services over one pool, in place of host, port and "
			"handler; what one leaves out it takes from the top.",
	},
};

const char *param_key(const struct param *param)
{
	const char *dot = strchr(param->path, '.');

	return dot ? dot + 1 : param->path;
}

bool param_is_in(const struct param *param, const struct param *group)
{
	const char *dot = strchr(param->path, '.');
	size_t length = group ? strlen(group->path) : 0;

	if (!group || !dot)
		return !group && !dot;
	return (size_t)(dot - param->path) == length &&
	       memcmp(param->path, group->path, length) == 0;
}

const struct param *param_find(enum param_scope scope, const struct param *group, const char *key)
{
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		const struct param *param = &params[i];

		if ((param->scope & scope) && param_is_in(param, group) &&
			strcmp(param_key(param), key) == 0)
			return param;
	}
	return NULL;
}

const char *param_word(const struct param *param, size_t number)
{
	const struct dgram_handler *handler;

	if (param->type == PARAM_TYPE_WORD)
		return param->words[number];
	handler = dgram_builtin_handler_at(number);
	return handler ? handler->name : NULL;
}

int param_word_find(const struct param *param, const char *word, unsigned *ret_number)
{
	for (unsigned i = 0; param_word(param, i); i++) {
		if (strcmp(param_word(param, i), word) == 0) {
			*ret_number = i;
			return 0;
		}
	}
	return -ENOENT;
}
