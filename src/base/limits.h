/* What each option may be and what it is by default: src/server/options.c reads it for dgram.h, and
 * src/config/params.c for server.json. Expand it where dgram.h is included. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

struct limits {
	unsigned minimum, maximum, initial;
};

/* clang-format off */

/* Numbers and words by the names of their fields: NUMBER(struct, field, minimum, maximum, default).
 *
 * min_source_port: below 1024 are the system ports (RFC 6335). overload_interval: the interval of
 * CoDel (RFC 8289). fair_window: in the simulator, beside 100 abusing addresses, polite
 * clients got 91 % of their fair share with 1000 ms and 74 % with 100 ms. */
#define SERVICE_NUMBERS(NUMBER) \
	NUMBER(dgram_service, concurrency, DGRAM_POOL, DGRAM_PROCESS, DGRAM_POOL) \
	NUMBER(dgram_service, receivers, 1, DGRAM_RECEIVERS_MAX, 1) \
	NUMBER(dgram_service, on_missing_address, DGRAM_MISSING_AUTO, DGRAM_MISSING_FAIL, 0) \
	NUMBER(dgram_service, max_reply_bytes, 0, DGRAM_DATAGRAM_BYTES_MAX, 0) \
	NUMBER(dgram_service, max_workers, 0, DGRAM_WORKERS_MAX, 0) \
	NUMBER(dgram_service, min_source_port, 1, 65535, 1024) \
	NUMBER(dgram_service, queue_capacity, 1, DGRAM_QUEUE_CAPACITY_MAX, 4096) \
	NUMBER(dgram_service, queue_max_wait_ms, 0, 3600000, 1000) \
	NUMBER(dgram_service, queue_discipline, DGRAM_FAIR, DGRAM_FIFO, DGRAM_FAIR) \
	NUMBER(dgram_service, queue_ordering, DGRAM_ORDERING_NONE, DGRAM_ORDERING_PER_CLIENT, 0) \
	NUMBER(dgram_service, queue_overload_interval_ms, 1, 60000, 100) \
	NUMBER(dgram_service, queue_fair_window_ms, 1, 60000, 1000) \
	NUMBER(dgram_service, limits_requests_per_s, 0, 1000000, 0) \
	NUMBER(dgram_service, limits_reply_bytes_per_s, 0, 1000000000, 0) \
	NUMBER(dgram_service, limits_burst_s, 1, 3600, 1) \
	NUMBER(dgram_service, limits_leak, 0, 1000, 8) \
	NUMBER(dgram_service, child_start_timeout_ms, 1, 3600000, 10000) \
	NUMBER(dgram_service, child_timeout_ms, 1, 3600000, 30000) \
	NUMBER(dgram_service, child_memory_bytes, 0, 2147483647, 0) \
	NUMBER(dgram_service, child_files, 4, 1048576, 64) \
	NUMBER(dgram_service, child_max_requests, 0, 2147483647, 0) \
	NUMBER(dgram_service, child_max_rss_bytes, 0, 2147483647, 0)

/* max_datagram_bytes: the default is socketserver.py's. Buffers: the kernel doubles the size in an
 * int (socket(7)). send_buffer: replies to forged neighbours wait in it for seconds, and do not
 * fill 4 MiB at once. */
#define SERVER_NUMBERS(NUMBER) \
	NUMBER(dgram_options, workers, 1, DGRAM_WORKERS_MAX, 4) \
	NUMBER(dgram_options, max_datagram_bytes, 1, DGRAM_DATAGRAM_BYTES_MAX, 8192) \
	NUMBER(dgram_options, receive_buffer_bytes, 0, 1073741823, 4194304) \
	NUMBER(dgram_options, send_buffer_bytes, 0, 1073741823, 4194304) \
	NUMBER(dgram_options, busy_poll_us, 0, DGRAM_BUSY_POLL_US_MAX, 0) \
	NUMBER(dgram_options, drain_timeout_ms, 0, 3600000, 5000) \
	NUMBER(dgram_options, handler_timeout_ms, 0, 3600000, 0) \
	NUMBER(dgram_options, log_level, DGRAM_LOG_ERROR, DGRAM_LOG_DEBUG, DGRAM_LOG_INFO) \
	NUMBER(dgram_options, log_summary_interval_s, 0, 86400, 60)

/* Source ports of servers that answer anybody: SQL Server's browser, SSDP, WS-Discovery, mDNS, memcached. */
#define DEFAULT_REFUSED_PORTS 1434, 1900, 3702, 5353, 11211
#define LIMITS_SOURCE_PORT { 1, 65535, 0 }

/* Booleans that are true by default. */
#define DEFAULT_RECEIVERS_ASSIST true
#define DEFAULT_LOOP_GUARD true
#define DEFAULT_CHILD_RERUN true

/* How much longer than what came, a number, whole or not: RFC 9000, 8.1 has 3. Of a handler, for services
 * that do not say. */
#define LIMITS_REPLY_FACTOR { 0, DGRAM_REPLY_FACTOR_MAX, 3 }
#define REPLY_FACTOR_OF(handler) \
	((handler)->max_reply_factor > 0 ? (handler)->max_reply_factor \
					 : ((struct limits)LIMITS_REPLY_FACTOR).initial)

/* Texts: their lengths in bytes, without the NUL; defaults; words; the characters of a service's
 * name, of which the first is a letter. */
#define LIMITS_NAME { 1, DGRAM_SERVICE_NAME_MAX, 0 }
#define LIMITS_CPUS { 0, 255, 0 }
#define LIMITS_USER { 0, 255, 0 }
#define LIMITS_ADMIN_SOCKET { 0, 107, 0 } /* sun_path */
#define LIMITS_ADMIN_LISTEN { 0, 79, 0 }
#define LIMITS_LOG_TARGET { 1, 4095, 0 } /* PATH_MAX */
#define LOG_TARGET_PATTERN /* base/target.c, in the schema */ \
	"^(?!~|(-|stdout|syslog|journald?)$)([^{]|\\{worker\\}|\\{(?=[^}]*$))*$"
#define DEFAULT_HOST "127.0.0.1"
#define ALL_HOSTS "*" /* in server.json alone: both wildcards */
#define DEFAULT_LOG_TARGET "stderr"
#define LOG_FORMATS "auto", "logfmt", "json", "journal" /* the first is the default */
#define SERVICE_NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* clang-format on */

#endif
