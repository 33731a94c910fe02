#include "config/params.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
#define TOP PARAM_SCOPE_TOP
#define BOTH PARAM_SCOPE_BOTH
#define LIVE .live = true

/* The numbers of base/limits.h, by the fields of dgram.h. */
#define NUMBER(type, field, minimum, maximum, initial) \
	MINIMUM_##field = minimum, MAXIMUM_##field = maximum, DEFAULT_##field = initial, \
	OFFSET_##field = offsetof(struct type, field),
enum { SERVICE_NUMBERS(NUMBER) SERVER_NUMBERS(NUMBER) };

#define LIMITS(field) \
	.limits = { MINIMUM_##field, MAXIMUM_##field, DEFAULT_##field }, .offset = OFFSET_##field
#define WHOLE(field) .type = PARAM_TYPE_WHOLE, LIMITS(field)
#define FLAG(type_, field, initial) \
	.type = PARAM_TYPE_BOOLEAN, .limits = { 0, 1, initial }, .offset = offsetof(struct type_, field)
#define WORDS(...) .type = PARAM_TYPE_WORD, .words = (const char *const[]){ __VA_ARGS__, NULL }
#define SANDBOX WORDS("off", "log", "enforce"), .limits = { 0, 2, 0 }

const struct param params[PARAM_COUNT] = {
	[PARAM_SCHEMA] = { "$schema", TOP,
		"Names the schema of this file for editors; dgramd ignores it.",
		.type = PARAM_TYPE_TEXT, .limits = { 0, 4095, 0 }, .text = "", LIVE },
	[PARAM_NAME] = { "name", PARAM_SCOPE_SERVICE,
		"The name of the service in the log, which no other service may have; by default "
		"the name of its handler.",
		.type = PARAM_TYPE_NAME, .limits = LIMITS_NAME },
	[PARAM_HOST] = { "host", BOTH,
		"The numeric IPv4 or IPv6 address to listen on, or a list of them; * means "
		"0.0.0.0 and ::.",
		.type = PARAM_TYPE_HOSTS, .text = DEFAULT_HOST,
		.limits = { 1, DGRAM_HOSTS_MAX, 0 } },
	[PARAM_PORT] = { "port", BOTH,
		"The UDP port; with 0 the kernel picks one for each address.",
		.type = PARAM_TYPE_WHOLE, .limits = { 0, 65535, 20000 } },
	[PARAM_HANDLER] = { "handler", BOTH,
		"The handler that answers the requests.", .type = PARAM_TYPE_HANDLER },
	[PARAM_OPTIONS] = { "options", BOTH,
		"The handler's own settings.", .type = PARAM_TYPE_OPTIONS },
	[PARAM_CONCURRENCY] = { "concurrency", BOTH,
		"Who runs the handler: with pool the worker threads, behind the queue; with inline "
		"the receiver itself, without a queue; with process children of dgramd, one for "
		"each worker.",
		WORDS("pool", "inline", "process"), LIMITS(concurrency) },
	[PARAM_RECEIVERS] = { "receivers", BOTH,
		"Number of sockets for each address, each with a thread that receives; the kernel "
		"divides the clients among them.",
		WHOLE(receivers) },
	[PARAM_MAX_WORKERS] = { "max_workers", BOTH,
		"How many workers the service may occupy at once; 0 means no limit.",
		WHOLE(max_workers), LIVE },
	[PARAM_MIN_SOURCE_PORT] = { "min_source_port", BOTH,
		"Datagrams from lower ports are dropped, because other servers use those ports, "
		"and two servers that answer each other never stop.",
		WHOLE(min_source_port), LIVE },
	[PARAM_ACCESS] = { "access", BOTH,
		"Which sources are let in: the longest prefix that has a source decides; where none "
		"has it, it is let in unless something is allowed. A service that has this object "
		"takes nothing from the one at the top.",
		.type = PARAM_TYPE_GROUP },
	[PARAM_ACCESS_ALLOW] = { "access.allow", BOTH,
		"Prefixes of sources that are let in, as 192.0.2.0/24, 2001:db8::/32 or an address.",
		.type = PARAM_TYPE_PREFIXES, .limits = { 0, DGRAM_ACCESS_PREFIXES_MAX, 0 }, LIVE },
	[PARAM_ACCESS_DENY] = { "access.deny", BOTH,
		"Prefixes of sources whose datagrams are dropped.",
		.type = PARAM_TYPE_PREFIXES, .limits = { 0, DGRAM_ACCESS_PREFIXES_MAX, 0 }, LIVE },
	[PARAM_ACCESS_FILE] = { "access.file", BOTH,
		"A file with more of both, one a line: allow PREFIX or deny PREFIX; # begins a "
		"comment. It counts from the folder of this file; empty means none.",
		.type = PARAM_TYPE_TEXT, .limits = { 0, 4095, 0 }, .text = "", LIVE },
	[PARAM_MAX_REPLY_FACTOR] = { "max_reply_factor", BOTH,
		"How many times the bytes that came from a network it may be sent, because sources "
		"can be forged; 0 means no limit; the default of time, daytime and time-rfc868 is "
		"1.",
		.type = PARAM_TYPE_FACTOR, .limits = LIMITS_REPLY_FACTOR, LIVE },
	[PARAM_REFUSE_SOURCE_PORTS] = { "refuse_source_ports", BOTH,
		"Datagrams from these ports are dropped, too, because servers there answer "
		"anybody; NAT may give such a port to an honest client.",
		.type = PARAM_TYPE_PORTS, .limits = { 0, DGRAM_REFUSED_PORTS_MAX, 0 }, LIVE },
	[PARAM_LOOP_GUARD] = { "loop_guard", BOTH,
		"Whether some of the datagrams that a source repeats more than 100 times in a "
		"second are dropped, so that two servers that answer each other stop.",
		FLAG(dgram_service, loop_guard, DEFAULT_LOOP_GUARD), LIVE },
	[PARAM_FREEBIND] = { "freebind", BOTH,
		"Whether to listen on addresses that this machine does not have, or not yet.",
		FLAG(dgram_service, freebind, false) },
	[PARAM_ON_MISSING_ADDRESS] = { "on_missing_address", BOTH,
		"What to do about an address that this machine does not have: with wait the service "
		"listens there once it comes; with fail the start fails; auto waits while the "
		"service has another address.",
		WORDS("auto", "wait", "fail"), LIMITS(on_missing_address) },
	[PARAM_BROADCAST] = { "broadcast", BOTH,
		"Whether datagrams that were sent to a broadcast or multicast address are served, "
		"too; else they are dropped, because all servers of a network would answer one "
		"that was forged.",
		FLAG(dgram_service, broadcast, false) },
	[PARAM_USER] = { "user", TOP,
		"The user that the daemon, started by root, becomes once its sockets are open; empty "
		"means that it stays who it is.",
		.type = PARAM_TYPE_TEXT, .limits = LIMITS_USER, .text = "" },
	[PARAM_GROUP] = { "group", TOP,
		"The group that it becomes with the user; empty means the primary one of the user.",
		.type = PARAM_TYPE_TEXT, .limits = LIMITS_USER, .text = "" },
	[PARAM_SANDBOX] = { "sandbox", TOP,
		"What the kernel does about system calls that no thread needs to serve: with off "
		"nothing; with log it writes them to its own log; with enforce it refuses them.",
		SANDBOX },
	[PARAM_MAX_DATAGRAM_BYTES] = { "max_datagram_bytes", TOP,
		"The longest request; longer ones are dropped, never cut.",
		WHOLE(max_datagram_bytes), .unit = "bytes" },
	[PARAM_MAX_REPLY_BYTES] = { "max_reply_bytes", BOTH,
		"The longest reply; 0 means as long as max_datagram_bytes.",
		WHOLE(max_reply_bytes), .unit = "bytes" },
	[PARAM_SOCKET] = { "socket", TOP,
		"What is asked of the kernel for each socket.", .type = PARAM_TYPE_GROUP },
	[PARAM_RECEIVE_BUFFER] = { "socket.receive_buffer_bytes", TOP,
		"Size of the receive buffer of each socket; 0 keeps the kernel's default.",
		WHOLE(receive_buffer_bytes), .unit = "bytes" },
	[PARAM_SEND_BUFFER] = { "socket.send_buffer_bytes", TOP,
		"Size of the send buffer of each socket; 0 keeps the kernel's default.",
		WHOLE(send_buffer_bytes), .unit = "bytes" },
	[PARAM_GRO] = { "socket.gro", TOP,
		"Whether datagrams that arrived together from one client are received as one "
		"message (UDP_GRO).",
		FLAG(dgram_options, gro, false) },
	[PARAM_BUSY_POLL] = { "socket.busy_poll_us", TOP,
		"How long each reception polls the network device, if its driver can "
		"(SO_BUSY_POLL); 0 disables it.",
		WHOLE(busy_poll_us), .unit = "microseconds" },
	[PARAM_POOL] = { "pool", TOP,
		"The worker threads, which all services share.", .type = PARAM_TYPE_GROUP },
	[PARAM_WORKERS] = { "pool.workers", TOP,
		"Number of worker threads: each handles one request at a time.",
		WHOLE(workers), LIVE },
	[PARAM_RECEIVERS_ASSIST] = { "pool.receivers_assist", TOP,
		"Whether a receiver that has nothing to receive runs handlers that never block; "
		"else only the workers do.",
		FLAG(dgram_options, receivers_assist, DEFAULT_RECEIVERS_ASSIST), LIVE },
	[PARAM_HANDLER_TIMEOUT] = { "pool.handler_timeout_ms", TOP,
		"A handler that takes longer is logged and counted, but not stopped; 0 disables "
		"the check.",
		WHOLE(handler_timeout_ms), .unit = "milliseconds", LIVE },
	[PARAM_CPUS] = { "pool.cpus", TOP,
		"CPUs for the workers and the inline receivers, as in 2-5,8: each thread stays on "
		"one of them, in turn; empty means any CPU.",
		.type = PARAM_TYPE_CPUS, .limits = LIMITS_CPUS, .text = "" },
	[PARAM_QUEUE] = { "queue", BOTH,
		"The queue; each service has its own.", .type = PARAM_TYPE_GROUP },
	[PARAM_CAPACITY] = { "queue.capacity", BOTH,
		"How many datagrams may wait; their memory is taken at the start.",
		WHOLE(queue_capacity) },
	[PARAM_MAX_WAIT] = { "queue.max_wait_ms", BOTH,
		"A datagram that has waited longer is dropped, because its client has given up; 0 "
		"means no limit.",
		WHOLE(queue_max_wait_ms), .unit = "milliseconds", LIVE },
	[PARAM_DISCIPLINE] = { "queue.discipline", BOTH,
		"Which datagram is next: with fair one of the least served source, and while "
		"overloaded a fresh one; with fifo the oldest of all.",
		WORDS("fair", "fifo"), LIMITS(queue_discipline) },
	[PARAM_ORDERING] = { "queue.ordering", BOTH,
		"per-client handles the datagrams of each client in their order, one at a time; "
		"none promises no order.",
		WORDS("none", "per-client"), LIMITS(queue_ordering) },
	[PARAM_OVERLOAD_INTERVAL] = { "queue.overload_interval_ms", BOTH,
		"A queue that has not been empty for this long is overloaded.",
		WHOLE(queue_overload_interval_ms), .unit = "milliseconds", LIVE },
	[PARAM_FAIR_WINDOW] = { "queue.fair_window_ms", BOTH,
		"How long the queue remembers how much each source was served; then all sources "
		"start from zero.",
		WHOLE(queue_fair_window_ms), .unit = "milliseconds", LIVE },
	[PARAM_BUSY_REPLIES] = { "queue.busy_replies", BOTH,
		"Whether the handler, if it can, answers datagrams that the queue drops with \"try "
		"later\".",
		FLAG(dgram_service, busy_replies, false) },
	[PARAM_LIMITS] = { "limits", BOTH,
		"What a source may ask for: an IPv4 address, an IPv6 /64, and more the prefixes "
		"around it.",
		.type = PARAM_TYPE_GROUP },
	[PARAM_REQUESTS_PER_S] = { "limits.requests_per_s", BOTH,
		"How many requests of a source are let in each second; 0 means no limit.",
		WHOLE(limits_requests_per_s), LIVE },
	[PARAM_REPLY_BYTES_PER_S] = { "limits.reply_bytes_per_s", BOTH,
		"How many bytes of replies a source gets each second; 0 means no limit.",
		WHOLE(limits_reply_bytes_per_s), LIVE },
	[PARAM_BURST] = { "limits.burst_s", BOTH,
		"What a source that was silent may use at once, as so many seconds of its limits.",
		WHOLE(limits_burst_s), .unit = "seconds", LIVE },
	[PARAM_LEAK] = { "limits.leak", BOTH,
		"Of what is over its limit, one in this many passes at random, so that nobody is "
		"silenced by whoever forges its address; 0 lets none pass.",
		WHOLE(limits_leak), LIVE },
	[PARAM_EXEMPT] = { "limits.exempt", BOTH,
		"Sources without limits: a list of addresses, and of prefixes as 192.0.2.0/24 or "
		"2001:db8::/32.",
		.type = PARAM_TYPE_PREFIXES, .limits = { 0, DGRAM_EXEMPT_MAX, 0 },
		LIVE },
	[PARAM_DRY_RUN] = { "limits.dry_run", BOTH,
		"Whether what is over is only counted and logged, and not dropped.",
		FLAG(dgram_service, limits_dry_run, false), LIVE },
	[PARAM_CHILD] = { "child", BOTH,
		"The children of a service whose handler runs in processes of its own.",
		.type = PARAM_TYPE_GROUP },
	[PARAM_CHILD_START_TIMEOUT] = { "child.start_timeout_ms", BOTH,
		"How long a child may take to its first line; then it is ended.",
		WHOLE(child_start_timeout_ms), .unit = "milliseconds", LIVE },
	[PARAM_CHILD_TIMEOUT] = { "child.timeout_ms", BOTH,
		"How long a child may take for a request; then it is ended.",
		WHOLE(child_timeout_ms), .unit = "milliseconds", LIVE },
	[PARAM_CHILD_MEMORY] = { "child.memory_bytes", BOTH,
		"How much data a child may have (RLIMIT_DATA); 0 means no limit.",
		WHOLE(child_memory_bytes), .unit = "bytes", LIVE },
	[PARAM_CHILD_FILES] = { "child.files", BOTH,
		"How many descriptors a child may have (RLIMIT_NOFILE).",
		WHOLE(child_files), LIVE },
	[PARAM_CHILD_MAX_REQUESTS] = { "child.max_requests", BOTH,
		"After how many requests, or up to a tenth less, a child is replaced; 0 means never.",
		WHOLE(child_max_requests), LIVE },
	[PARAM_CHILD_MAX_RSS] = { "child.max_rss_bytes", BOTH,
		"Beyond how much resident memory, or up to a tenth less, a child is replaced; 0 means "
		"any.",
		WHOLE(child_max_rss_bytes), .unit = "bytes", LIVE },
	[PARAM_CHILD_RERUN] = { "child.rerun", BOTH,
		"Whether requests that a child had with others when it ended run again, each alone; "
		"else they have failed.",
		FLAG(dgram_service, child_rerun, DEFAULT_CHILD_RERUN), LIVE },
	[PARAM_CHILD_SANDBOX] = { "child.sandbox", BOTH,
		"What the kernel does about system calls that a handler with the concurrency process "
		"does not need once it serves: with off nothing; with enforce it refuses them; with "
		"log it does, and the child writes each to its log.",
		SANDBOX },
	[PARAM_LOGGING] = { "logging", TOP,
		"The log.", .type = PARAM_TYPE_GROUP },
	[PARAM_LOG_LEVEL] = { "logging.level", TOP,
		"The least severe level that is logged; requests are logged at debug.",
		WORDS("error", "warn", "info", "debug"), LIMITS(log_level), LIVE },
	[PARAM_LOG_FORMAT] = { "logging.format", TOP,
		"The form of a line; auto is journal if stderr is the journal, else logfmt.",
		WORDS(LOG_FORMATS), LIVE },
	[PARAM_LOG_TARGET] = { "logging.target", TOP,
		"stderr, none, or the path of a file; {worker} in the path makes a file for each "
		"worker and each receiver.",
		.type = PARAM_TYPE_TARGET, .text = DEFAULT_LOG_TARGET, .limits = LIMITS_LOG_TARGET,
		LIVE },
	[PARAM_LOG_SUMMARY] = { "logging.summary_interval_s", TOP,
		"Time between the summary lines of the server and of each worker; 0 disables them.",
		WHOLE(log_summary_interval_s), .unit = "seconds", LIVE },
	[PARAM_SHUTDOWN] = { "shutdown", TOP,
		"How the server stops.", .type = PARAM_TYPE_GROUP },
	[PARAM_DRAIN_TIMEOUT] = { "shutdown.drain_timeout_ms", TOP,
		"How long waiting requests are still served after SIGTERM.",
		WHOLE(drain_timeout_ms), .unit = "milliseconds", LIVE },
	[PARAM_DRAIN_DELAY] = { "shutdown.drain_delay_ms", TOP,
		"How long after SIGTERM the daemon says that it is not ready, but serves as before "
		"and takes new requests, until it drains.",
		.type = PARAM_TYPE_WHOLE, .limits = { 0, 3600000, 0 }, .unit = "milliseconds",
		LIVE },
	[PARAM_ADMIN] = { "admin", TOP,
		"Where the daemon can be looked into and steered, over HTTP; by default nowhere.",
		.type = PARAM_TYPE_GROUP },
	[PARAM_ADMIN_SOCKET] = { "admin.socket", TOP,
		"The path of a unix socket that offers all of it; empty means none.",
		.type = PARAM_TYPE_TEXT, .limits = LIMITS_ADMIN_SOCKET, .text = "" },
	[PARAM_ADMIN_SOCKET_MODE] = { "admin.socket_mode", TOP,
		"Who may connect to it: its user alone, with 0660 its group, too, with 0666 everybody.",
		WORDS("0600", "0660", "0666"), .limits = { 0, 2, 0 } },
	[PARAM_ADMIN_SOCKET_GROUP] = { "admin.socket_group", TOP,
		"The group that it is given; empty means that of the daemon.",
		.type = PARAM_TYPE_TEXT, .limits = LIMITS_USER, .text = "" },
	[PARAM_ADMIN_LISTEN] = { "admin.listen", TOP,
		"An address and TCP port, as 127.0.0.1:9464 or [::1]:9464, for what can only be read: "
		"metrics, and whether it lives and is ready; empty means none.",
		.type = PARAM_TYPE_TEXT, .limits = LIMITS_ADMIN_LISTEN, .text = "" },
	[PARAM_ADMIN_UPGRADE] = { "admin.upgrade", TOP,
		"Whether SIGUSR2 and POST /upgrade may replace the process by another one; not under "
		"a supervisor that takes its end for the service's.",
		.type = PARAM_TYPE_BOOLEAN, .limits = { 0, 1, 1 }, LIVE },
	[PARAM_SERVICES] = { "services", TOP,
		"Several services that share the pool, instead of host, port, handler and options "
		"at the top; a service takes the other keys that it leaves out from the top.",
		.type = PARAM_TYPE_SERVICES, .limits = { 1, DGRAM_SERVICES_MAX, 0 } },
};

/* clang-format on */

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

bool param_is_replaced(const struct param *param)
{
	return param_is_in(param, PARAM_SCOPE_BOTH, &params[PARAM_ACCESS]);
}

bool param_is_single(const struct param *param)
{
	return param == &params[PARAM_HOST] || param == &params[PARAM_PORT] ||
	       param == &params[PARAM_HANDLER] || param == &params[PARAM_OPTIONS];
}

int param_word_find(const struct param *param, const char *word, unsigned *ret_number)
{
	for (unsigned i = 0; param->words[i]; i++) {
		if (strcmp(param->words[i], word) == 0) {
			*ret_number = i;
			return 0;
		}
	}
	return -ENOENT;
}
