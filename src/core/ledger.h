/* The books of a service: where each of its datagrams is, or how it ended. Every reason has a name
 * of its own; there is no "other". */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/* Dropped before the handler ran: identifier, name. */
#define LEDGER_DROPS(X)                                                                           \
	X(DROP_TRUNCATED, "truncated")	   /* longer than max_datagram_bytes */                   \
	X(DROP_BROADCAST, "broadcast")	   /* sent to many machines, without `broadcast` */       \
	X(DROP_MULTICAST, "multicast")	   /* the same */                                         \
	X(DROP_SOURCE_SELF, "source_self") /* came from one of our own sockets */                 \
	X(DROP_SOURCE_PORT_ZERO, "source_port_zero") /* cannot be answered */                     \
	X(DROP_SOURCE_PORT_LOW, "source_port_low") /* below min_source_port: a service, a loop */ \
	X(DROP_VERIFY, "verify")		   /* the handler's verify() said no */           \
	X(DROP_QUEUE_FULL, "queue_full")	   /* evicted to make room */                     \
	X(DROP_EXPIRED, "expired")		   /* waited longer than queue.max_wait_ms */     \
	X(DROP_SHUTDOWN, "shutdown")		   /* the server stopped first */

/* Failed in the handler or in sending the reply, by the errno values beside the reason. */
#define LEDGER_FAILURES(X)                                                                         \
	X(FAIL_HANDLER, "handler")		     /* it returned an error */                    \
	X(FAIL_REPLY_SIZE, "reply_size")	     /* it returned more than its buffer holds */  \
	X(FAIL_SEND_NO_BUFFER, "send_no_buffer")     /* EAGAIN, ENOBUFS, ENOMEM */                 \
	X(FAIL_SEND_FORBIDDEN, "send_forbidden")     /* EPERM, EACCES: firewall, broadcast */      \
	X(FAIL_SEND_UNREACHABLE, "send_unreachable") /* ENETUNREACH, EHOSTUNREACH, ENETDOWN ... */ \
	X(FAIL_SEND_NO_SOURCE, "send_no_source")     /* EADDRNOTAVAIL: our address is gone */      \
	X(FAIL_SEND_TOO_LONG, "send_too_long")	     /* EMSGSIZE */                                \
	X(FAIL_SEND_INVALID, "send_invalid")	     /* EINVAL and what else a bad address gives */

#define LEDGER_ENUM(id, name) id,
enum ledger_drop { LEDGER_DROPS(LEDGER_ENUM) DROP_COUNT };
enum ledger_failure { LEDGER_FAILURES(LEDGER_ENUM) FAIL_COUNT };
#undef LEDGER_ENUM

extern const char *const ledger_drop_names[DROP_COUNT];
extern const char *const ledger_failure_names[FAIL_COUNT];

struct ledger {
	uint64_t received;
	uint64_t replied;
	uint64_t no_reply;
	uint64_t dropped[DROP_COUNT];
	uint64_t failed[FAIL_COUNT];
	uint64_t queued;
	uint64_t running;
};

void ledger_add(struct ledger *to, const struct ledger *from);

uint64_t ledger_dropped(const struct ledger *ledger);
uint64_t ledger_failed(const struct ledger *ledger);

/* received = replied + no_reply + dropped + failed + queued + running */
bool ledger_balances(const struct ledger *ledger);

/* The reason for an errno value (positive) of a send. */
enum ledger_failure ledger_send_failure(int error);

#endif
