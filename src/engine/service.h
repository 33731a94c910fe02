/* A service as the stations share it. What threads read does not change while they run, except the atomic
 * fields. */
#ifndef ENGINE_SERVICE_H
#define ENGINE_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/ledger.h"
#include "core/loss.h"
#include "guard/access.h"
#include "base/histogram.h"
#include "guard/limiter.h"
#include "queue/queue.h"
#include "engine/handler.h"
#include "guard/door.h"
#include "guard/refused_ports.h"

struct outside;

struct service {
	char *name;
	struct handler handler;
	struct outside *outside; /* NULL: the handler runs here */
	size_t reply_bytes;	 /* of the longest reply */
	bool broadcast;		 /* serve what was sent to a broadcast or multicast address, too */
	struct queue *queue;	 /* NULL: inline, its receivers run the handler */
	bool busy_replies;	 /* to what the full queue drops */
	struct door door;	 /* of what leaves */
	_Atomic unsigned min_source_port;
	access_place access[ACCESS_TABLES];
	struct refused_ports refused_ports;
	_Atomic int64_t max_wait_ns; /* 0: no limit */
	_Atomic uint64_t busy_replied;
	_Atomic uint64_t overdue; /* handler calls that exceeded handler_timeout_ms, so far */
	_Atomic unsigned workers_overdue; /* workers whose call exceeds it now */
	_Atomic unsigned hosts_waiting;	  /* for their address */
	struct limiter limiter;
	struct loss losses[LEDGER_REASONS];

	/* The owner's. */
	enum dgram_missing_address on_missing_address;
	struct log_limit overdue_limit;
	uint64_t overdue_told; /* `overdue` as of the last line */

	/* And what it makes the queue's settings of. */
	unsigned capacity;
	unsigned max_wait_ms;
	unsigned overload_interval_ms;
	unsigned fair_window_ms;
	unsigned max_workers; /* 0: the whole pool, and the helpers */
	unsigned helpers;     /* receivers that assist */
	unsigned children;    /* that serve now, where `outside` is */

	/* The pool's workers that hold it, and when one last did. */
	_Atomic unsigned holders;
	_Atomic int64_t held_ns;

	struct histogram queue_waits; /* from the reception to the handler, in ns */
};

#endif
