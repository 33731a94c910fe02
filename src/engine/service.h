/* A service as the stations share it. What threads read stays as it is while they run, but for
 * the atomic field. */
#ifndef ENGINE_SERVICE_H
#define ENGINE_SERVICE_H

#include <stdatomic.h>
#include <stdint.h>

#include "queue/queue.h"
#include "engine/handler.h"

struct service {
	char *name;
	struct handler handler;
	struct queue *queue; /* NULL: inline, its receivers run the handler */
	_Atomic unsigned min_source_port;
	_Atomic int64_t max_wait_ns; /* 0: a datagram may wait for ever */
	_Atomic uint64_t busy_replied;
	_Atomic uint64_t overdue;	  /* handlers that ran longer than they may, so far */
	_Atomic unsigned workers_overdue; /* and those that still do */

	/* The owner's: what the queue's settings are made of. */
	unsigned capacity;
	unsigned max_wait_ms;
	unsigned overload_interval_ms;
	unsigned fair_window_ms;
	unsigned max_workers; /* 0: the whole pool, and */
	unsigned helpers;     /* so many receivers */
	bool told_too_long;   /* the log has said that a full queue cannot be served in time */
};

#endif
