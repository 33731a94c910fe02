/* The books of a service: where each of its datagrams is, or how it ended. Every reason has a name
 * of its own; there is no "other". */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/* The figures of a service: one table, from which come the log's ledger line, in this order, the statistics of
 * dgram.h, and, because a test compares the sentences, THE LEDGER of dgramd(8). In rows without an identifier
 * the name is a field: X(field, kind, unit, sentence), where the kind is dgram.h's. Reasons are counts
 * of datagrams: X(identifier, name, sentence, advice), with what to do as the log's hint has it; a test finds that
 * in the manual, too. */

/* clang-format off */
#define LEDGER_BEGIN(X) \
	X(received, COUNT, "datagrams", "Datagrams taken from the socket.") \
	X(replied, COUNT, "datagrams", "The reply was handed to the kernel.") \
	X(no_reply, COUNT, "datagrams", "The handler chose to send none.")

/* Dropped before the handler ran, but for the amplification: its reply is. */
#define LEDGER_DROPS(X) \
	X(DROP_TRUNCATED, "truncated", "It was longer than max_datagram_bytes.", \
		"raise max_datagram_bytes if such requests are legitimate") \
	X(DROP_BROADCAST, "broadcast", \
		"It was sent to a broadcast address; or it is the copy that each receiver but the " \
		"first gets of one.", \
		"if clients find the service that way, set broadcast, but only where no stranger " \
		"can send to that address") \
	X(DROP_MULTICAST, "multicast", \
		"It was sent to a multicast address, such as 224.0.0.1 or ff02::1.", \
		"if clients find the service that way, set broadcast, but only where no stranger " \
		"can send to that address") \
	X(DROP_UNADDRESSED, "unaddressed", \
		"The kernel could not say to which of our addresses it was sent.", \
		"a program that hands in sockets sets no options that it does not undo") \
	X(DROP_SOURCE_SELF, "source_self", \
		"It claims to come from one of our own addresses and ports, so an answer would " \
		"come back to us forever.", \
		"somebody forges source addresses: filter them at the border of the network") \
	X(DROP_SOURCE_PORT_ZERO, "source_port_zero", \
		"Its source port is 0, which cannot be answered.", \
		"it is forged; there is nothing to do") \
	X(DROP_SOURCE_PORT_LOW, "source_port_low", "Its source port is below min_source_port.", \
		"lower min_source_port only for clients that really use such a port") \
	X(DROP_VERIFY, "verify", "The handler's own check refused it.", \
		"see that handler's documentation") \
	X(DROP_QUEUE_FULL, "queue_full", \
		"The queue was full, and this was the oldest datagram of the source with the most " \
		"waiting; if no source had more than another, or with the discipline fifo, it was " \
		"the oldest of all.", \
		"if this happens in short bursts, raise queue.capacity") \
	X(DROP_EXPIRED, "expired", "It waited longer than queue.max_wait_ms.", \
		"raise pool.workers, or this limit if clients wait for longer") \
	X(DROP_SHUTDOWN, "shutdown", "The server stopped before it was answered.", \
		"raise shutdown.drain_timeout_ms, and the time that the supervisor waits for the " \
		"end") \
	X(DROP_DRAINING, "draining", \
		"It came while the server drained, which receives nothing new then.", \
		"a longer drain does not help: have clients ask again, or stop them first") \
	X(DROP_ACCESS, "access", "access does not let its source in.", \
		"if such clients are legitimate, allow their prefix in access") \
	X(DROP_LIMIT, "limit", \
		"Its source, or a network around it, was over its limit.", \
		"if such clients are welcome, name them in limits.exempt, or raise limits") \
	X(DROP_AMPLIFICATION, "amplification", \
		"The reply was longer than max_reply_factor allowed for what had come from the " \
		"client's network.", \
		"if such clients are honest, have them ask with longer requests, or the handler " \
		"prove their addresses, or raise max_reply_factor; else their addresses are forged") \
	X(DROP_SOURCE_PORT_REFUSED, "source_port_refused", \
		"Its source port is one of refuse_source_ports.", \
		"take a port out of the list if clients behind NAT are given it") \
	X(DROP_LOOP, "loop", \
		"It repeats what went between its source and the service within the last second, as " \
		"in a loop of two servers that answer each other.", \
		"if its source is a client that repeats itself, have its requests differ, or set " \
		"loop_guard to false") \
	X(DROP_QUARANTINED, "quarantined", \
		"Two children died of the same bytes from the same source within the last minute.", \
		"see the reports of their deaths, and mend the command")

/* Failed in the handler or in sending the reply: ledger_send_failure() has the errno values. */
#define LEDGER_FAILURES(X) \
	X(FAIL_HANDLER, "handler", "The handler returned an error.", \
		"see the error, and the documentation of the handler") \
	X(FAIL_REPLY_SIZE, "reply_size", \
		"The handler returned a reply longer than max_reply_bytes.", \
		"raise max_reply_bytes, or mend the handler") \
	X(FAIL_CHILD, "child", \
		"The child that had it ended, or was ended, without an answer.", \
		"see the report of its death, and mend the command") \
	X(FAIL_SEND_NO_BUFFER, "send_no_buffer", \
		"The kernel had no room for the reply within 5 ms.", \
		"raise socket.send_buffer_bytes, and look for a saturated interface, or for " \
		"forged requests from neighbours that do not exist") \
	X(FAIL_SEND_FORBIDDEN, "send_forbidden", \
		"A firewall rule or the kernel forbids the reply.", \
		"look at the output rules, and at the size of the connection tracking table") \
	X(FAIL_SEND_UNREACHABLE, "send_unreachable", "There is no route to the client.", \
		"look at the routes; if there are only a few, the sources are forged") \
	X(FAIL_SEND_NO_SOURCE, "send_no_source", \
		"The address that was asked is no longer one of this machine.", \
		"requests to it are answered again when it returns") \
	X(FAIL_SEND_TOO_LONG, "send_too_long", "The reply does not fit into a datagram.", \
		"let the handler send less") \
	X(FAIL_SEND_INVALID, "send_invalid", "Nothing can be sent to the client's address.", \
		"it is forged; there is nothing to do")

/* The last of the equation, and what is not part of it. */
#define LEDGER_END(X) \
	X(queued, NOW, "datagrams", "It waits.") \
	X(running, NOW, "datagrams", "A worker has it.") \
	X(queued_max, MOST, "datagrams", "The most datagrams that ever waited.") \
	X(run_by_receivers, COUNT, "requests", "Requests that receivers ran themselves.") \
	X(busy_replied, COUNT, "replies", \
		"Busy replies, which queue.busy_replies allows, to requests that are counted as " \
		"dropped.") \
	X(replies_extra, COUNT, "replies", \
		"Further replies of handlers to requests that they had answered.") \
	X(handlers_overdue, COUNT, "calls", \
		"Handlers that were seen to run for longer than pool.handler_timeout_ms.") \
	X(workers_overdue, NOW, "workers", "Workers whose handler runs for longer than pool.handler_timeout_ms now.") \
	X(dropped_by_kernel, COUNT, "messages", \
		"Lost before it was received, because the socket's buffer was full.") \
	X(would_drop_limit, COUNT, "datagrams", \
		"Datagrams that limits would have dropped, but for limits.dry_run.") \
	X(hosts_waiting, NOW, "hosts", "Addresses of the service that are waited for.") \
	X(log_lines_lost, COUNT, "lines", "Lines that the log lost, of all services together.") \
	X(replies_withheld, COUNT, "datagrams", \
		"Other replies, and what handlers send besides, held back for a reason that would " \
		"have dropped a first reply.") \
	X(children_serving, NOW, "processes", "Children that serve.") \
	X(children_failing, NOW, "services", \
		"1 while its children die before their first reply, and nothing is answered.") \
	X(children_recycled, COUNT, "processes", \
		"Children that made way for others: child.max_requests, child.max_rss_bytes, or fewer " \
		"are wanted.") \
	X(children_crashed, COUNT, "processes", "Children that served and ended by themselves.") \
	X(children_killed, COUNT, "processes", \
		"Children that served and were ended: they broke the protocol, or took " \
		"child.timeout_ms.") \
	X(children_start_failed, COUNT, "processes", "Children that did not come up.")
/* clang-format on */

#define LEDGER_ENUM(id, name, sentence, advice) id,
enum ledger_drop { LEDGER_DROPS(LEDGER_ENUM) DROP_COUNT };
enum ledger_failure { LEDGER_FAILURES(LEDGER_ENUM) FAIL_COUNT };
#undef LEDGER_ENUM

/* All reasons: drops, and failures behind them. */
#define LEDGER_REASONS (DROP_COUNT + FAIL_COUNT)
#define LEDGER_REASON(failure) (DROP_COUNT + (failure))

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
	uint64_t replies_extra; /* not part of the equation */
};

void ledger_add(struct ledger *to, const struct ledger *from);

uint64_t ledger_dropped(const struct ledger *ledger);
uint64_t ledger_failed(const struct ledger *ledger);

/* received = replied + no_reply + dropped + failed + queued + running */
bool ledger_balances(const struct ledger *ledger);

/* The reason for an errno value (positive) of a send. */
enum ledger_failure ledger_send_failure(int error);

#endif
