/* dgram.h: a host for UDP handlers that may block.
 *
 * You write one function, request in, reply out. The server gives it a receiver, a bounded queue, a
 * pool of worker threads, logs per worker, and books that balance for every datagram.
 *
 *	static ssize_t handle(
 *		void *state, const struct dgram_request *request, void *reply, size_t size)
 *	{
 *		...
 *	}
 *	static const struct dgram_handler handler = {
 *		.abi = DGRAM_ABI, .name = "mine", .handle = handle
 *	};
 *
 *	return dgram_serve(&handler, 20000) < 0;
 *
 * or, where more than that is to be set:
 *
 *	dgram_options_init(&options, DGRAM_ABI);
 *	dgram_service_init(&service, DGRAM_ABI);
 *	service.handler = &handler;
 *	options.services = &service;
 *	options.services_count = 1;
 *	options.error_text = text;
 *	options.error_text_size = sizeof(text);
 *	if (dgram_server_new(&options, &server) < 0)
 *		errx(1, "%s", text);
 *	error = dgram_server_serve_forever(server);
 *	dgram_server_free(server);
 *
 * Errors: functions return 0 (or a count) or a negative errno value, and leave their `ret_`
 * parameters untouched when they fail. From dgram_server_bind() on, the server has also logged one
 * line that says what failed. Structs that you allocate start with an ABI number, set by their init
 * function; structs that the library allocates may grow at their end.
 *
 * Thread: "owner" is the thread that calls bind, start, serve_forever, handle_request, reconfigure,
 * reopen_logs or free. Only one can at a time: what another thread calls meanwhile is -EBUSY and changes
 * nothing. The next call may be another thread's: make a server in one, serve in another, and free it in
 * the first. After free has returned 0 nobody may call anything. */
#ifndef DGRAM_H
#define DGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DGRAM_API __attribute__((visibility("default")))

/* The layout of the structs below. A field is only ever added at the end of a struct, and the number grows
 * then; libdgram.so.1 serves programs of each number from 2 to its own. */
#define DGRAM_ABI 2u

/* What handle() returns to send nothing. No errno is as large. */
#define DGRAM_NO_REPLY (-65536)

/* Room for all that `error_text` may say, with its NUL. A shorter one holds as much as fits. */
#define DGRAM_ERROR_TEXT_MAX 512u

/* Limits of what can be configured. */
/* 65535 less the IPv4 and UDP headers (RFC 768, RFC 791). */
#define DGRAM_DATAGRAM_BYTES_MAX 65507u
#define DGRAM_WORKERS_MAX 1024u
#define DGRAM_QUEUE_CAPACITY_MAX 1048576u
#define DGRAM_SERVICES_MAX 64u
#define DGRAM_HOSTS_MAX 64u /* addresses of one service */
#define DGRAM_REFUSED_PORTS_MAX 64u
#define DGRAM_RECEIVERS_MAX 16u /* for each of them */
#define DGRAM_BUSY_POLL_US_MAX 1000000u
#define DGRAM_ACCESS_PREFIXES_MAX 1048576u /* of one `access` */
#define DGRAM_EXEMPT_MAX 128u		   /* prefixes in limits */
#define DGRAM_SERVICE_NAME_MAX 32u	   /* bytes, without the NUL: [a-z0-9-], a letter first */
#define DGRAM_REPLY_FACTOR_MAX 1000u

/* `max_reply_factor` of a service: as its handler says. */
#define DGRAM_FACTOR_OF_HANDLER (-1.0)

struct dgram_server;

enum dgram_log_level {
	DGRAM_LOG_ERROR,
	DGRAM_LOG_WARN,
	DGRAM_LOG_INFO,
	DGRAM_LOG_DEBUG,
};

/* One datagram and where it came from. Lent to the handler for the length of the call. */
struct dgram_request {
	const void *data; /* `length` bytes; not NUL-terminated; never NULL */
	size_t length;	  /* 0 for an empty datagram, which is a datagram like any other */
	const struct sockaddr *client;
	socklen_t client_length;
	/* The address that the client sent to, and gets its answer from. */
	const struct sockaddr *local;
	socklen_t local_length;
	/* CLOCK_REALTIME. As the kernel took it, where the handler says `reads_arrived`; else perhaps a time in
	 * the middle of what is possible, wrong by at most a fortieth of max_wait_ms while the server keeps up. */
	struct timespec arrived;
	/* The number of the worker that runs the handler, from 0; DGRAM_WORKERS_MAX and up for receivers
	 * that run it themselves; 0 in verify(). */
	unsigned worker;
};

/* The type of a handler's option. */
enum dgram_type {
	DGRAM_NUMBER,  /* any in its range */
	DGRAM_WHOLE,   /* a whole one */
	DGRAM_BOOLEAN, /* 0 or 1 */
	DGRAM_TEXT,
	DGRAM_WORD,  /* one of `words` */
	DGRAM_TEXTS, /* a list of texts */
};

/* An option that a handler has: one of the "options" of its service in server.json. */
struct dgram_parameter {
	const char *name;
	enum dgram_type type;
	bool required; /* it has no default */

	/* Of a number its range, of a text its length in bytes, of a list the number of its texts. */
	double minimum;
	double maximum;

	double initial;	  /* the default: of a number or boolean; of a word its place in `words` */
	const char *text; /* of a text; NULL: none. A list is empty by default */
	const char *const *words; /* NULL after the last */
	const char *sentence;	  /* what it does */
	bool live; /* reconfigure() takes a new value; else that waits for a restart */
};

/* The value of a handler's option. A caller sets the field of its type, and leaves the others 0. */
struct dgram_setting {
	const char *name;
	double number; /* of a number; of a boolean 0 or 1; in open() also of a word, as `initial` */
	const char *text;	  /* of a text or a word */
	const char *const *texts; /* of a list */
	size_t texts_count;
};

/* What open(), worker_start() and reconfigure() have to go by, lent to them for the call; see dgram_log(). */
struct dgram_start {
	struct dgram_server *server;
	const char *service; /* its name */

	/* One for each of the handler's `parameters`, in their order, with defaults where nothing was set.
	 * They stay until dgram_server_free(), but those that reconfigure() refused. */
	const struct dgram_setting *values;

	unsigned worker; /* its number, as a request has it; 0 in open() and reconfigure() */
};

/* A program whose processes answer requests by "dgram 1" (dgram-1(7)). All of it stays until close(). */
struct dgram_command {
	const char *path;
	char *const *arguments;	  /* from its name on; NULL after the last */
	char *const *environment; /* the same */
	bool binary;		  /* its form; false: text */

	/* Streams of children that are there already, instead of all but `binary`: each serves until it ends, and is
	 * closed then. When the last one has ended the server stops. */
	const int *descriptors;
	size_t descriptors_count;

	/* It is dgram-child, which runs a handler of ours, and is asked in memory that it shares; `binary` is set. */
	bool shares_memory;
};

/* A handler. Only `abi`, `name` and `handle` are required.
 *
 * `state` is what worker_start() returned for this worker; without worker_start(), what open()
 * returned; without both, the service's `context`. */
struct dgram_handler {
	unsigned abi; /* DGRAM_ABI */
	const char *name;

	/* Answer a request: write at most `reply_size` bytes to `reply` and return their number (0
	 * sends an empty datagram), or DGRAM_NO_REPLY to send nothing, or a negative errno value:
	 * counted as failed (-ECHILD: by the end of a child), given to handle_error(), and nothing is sent. May block: that holds up
	 * this worker and no other. The request's bytes and `reply` never overlap. Thread: each
	 * worker calls it, at the same time as other workers. */
	ssize_t (*handle)(
		void *state, const struct dgram_request *request, void *reply, size_t reply_size);

	/* Once a service, before its first and after its last request. `context` is the service's. An
	 * error of open() fails the start, and decides dgramd's exit code (dgramd(8)). Where children run the handler
	 * (DGRAM_PROCESS) each opens it, and starts one worker, 0. Thread: owner. */
	int (*open)(void *context, const struct dgram_start *start, void **ret_state);
	void (*close)(void *state);

	/* Once a worker, in that worker's thread (a receiver's, where a receiver runs the handler);
	 * `state` is the service's. An error of worker_start() fails the start of the server, or the
	 * reconfiguration that adds the worker. */
	int (*worker_start)(void *state, const struct dgram_start *start, void **ret_worker_state);
	void (*worker_stop)(void *worker_state);

	/* May the request be queued? False drops and counts it. Must not block. `state` is the
	 * service's. Thread: the receivers. */
	bool (*verify)(void *state, const struct dgram_request *request);

	/* Called for each request that handle() failed; `error` is positive. Thread: the worker. */
	void (*handle_error)(void *state, const struct dgram_request *request, int error);

	/* Answer a request that the full queue dropped with something cheap: "try later", in protocols
	 * that have that. As handle(), but it must not block. Called at once, and only where the service
	 * sets busy_replies; of those that came together for 8 at most. `state` is the service's.
	 * Thread: the receivers. */
	ssize_t (*busy)(
		void *state, const struct dgram_request *request, void *reply, size_t reply_size);

	const struct dgram_parameter *parameters; /* its options */
	size_t parameters_count;

	/* handle() waits for nothing and takes microseconds. A receiver that has nothing to receive may
	 * then run it itself, unless receivers_assist is false. A handler that proves slow is left to the
	 * workers. */
	bool never_blocks;

	/* It needs the exact `arrived` of a request, which costs 4 to 5 % of an echo. */
	bool reads_arrived;

	/* Take new values of the options that are `live`; `start` has all, and the others are as they were.
	 * Requests run meanwhile, and may end with the values that they began with, which stay. An error
	 * refuses them, and then nothing is reconfigured. If another service's handler refuses, or what comes
	 * after fails, it is called once more, with the values from before, which it must take. `state` is
	 * the service's. Thread: owner. */
	int (*reconfigure)(void *state, const struct dgram_start *start);

	/* `max_reply_factor` of services that do not say; 0: 3 */
	double max_reply_factor;

	/* Have children answer instead of handle(): processes of this program, that live long, made and buried by
	 * dgram_server_serve_forever() in the process's first thread. Called before the start, after open(), and
	 * after a reconfiguration: children are replaced if `arguments` is another pointer then. `state` is the service's.
	 * -ENOENT: not for this service, and handle() answers. Not where the service is inline. Thread: owner. */
	int (*children)(void *state, struct dgram_command *ret_command);
};

/* What a plug-in exports: a shared object with a handler, which dgramd loads. It links nothing of ours,
 * because the program that loads it has the functions of this header. */
struct dgram_plugin {
	unsigned abi;		/* DGRAM_ABI */
	unsigned handler_bytes; /* sizeof(struct dgram_handler) */
	const struct dgram_handler *handler;
};

DGRAM_API extern const struct dgram_plugin dgram_plugin;

/* Stands once in a plug-in, outside of all functions: DGRAM_PLUGIN(handler); */
#define DGRAM_PLUGIN(handler)                                 \
	const struct dgram_plugin dgram_plugin = { DGRAM_ABI, \
		(unsigned)sizeof(struct dgram_handler), &(handler) }

/* Who runs the handler. */
enum dgram_concurrency {
	DGRAM_POOL,   /* the workers, behind the queue; see also `never_blocks` */
	DGRAM_INLINE, /* the receiver, as it receives: no queue, no workers */
	/* the pool has children do it; the handler needs a children(). dgramd has one for each built-in handler and plug-in */
	DGRAM_PROCESS,
};

/* Which datagram is next. */
enum dgram_discipline {
	DGRAM_FAIR, /* the least served source's; while overloaded, a fresh one */
	DGRAM_FIFO, /* the oldest */
};

/* What a client (an address and port) is promised about the order of its datagrams. */
enum dgram_ordering {
	DGRAM_ORDERING_NONE,
	DGRAM_ORDERING_PER_CLIENT, /* they run in their order, one at a time */
};

/* What to do about a host that this machine does not have when it starts: no such address, or a tentative one;
 * no such interface; no IPv6. A port that is taken is always an error. */
enum dgram_missing_address {
	DGRAM_MISSING_AUTO, /* wait, if the service has another one; else it is an error */
	DGRAM_MISSING_WAIT, /* wait */
	DGRAM_MISSING_FAIL, /* it is an error */
};

/* Which sources are let in, as prefixes: "192.0.2.0/24", "2001:db8::/32", or an address alone. The longest prefix that
 * has a source decides. Where none has it, it is let in if `allow` is empty. A prefix is an error in both lists, and
 * with bits set behind it. An IPv4 address that is written as IPv6 ("::ffff:192.0.2.7") is IPv4. */
struct dgram_access {
	const char *const *allow;
	size_t allow_count;
	const char *const *deny;
	size_t deny_count;
};

/* One service: addresses, a handler and a queue of its own. A field's comment ends with its range
 * and its default; "Live": dgram_server_reconfigure() can change it. */
struct dgram_service {
	unsigned abi;
	const char *name; /* default: the handler's name */

	/* Numeric IPv4 or IPv6 addresses; "fe80::1%eth0" with an interface, which need not be there before
	 * dgram_server_bind(). "::" is IPv6 alone: with "0.0.0.0" beside it, a service has both. Refused:
	 * what no machine can serve, as multicast addresses and two that exclude each other. */
	const char *const *hosts;
	size_t hosts_count; /* default: 127.0.0.1 alone */
	uint16_t port;	    /* 0: the kernel picks one for each host; default 0 */
	const struct dgram_handler *handler;
	void *context; /* given to open() */

	unsigned queue_capacity; /* datagrams that may wait; 1 to 1048576; default 4096 */

	/* Older datagrams are never run; 0: no limit; 0 to 3600000; default 1000. Live */
	unsigned queue_max_wait_ms;

	enum dgram_discipline queue_discipline; /* default DGRAM_FAIR */
	enum dgram_ordering queue_ordering;	/* default DGRAM_ORDERING_NONE */

	/* A queue that has not been empty for this long is overloaded; 1 to 60000; default 100.
	 * Live */
	unsigned queue_overload_interval_ms;

	/* How long the queue remembers what each source was served; 1 to 60000; default 1000.
	 * Live */
	unsigned queue_fair_window_ms;

	bool busy_replies; /* call the handler's busy(); default false */

	/* Options of the handler, by name and in any order. Live: those that its table says are. */
	const struct dgram_setting *parameters;
	size_t parameters_count;

	/* Workers that may run this service at once; 0: no limit; 0 to 1024; default 0. Live */
	unsigned max_workers;

	/* Datagrams from lower ports are dropped; 1 to 65535; default 1024. Live */
	unsigned min_source_port;

	enum dgram_concurrency concurrency; /* default DGRAM_POOL */

	/* Sockets for each host, each with a thread that receives. The kernel divides the clients
	 * among them. With several (SO_REUSEPORT) other programs of the same user can bind to the
	 * address, too, if they ask for it. 1 to 16; default 1 */
	unsigned receivers;

	/* Listen on hosts that are not addresses of this machine, too: they may come later, or a route
	 * delivers them (IP_FREEBIND, IPV6_FREEBIND); default false */
	bool freebind;

	/* Serve what was sent to a broadcast or multicast address, too; default false: it is
	 * dropped, because many machines could answer one request that was forged */
	bool broadcast;

	/* Hosts that wait are listened on as soon as they can be; default DGRAM_MISSING_AUTO */
	enum dgram_missing_address on_missing_address;

	/* The longest reply; 0: as `max_datagram_bytes`; 0 to 65507; default 0 */
	unsigned max_reply_bytes;

	/* Sockets to serve instead of hosts: UDP, bound, not connected, and of IPv6 alone (IPV6_V6ONLY).
	 * Those with one address (SO_REUSEPORT) stand one behind the other, and count as one host. They have to stay open until
	 * dgram_server_bind(), which makes duplicates; yours are yours to close. What has arrived at them
	 * by then is served. */
	const int *fds;
	size_t fds_count; /* up to 1024; default 0 */

	/* Datagrams of other sources are dropped. Services that point to the same struct share its table.
	 * Default NULL: all are let in. Live */
	const struct dgram_access *access;

	/* What a source may ask for: an IPv4 address, an IPv6 /64, and more the prefixes around it
	 * (server.json(5)). Requests in a second; 0: no limit; 0 to 1000000; default 0. Live */
	unsigned limits_requests_per_s;

	/* Bytes of replies that it gets in a second; 0: no limit; 0 to 1000000000; default 0. Live */
	unsigned limits_reply_bytes_per_s;

	/* What may come at once: this many seconds of the above; 1 to 3600; default 1. Live */
	unsigned limits_burst_s;

	/* Of what is over, one in this many passes at random; 0: none; 0 to 1000; default 8. Live */
	unsigned limits_leak;

	/* Sources without limits, as "192.0.2.0/24", "2001:db8::/32", or an address alone. Bits set behind the
	 * prefix are an error; default none. Live */
	const char *const *limits_exempt;
	size_t limits_exempt_count; /* up to 128 */

	bool limits_dry_run; /* count and log what would be dropped, and drop nothing; default false. Live */

	/* What is sent to an IPv4 /24 or an IPv6 /48, in bytes of IP packets, is at most what came from it times
	 * this, and 2,000 bytes, of which 200 come back each second. What is more is not sent, because
	 * sources may be forged: see dgram_request_prove(). Loopback is free, and so is what is sent to a
	 * client in `limits_exempt` for its own request. 0: there is no limit; 0 to 1000; default 3, if
	 * the handler has no other (DGRAM_FACTOR_OF_HANDLER). Live */
	double max_reply_factor;

	/* Datagrams from these ports are dropped, too, each 1 to 65535; up to 64; default 1434, 1900, 3702, 5353
	 * and 11211. Not kept after the call. Live */
	const uint16_t *refuse_source_ports;
	size_t refuse_source_ports_count;

	/* Drop, at random, some of what a source repeats more than 100 times in a second, as two servers do that
	 * answer each other; default true. Live */
	bool loop_guard;

	/* Children, if the handler runs in such (server.json(5)): as many as the service may have workers. What holds for a
	 * process holds for those that start later. How long one may take to begin; 1 to 3600000; default 10000. Live */
	unsigned child_start_timeout_ms;

	/* How long the oldest request in it may take; 1 to 3600000; default 30000. Live */
	unsigned child_timeout_ms;

	/* Bytes of its data (RLIMIT_DATA); 0: no limit; 0 to 2147483647; default 0. Live */
	unsigned child_memory_bytes;

	/* Its descriptors (RLIMIT_NOFILE); 4 to 1048576; default 64. Live */
	unsigned child_files;

	/* It is replaced after about this many requests; 0: it is not; 0 to 2147483647; default 0. Live */
	unsigned child_max_requests;

	/* It is replaced beyond about this much resident memory; 0: it is not; 0 to 2147483647; default 0. Live */
	unsigned child_max_rss_bytes;

	/* Requests that a child had with others when it ended run again, each alone; default true. Live */
	bool child_rerun;
};

/* A thread that the server starts. */
enum dgram_thread {
	DGRAM_THREAD_RECEIVER,
	DGRAM_THREAD_WORKER,
	DGRAM_THREAD_LOG,
};

/* A socket of a server that another one follows. */
struct dgram_inherited {
	int fd;		     /* see dgram_server_socket() */
	const char *service; /* the name of the one that it was of */
	bool held;	     /* somebody else keeps it open, so it is not emptied at the end */
};

/* A server: one pool of workers over one or more services. */
struct dgram_options {
	unsigned abi;
	const struct dgram_service *services;
	size_t services_count;
	unsigned workers; /* 1 to 1024; default 4. Live */

	/* Longer requests are dropped, never cut; 1 to 65507; default 8192 */
	unsigned max_datagram_bytes;

	/* Asked of the kernel for each socket; 0: its default; 0 to 1073741823; default 4194304 */
	unsigned receive_buffer_bytes;
	unsigned send_buffer_bytes; /* the same; 0 to 1073741823; default 4194304 */

	/* Receive several datagrams of one client as one message, where they arrived together
	 * (UDP_GRO); default false */
	bool gro;

	/* How long each reception polls the network device, if its driver can (SO_BUSY_POLL); 0: it
	 * does not; 0 to 1000000; default 0. While nothing arrives, poll(2) spins for the system's
	 * net.core.busy_poll, by default not at all. */
	unsigned busy_poll_us;

	/* CPUs for the workers and for receivers that are inline: each stays on one, in turn; as in
	 * "2-5,8"; default "": any */
	const char *cpus;

	/* How long queued requests are served after shutdown; 0 to 3600000; default 5000. Live */
	unsigned drain_timeout_ms;

	/* A handler that takes longer is logged and counted; 0: none is; 0 to 3600000; default 0.
	 * Live */
	unsigned handler_timeout_ms;

	enum dgram_log_level log_level; /* default DGRAM_LOG_INFO. Live */
	const char *log_format; /* "auto", "logfmt", "json", "journal"; default "auto". Live */
	const char *log_color;	/* "auto", "always", "never"; default "auto" */

	/* "stderr", "none", or a file's path, in which "{worker}" makes a file for each worker and each
	 * receiver; default "stderr". Live */
	const char *log_target;

	/* Time between the summary lines of the server and of each worker; 0: none; 0 to 86400;
	 * default 60. Live */
	unsigned log_summary_interval_s;

	/* Called by dgram_server_serve_forever() in its own thread, also while it drains: at its
	 * beginning, each time `hook_fd` is readable (-1: none), when a host has got its address or lost its
	 * interface, and at least every `hook_interval_ms` (0: not). The first result that is not 0, a negative errno value or a number of yours, has the
	 * server stop as dgram_server_shutdown() does, and serve_forever() return it. It may call shutdown,
	 * reconfigure, reopen_logs, summarize, log and what any thread may. */
	int (*hook)(void *hook_context);
	void *hook_context;
	int hook_fd;		   /* default -1 */
	unsigned hook_interval_ms; /* default 0 */

	/* Where dgram_server_new() and dgram_server_reconfigure() write why they fail: one line, which
	 * names the field; NULL: nowhere. Not kept after the call. */
	char *error_text;
	size_t error_text_size; /* see DGRAM_ERROR_TEXT_MAX */

	/* A receiver that has nothing to receive runs handlers that say `never_blocks`; false: only the
	 * workers do; default true. Live */
	bool receivers_assist;

	/* Called once by dgram_server_bind(), when all sockets are open that can be, and before the log's
	 * files, the services and all threads: the moment to give up what only the sockets need, such as root.
	 * An error, -errno, fails the start. It may log. Thread: owner. */
	int (*on_bound)(void *start_context);

	/* Called in each thread that the server starts, after worker_start() and before its first datagram or
	 * line: the moment for what holds for a thread alone, such as a filter of system calls (seccomp(2)).
	 * An error, -errno, fails the start, or the reconfiguration that adds the worker. Thread: that one. */
	int (*on_thread)(void *start_context, enum dgram_thread thread);
	void *start_context;

	/* Sockets of the server that this one follows, perhaps in another process: a host uses duplicates of those
	 * that are bound where it would bind its own; with port 0, of those of its service's name at its address.
	 * What no host uses is left alone. Not kept after dgram_server_bind(). */
	const struct dgram_inherited *inherited;
	size_t inherited_count; /* default 0 */
};

/* Statistics are the library's: dgram_stats_free() frees them, with all that they point to. */

enum dgram_counter_kind {
	DGRAM_COUNT, /* it only grows */
	DGRAM_NOW,   /* as it is now */
	DGRAM_MOST,  /* the most that it ever was */
};

/* A figure of the statistics, for who shows all of them: what dgramd(8) says of it under THE LEDGER. */
struct dgram_counter {
	const char *name; /* as in the log: "received", "dropped_verify" */
	enum dgram_counter_kind kind;
	const char *unit;     /* "datagrams" */
	const char *sentence; /* what it means */
	uint64_t value;
};

/* Why datagrams got no answer, and how many. */
struct dgram_reason {
	const char *name;
	uint64_t count;
};

/* The books of a service since its start. At any moment, exactly:
 *	received = replied + no_reply + sum of dropped + sum of failed + queued + running */
struct dgram_service_stats {
	const char *name; /* stays until dgram_server_free() */
	uint64_t received;
	uint64_t replied;
	uint64_t no_reply;
	const struct dgram_reason
		*dropped; /* before the handler ran, or its reply: each reason there is */
	size_t dropped_count;
	const struct dgram_reason *failed; /* by the handler, or in sending the reply: the same */
	size_t failed_count;
	uint64_t queued;
	uint64_t running; /* popped by a worker, and not yet published as one of the above */
	uint64_t queued_max;
	uint64_t busy_replied;	   /* sent for requests that are counted as dropped */
	uint64_t replies_extra;	   /* sent to requests that were answered before */
	uint64_t handlers_overdue; /* calls seen to run for longer than handler_timeout_ms */
	uint64_t workers_overdue;  /* those that still do: what the pool lacks */
	/* Lost before they were received, because the socket's buffer was full (SO_MEMINFO). With `gro`,
	 * messages of up to 64 datagrams each. */
	uint64_t dropped_by_kernel;
	/* Requests that receivers ran themselves; workers ran the others. */
	uint64_t run_by_receivers;
	uint64_t hosts_waiting;	 /* for their address: see dgram_server_waiting() */
	uint64_t log_lines_lost; /* of the server */

	const struct dgram_counter

		*counters; /* all of these figures again, in the order of the log's line */
	size_t counters_count;

	uint64_t would_drop_limit; /* what limits would have dropped, but for limits_dry_run */
	uint64_t
		replies_withheld; /* by max_reply_factor: further and busy ones, and what was sent besides */

	/* Of children that run the handler: how many serve; 1 if none comes to; and how they ended. */
	uint64_t children_serving;
	uint64_t children_failing;
	uint64_t children_recycled;
	uint64_t children_crashed;
	uint64_t children_killed;
	uint64_t children_start_failed;
};

/* Durations of up to `most_ns`, but longer than the bucket before. */
struct dgram_bucket {
	uint64_t most_ns;
	uint64_t count;
};

/* What a worker has done since the start, or a receiver that runs handlers itself. */
struct dgram_worker_stats {
	unsigned number;   /* as a request has it: from DGRAM_WORKERS_MAX on it is a receiver */
	uint64_t requests; /* that the handler was run on */
	uint64_t errors;   /* of them, those that the handler failed */
	uint64_t busy_ns;  /* in batches of requests, the one that it is in included */

	/* How long the handler took, in steps of a thirty-second: buckets that are not empty, the shortest
	 * first. Calls that run are not in it. */
	const struct dgram_bucket *service_ns;
	size_t service_ns_count;

	uint64_t step_ns;	  /* how long it has been in its batch; 0: it is in none */
	const char *step_service; /* whose requests that has; NULL: it is in none */
	bool overdue;		  /* its call runs for longer than handler_timeout_ms */
};

/* A request that a handler ran on. */
struct dgram_past_request {
	const char *service;
	struct sockaddr_storage client;
	uint64_t bytes;
	int result;	  /* what handle() returned, or the length of a reply that left before */
	uint64_t wait_ns; /* from its arrival to the handler */
	uint64_t service_ns;
	uint64_t ago_ns; /* since it began */
};

/* The last requests of a worker, and what it does now. */
struct dgram_worker_requests {
	unsigned number;
	/* The oldest first, at most 16. Of a batch of more, its last ones: they are in it when they have run. */
	const struct dgram_past_request *past;
	size_t past_count;

	char thread
		[96]; /* as the kernel has it: "burns CPU", "waits in futex_do_wait (syscall 202)" */
	uint64_t
		cpu_ns; /* that the call took since it was first seen, a quarter of handler_timeout_ms at most
			    * after its begin */
	bool overdue;	     /* the call runs for longer than handler_timeout_ms */
	uint64_t running_ns; /* how long it has run; 0: there is none, or calls are not watched */
	const char *service; /* whose; NULL: the same */
	struct sockaddr_storage client;
};

/* How long requests of a service that were run took so far, in buckets as above. What is measured of each batch is
 * its first request and its last one, but of the handler each. */
struct dgram_service_times {
	const char *name;
	const struct dgram_bucket
		*socket_wait_ns;     /* from the arrival in the kernel to the reception; of */
	size_t socket_wait_ns_count; /* those that were let in, whether they were run or not */
	const struct dgram_bucket *queue_wait_ns; /* from the reception to the handler */
	size_t queue_wait_ns_count;
	const struct dgram_bucket *service_ns; /* the handler */
	size_t service_ns_count;
};

/* A socket of a service. */
struct dgram_socket_stats {
	const char *service;
	struct sockaddr_storage address;
	uint64_t receive_buffer_bytes; /* as the kernel counts them */
	uint64_t send_buffer_bytes;
	uint64_t dropped_by_kernel; /* because the receive buffer was full */
	bool held;		    /* somebody else keeps it open, for good */
};

/* A source, as queues tell them apart: an IPv4 address, an IPv6 /64, or a link-local address; with its port where the
 * order of each client is kept. */
struct dgram_talker {
	struct sockaddr_storage source;
	unsigned prefix;   /* bits that count: 32, 64 or 128 */
	uint64_t requests; /* that ended */
	uint64_t busy_ns;  /* that the handler took for them */
};

/* Who asked most of a service in the last window (queue_fair_window_ms) that is over, of those in which something
 * came: the first ten. A service without a queue, or whose discipline is DGRAM_FIFO, keeps no such accounts; nor does
 * a queue of sources that it had to forget. */
struct dgram_talkers {
	const char *name;			/* of the service */
	const struct dgram_talker *by_requests; /* the most first */
	size_t by_requests_count;
	const struct dgram_talker *by_time; /* the same */
	size_t by_time_count;
};

/* How a child ended. */
struct dgram_child_end {
	int64_t at_ns;	    /* CLOCK_REALTIME */
	pid_t pid;	    /* 0: it was a stream that was handed in */
	const char *how;    /* "recycled", "crashed", "killed", "start_failed": what counts it */
	const char *reason; /* why it was ended; "": it ended by itself */
	int exit_code;
	int signal; /* 0: it exited */
	uint64_t requests;
};

/* The last children of a service that ended while it served. */
struct dgram_child_ends {
	const char *name;		    /* of the service */
	bool has_children;		    /* else its handler runs here */
	const struct dgram_child_end *last; /* the last first */
	size_t count;			    /* up to 8 */
};

DGRAM_API const char *dgram_version(void);

/* The size of a struct of this header by its name, as "dgram_options", to check a binding for another
 * language; 0: there is none. Thread: any. */
DGRAM_API size_t dgram_sizeof(const char *name);

/* Serve one handler, with default options, on 127.0.0.1 alone, until SIGTERM or SIGINT: then as
 * dgram_server_shutdown(), and at the second signal too. The log goes to stderr, also why it cannot
 * start. For the length of the call it takes both signals; other threads that run then must block them. Returns
 * what dgram_server_new() or dgram_server_serve_forever() does. Thread: one. */
DGRAM_API int dgram_serve(const struct dgram_handler *handler, uint16_t port);

/* Is it a handler that the library serves, with a name and options that can be? -EINVAL: it is not, and `error_text`
 * (NULL: none) says why. Thread: any. */
DGRAM_API int dgram_handler_check(
	const struct dgram_handler *handler, char *error_text, size_t error_text_size);

/* Fill with defaults. Thread: any. */
DGRAM_API void dgram_options_init(struct dgram_options *options, unsigned abi);
DGRAM_API void dgram_service_init(struct dgram_service *service, unsigned abi);

/* A built-in handler by name ("time", "daytime", "time-rfc868", "echo", "discard", "simulate"), or
 * NULL; and all of them, NULL after the last. Thread: any. */
DGRAM_API const struct dgram_handler *dgram_builtin_handler(const char *name);
DGRAM_API const struct dgram_handler *const *dgram_builtin_handlers(void);

/* Check the options, copy them (handlers and contexts are borrowed until free) and take all memory
 * that the server will need. -EINVAL: an option that cannot be, which `error_text` names, as it does all
 * other causes; -ENOMEM. Thread: any. */
DGRAM_API int dgram_server_new(
	const struct dgram_options *options, struct dgram_server **ret_server);

/* Open the sockets, the log and the services. -EADDRINUSE, -EACCES ... as bind(2) has it; -ENODEV: no
 * such interface; -EALREADY. Hosts that wait for their address are no error: serve_forever() and
 * handle_request() look for it, as the kernel tells and each second. Thread: owner. */
DGRAM_API int dgram_server_bind(struct dgram_server *server);

/* Start all threads and return; binds first if that was not done. When it fails no thread runs. What
 * serve_forever() does besides waiting is left out until it is called: summaries, lines about
 * losses, looks at overdue handlers, changes of the machine's own addresses (on wildcard hosts),
 * and the hook. -EPERM, -EBADF, -ENOSPC: `hook_fd` cannot be waited for, as epoll_ctl(2) has it.
 * Thread: owner. */
DGRAM_API int dgram_server_start(struct dgram_server *server);

/* Serve until dgram_server_shutdown(), then drain; starts first if that was not done. 0: everything
 * queued was served or counted; or else what the hook ended it with. -ETIMEDOUT: handlers still ran when
 * the drain's time was over; the process should exit, because their threads cannot be taken back. -EALREADY:
 * it has served; or handle_request() has. Thread: owner. */
DGRAM_API int dgram_server_serve_forever(struct dgram_server *server);

/* Begin to stop: serve_forever() receives what has arrived by now, serves what is queued for at most
 * drain_timeout_ms, and returns. Returns at once; may be called before serve_forever(). A second call
 * drops what is queued. Thread: any; also from a handler; async-signal-safe. */
DGRAM_API void dgram_server_shutdown(struct dgram_server *server);

/* Without any thread: wait for at most `timeout_ms` (-1: for ever) until a datagram arrives, then serve in
 * this thread at most `most` of what arrived: 1 for exactly one, 0 for all of a batch. Returns the number of
 * datagrams received, those that were dropped included. 0: a timeout, or a signal came; -ESHUTDOWN:
 * dgram_server_shutdown() was called, if only to end the wait; -EBUSY: once started, too; -EOPNOTSUPP: a
 * service has children. Binds first if that was not done. As start(), it leaves out summaries, looks at handlers and the hook. Thread: owner. */
DGRAM_API int dgram_server_handle_request(
	struct dgram_server *server, unsigned most, int timeout_ms);

/* Has each service an address that it listens on? Thread: owner. */
DGRAM_API bool dgram_server_is_ready(struct dgram_server *server);

/* Write which hosts wait, and why, as "192.0.2.7:5353 (no such address), [fe80::1%wg0]:5353 (no such
 * interface)", cut to `size` bytes with its NUL. Returns how many do. Thread: owner. */
DGRAM_API size_t dgram_server_waiting(struct dgram_server *server, char *ret_text, size_t size);

/* The socket of a service's host, to poll before handle_request(). With several `receivers` it is only the
 * first one's, so configure 1 for a loop of your own. It stays the same, but epoll(7) loses it when an interface
 * that a host names is made anew. -ENOENT; -EBADF before bind; -EADDRNOTAVAIL: the host waits for its address,
 * for which handle_request() looks when it is called. Thread: any after bind. */
DGRAM_API int dgram_server_fileno(struct dgram_server *server, size_t service, size_t host);

/* All sockets, by number: of the services in their order, of each host its receivers. They are the server's, and
 * stay open until dgram_server_free(). One that was asked for, or handed in, is not emptied at the end, so
 * that another server, or process, which has it by then serves on without a gap. -ENOENT: there are fewer;
 * -EBADF before bind; -EADDRNOTAVAIL: its host waits for its address. Thread: any after bind. */
DGRAM_API int dgram_server_socket(struct dgram_server *server, size_t number);

/* Nobody else has them after all, but those that somebody holds: handed in, or `held` when they were inherited. The
 * rest are emptied at the end. Thread: any after bind. */
DGRAM_API void dgram_server_keep_sockets(struct dgram_server *server);

/* The address it is bound to, with the real port. Errors as fileno. Thread: any after bind. */
DGRAM_API int dgram_server_address(struct dgram_server *server, size_t service, size_t host,
	struct sockaddr_storage *ret_address);

/* The books of a service, exact at one moment. -ENOENT: there is none of this number; -ENOMEM. Thread:
 * any. */
DGRAM_API int dgram_server_stats(
	struct dgram_server *server, size_t service, struct dgram_service_stats **ret_stats);

/* What a worker has done; by `index`, from 0 up to the first -ENOENT: the pool's, then the receivers that run
 * handlers. -ENOMEM. Thread: any. */
DGRAM_API int dgram_server_worker_stats(
	struct dgram_server *server, size_t index, struct dgram_worker_stats **ret_stats);

/* The last requests of a worker, by index as above, and with the same errors. Thread: any. */
DGRAM_API int dgram_server_worker_requests(
	struct dgram_server *server, size_t index, struct dgram_worker_requests **ret_requests);

/* How long requests of a service took. Errors as dgram_server_stats(). Thread: any. */
DGRAM_API int dgram_server_times(
	struct dgram_server *server, size_t service, struct dgram_service_times **ret_times);

/* A socket, by number as dgram_server_socket(), which is not asked for by this. -EADDRNOTAVAIL: its host waits for its
 * address; -ENOENT: there are fewer; -EBADF before bind; -ENOMEM. Thread: any. */
DGRAM_API int dgram_server_socket_stats(
	struct dgram_server *server, size_t number, struct dgram_socket_stats **ret_stats);

/* Who asks most of a service. Errors as dgram_server_stats(). Thread: any. */
DGRAM_API int dgram_server_talkers(
	struct dgram_server *server, size_t service, struct dgram_talkers **ret_talkers);

/* How the last children of a service ended. Errors as dgram_server_stats(). Thread: any. */
DGRAM_API int dgram_server_child_ends(
	struct dgram_server *server, size_t service, struct dgram_child_ends **ret_ends);

/* What to do about a reason, by its name in the log, as "dropped_verify"; "": nothing; NULL: there is none of this
 * name. Thread: any. */
DGRAM_API const char *dgram_advice(const char *reason);

/* What the functions of statistics gave. NULL is fine. Thread: any. */
DGRAM_API void dgram_stats_free(void *stats);

/* Lines that were lost because the log's target did not take them. Thread: any. */
DGRAM_API uint64_t dgram_server_log_lines_lost(struct dgram_server *server);

/* In a handler of a signal that is about to end the process: log what the calling thread runs, and its last 16
 * requests, and do as dgram_server_flush_log(). Async-signal-safe. Thread: any, once. */
DGRAM_API void dgram_server_log_crash(struct dgram_server *server, int signal);

/* Have the log's thread write what has been logged so far, and wait for that, at most 2 s. Async-signal-safe,
 * so a handler of SIGSEGV or SIGABRT can call it: what was logged just before a crash is then in the log.
 * Threads of the server that overflow their stack run handlers with SA_ONSTACK. Thread: any. */
DGRAM_API void dgram_server_flush_log(struct dgram_server *server);

/* Apply the values marked "Live"; all others wait for a restart and are ignored, as are services
 * that were added, removed or renamed, and options of a service that has another handler. When it fails,
 * nothing was changed. -EINVAL: an option that cannot be, see `error_text`; -ESHUTDOWN: it is too late; else
 * what a handler's reconfigure() returned, if negative. Files of the log are opened only where log_target is
 * another one. Thread: owner. */
DGRAM_API int dgram_server_reconfigure(
	struct dgram_server *server, const struct dgram_options *options);

/* Close and open the log's files again (after they were renamed). One that cannot be opened stays as it is:
 * -errno, and stderr is told. Thread: owner. */
DGRAM_API int dgram_server_reopen_logs(struct dgram_server *server);

/* Write the summary lines of the time since the last ones now; those of the interval go on from here. Thread: owner. */
DGRAM_API int dgram_server_summarize(struct dgram_server *server);

/* One line in the server's log. `event` is a word or two; `format` makes the text of its message.
 * Thread: owner, as in the hook; or any, while no other thread is the owner. */
DGRAM_API void dgram_server_log(struct dgram_server *server, enum dgram_log_level level,
	const char *event, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same from open(), worker_start() or reconfigure(): the line names the service. Thread: the call's. */
DGRAM_API void dgram_log(const struct dgram_start *start, enum dgram_log_level level,
	const char *event, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same from a handler, in the name of the worker that runs it. Thread: the handler's. */
DGRAM_API void dgram_request_log(const struct dgram_request *request, enum dgram_log_level level,
	const char *event, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Where a request belongs: its server, NULL in a process that runs the handler for another; the name of its service; the service's state, which is what
 * open() returned, or else its context. Thread: the handler's. */
DGRAM_API struct dgram_server *dgram_request_server(const struct dgram_request *request);
DGRAM_API const char *dgram_request_service(const struct dgram_request *request);
DGRAM_API void *dgram_request_state(const struct dgram_request *request);

/* What a process may use that handle() makes for this request alone: child_timeout_ms, child_memory_bytes and
 * child_files of the service, as they are now. */
struct dgram_process_limits {
	unsigned timeout_ms;
	unsigned memory_bytes;
	unsigned files;
};

/* Thread: the handler's. */
DGRAM_API struct dgram_process_limits dgram_request_process_limits(
	const struct dgram_request *request);

/* Answer now, instead of by what handle() returns; with at most max_reply_bytes, which may stand in the
 * `reply` that handle() was given. The answers to one client leave in the order of the calls. The first
 * one decides what becomes of the request: it is `replied`, or failed if it could not be sent; handle() then
 * returns DGRAM_NO_REPLY, or a length for a further reply. Further ones count as `replies_extra` alone. Waits for
 * at most 5 ms, while the socket's buffer is full. 0, or -errno of the send; -EDQUOT: held back by
 * max_reply_factor; -EMSGSIZE: too long, and -EOPNOTSUPP: not in verify(), where nothing was sent or counted.
 * Thread: the handler's. */
DGRAM_API int dgram_request_reply(
	const struct dgram_request *request, const void *data, size_t length);

/* Send a datagram besides the reply, from the address that the request was sent to. Not part of the
 * equation above. Never blocks. Returns 0 or -errno; -EDQUOT: held back by max_reply_factor, for which what
 * came from the network of `to` counts. Thread: the handler's. */
DGRAM_API int dgram_request_send(const struct dgram_request *request, const struct sockaddr *to,
	socklen_t to_length, const void *data, size_t length);

/* The client's address is its own: it has sent back what only its owner can have received, a cookie say. For a
 * minute its service sends to that address without max_reply_factor; for less, if many others are proven meanwhile,
 * because 4,096 are remembered. Each further proof is for a minute from then. In verify(), too. Thread: the
 * handler's. */
DGRAM_API void dgram_request_prove(const struct dgram_request *request);

/* Stop at once if it runs, and free. NULL is fine. -EBUSY: a thread serves, also this one by whose hook it
 * was called; nothing has happened. -ETIMEDOUT: handlers still run, and what they use is left to the end
 * of the process. Thread: owner; not a handler's. */
DGRAM_API int dgram_server_free(struct dgram_server *server);

#ifdef __cplusplus
}
#endif
#endif
