#include "config/params.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
#define TOP PARAM_SCOPE_TOP
#define BOTH PARAM_SCOPE_BOTH
#define LIVE .live = true
#define WHOLE(least, most, initial) \
	.type = PARAM_TYPE_WHOLE, .min = least, .max = most, .number = initial
#define WORDS(initial, ...) \
	.type = PARAM_TYPE_WORD, .number = initial, \
	.words = (const char *const[]){ __VA_ARGS__, NULL }

/* clang-format on */

const struct param params[PARAM_COUNT] = {
	[PARAM_SCHEMA] = { "$schema", TOP, .type = PARAM_TYPE_TEXT, .max = 4095, .text = "", LIVE,
		.meaning = "Where editors find the schema of this file; ignored." },
	[PARAM_NAME] = { "name", PARAM_SCOPE_SERVICE, .type = PARAM_TYPE_NAME, .min = 1,
		.max = DGRAM_SERVICE_NAME_MAX,
		.meaning = "The service's name in logs, unique; its handler's name by default." },
	[PARAM_HOST] = { "host", BOTH, .type = PARAM_TYPE_HOSTS, .min = 1, .max = DGRAM_HOSTS_MAX,
		.text = "127.0.0.1",
		.meaning = "A numeric IPv4 or IPv6 address to listen on, or a list of them." },
	[PARAM_PORT] = { "port", BOTH, WHOLE(0, 65535, 20000),
		.meaning = "The UDP port; 0 lets the kernel pick one for each address." },
	[PARAM_HANDLER] = { "handler", BOTH, .type = PARAM_TYPE_HANDLER, .text = "time",
		.meaning = "The built-in handler that answers." },
	[PARAM_OPTIONS] = { "options", BOTH, .type = PARAM_TYPE_OPTIONS,
		.meaning = "What the handler can be told: its own keys, each a number." },
	[PARAM_CONCURRENCY] = { "concurrency", BOTH, WORDS(DGRAM_POOL, "pool", "inline"),
		.meaning = "Who runs the handler: pool is the worker threads, behind the queue; "
			   "inline is the receiver, as it receives." },
	[PARAM_RECEIVERS] = { "receivers", BOTH, WHOLE(1, DGRAM_RECEIVERS_MAX, 1),
		.meaning = "Sockets for each address, each with a thread that receives; the "
			   "kernel divides the clients among them." },
	[PARAM_MAX_WORKERS] = { "max_workers", BOTH, WHOLE(0, DGRAM_WORKERS_MAX, 0), LIVE,
		.meaning = "How much of the pool a service may hold; 0 is the whole pool." },
	[PARAM_MIN_SOURCE_PORT] = { "min_source_port", BOTH, WHOLE(1, 65535, 1024), LIVE,
		.meaning = "Datagrams from lower ports are dropped: servers live there, and "
			   "two that answer each other never stop." },
	[PARAM_MAX_DATAGRAM_BYTES] = { "max_datagram_bytes", TOP,
		WHOLE(1, DGRAM_DATAGRAM_BYTES_MAX, 8192), .unit = "bytes",
		.meaning = "Longer requests are dropped, never cut; replies are no longer." },
	[PARAM_SOCKET] = { "socket", TOP, .type = PARAM_TYPE_GROUP,
		.meaning = "The sockets' buffers in the kernel." },
	[PARAM_RECEIVE_BUFFER] = { "socket.receive_buffer_bytes", TOP,
		WHOLE(0, 1073741823, 4194304), .unit = "bytes",
		.meaning = "Asked of the kernel for each socket; 0 keeps its default." },
	[PARAM_SEND_BUFFER] = { "socket.send_buffer_bytes", TOP, WHOLE(0, 1073741823, 4194304),
		.unit = "bytes",
		.meaning = "Asked of the kernel for each socket; 0 keeps its default." },
	[PARAM_GRO] = { "socket.gro", TOP, .type = PARAM_TYPE_BOOLEAN,
		.meaning = "Take several datagrams of a client from the kernel at once, where "
			   "they came so." },
	[PARAM_BUSY_POLL] = { "socket.busy_poll_us", TOP, WHOLE(0, DGRAM_BUSY_POLL_US_MAX, 0),
		.unit = "microseconds",
		.meaning = "Look into the network device's queue at each reception for so long, "
			   "where its driver can." },
	[PARAM_POOL] = { "pool", TOP, .type = PARAM_TYPE_GROUP,
		.meaning = "The worker threads, which all services share." },
	[PARAM_WORKERS] = { "pool.workers", TOP, WHOLE(1, DGRAM_WORKERS_MAX, 4), LIVE,
		.meaning = "How many requests are worked on at once." },
	[PARAM_HANDLER_TIMEOUT] = { "pool.handler_timeout_ms", TOP, WHOLE(0, 3600000, 0),
		.unit = "milliseconds", LIVE,
		.meaning = "A handler that takes longer is logged and counted; 0 lets it be." },
	[PARAM_CPUS] = { "pool.cpus", TOP, .type = PARAM_TYPE_CPUS, .max = 255, .text = "",
		.meaning = "CPUs that the workers, and receivers that are inline, stay on, one "
			   "each in turn, as in 2-5,8; none: any." },
	[PARAM_QUEUE] = { "queue", BOTH, .type = PARAM_TYPE_GROUP,
		.meaning = "The queue that each service has of its own." },
	[PARAM_CAPACITY] = { "queue.capacity", BOTH, WHOLE(1, DGRAM_QUEUE_CAPACITY_MAX, 4096),
		.meaning = "How many datagrams may wait; memory for all is taken at the start." },
	[PARAM_MAX_WAIT] = { "queue.max_wait_ms", BOTH, WHOLE(0, 3600000, 1000),
		.unit = "milliseconds", LIVE,
		.meaning = "A datagram that waited for longer is dropped: its client has "
			   "given up. 0 never drops one." },
	[PARAM_DISCIPLINE] = { "queue.discipline", BOTH, WORDS(DGRAM_FAIR, "fair", "fifo"),
		.meaning = "Which datagram is next: fair is the least served source's and, while "
			   "overloaded, a fresh one; fifo is the oldest." },
	[PARAM_ORDERING] = { "queue.ordering", BOTH,
		WORDS(DGRAM_ORDERING_NONE, "none", "per-client"),
		.meaning =
			"per-client runs each client's datagrams in their order, one at a time." },
	[PARAM_OVERLOAD_INTERVAL] = { "queue.overload_interval_ms", BOTH, WHOLE(1, 60000, 100),
		.unit = "milliseconds", LIVE,
		.meaning = "A queue that was not empty for so long is overloaded." },
	[PARAM_FAIR_WINDOW] = { "queue.fair_window_ms", BOTH, WHOLE(1, 60000, 1000),
		.unit = "milliseconds", LIVE,
		.meaning =
			"All sources start anew so often: what they were served before is forgotten." },
	[PARAM_BUSY_REPLIES] = { "queue.busy_replies", BOTH, .type = PARAM_TYPE_BOOLEAN,
		.meaning =
			"Let a handler that can answer \"try later\" do so for datagrams that the "
			"queue sheds." },
	[PARAM_LOGGING] = { "logging", TOP, .type = PARAM_TYPE_GROUP, .meaning = "The log." },
	[PARAM_LOG_LEVEL] = { "logging.level", TOP,
		WORDS(DGRAM_LOG_INFO, "error", "warn", "info", "debug"), LIVE,
		.meaning = "The least severe lines that are written; requests are logged at "
			   "debug." },
	[PARAM_LOG_FORMAT] = { "logging.format", TOP, WORDS(0, "auto", "logfmt", "json", "journal"),
		LIVE,
		.meaning = "The form of a line; auto is journal where stderr is the journal, "
			   "else logfmt." },
	[PARAM_LOG_TARGET] = { "logging.target", TOP, .type = PARAM_TYPE_TEXT, .min = 1,
		.max = 4095, .text = "stderr", LIVE,
		.meaning = "stderr, none, or the path of a file; {worker} in it makes a file "
			   "for each worker." },
	[PARAM_LOG_SUMMARY] = { "logging.summary_interval_s", TOP, WHOLE(0, 86400, 60),
		.unit = "seconds", LIVE,
		.meaning = "Time between summary lines of the server and of each worker; 0 "
			   "writes none." },
	[PARAM_SHUTDOWN] = { "shutdown", TOP, .type = PARAM_TYPE_GROUP, .meaning = "The end." },
	[PARAM_DRAIN_TIMEOUT] = { "shutdown.drain_timeout_ms", TOP, WHOLE(0, 3600000, 5000),
		.unit = "milliseconds", LIVE,
		.meaning = "How long waiting requests are still served after SIGTERM." },
	[PARAM_SERVICES] = { "services", TOP, .type = PARAM_TYPE_SERVICES, .min = 1,
		.max = DGRAM_SERVICES_MAX,
		.meaning = "Several services over one pool, in place of host, port, handler and "
			   "options; what one leaves out it takes from the top." },
};

const char *param_key(const struct param *param)
{
	const char *dot = strchr(param->path, '.');

	return dot ? dot + 1 : param->path;
}

bool param_is_in(const struct param *param, enum param_scope scope, const struct param *group)
{
	const char *dot = strchr(param->path, '.');
	size_t length = group ? strlen(group->path) : 0;

	if (!(param->scope & scope))
		return false;
	if (!group || !dot)
		return !group && !dot;
	return (size_t)(dot - param->path) == length &&
	       memcmp(param->path, group->path, length) == 0;
}

const struct param *param_find(enum param_scope scope, const struct param *group, const char *key)
{
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (param_is_in(&params[i], scope, group) &&
			strcmp(param_key(&params[i]), key) == 0)
			return &params[i];
	}
	return NULL;
}

bool param_is_single(const struct param *param)
{
	return param == &params[PARAM_HOST] || param == &params[PARAM_PORT] ||
	       param == &params[PARAM_HANDLER] || param == &params[PARAM_OPTIONS];
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
