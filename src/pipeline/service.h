/* A service as the stations share it. What threads read stays as it is while they run, but for
 * the atomic field. */
#ifndef PIPELINE_SERVICE_H
#define PIPELINE_SERVICE_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/queue.h"
#include "pipeline/handler.h"

struct service {
	char *name;
	struct handler handler;
	struct queue *queue;
	_Atomic unsigned min_source_port;

	/* The owner's: what the queue's settings are made of. */
	unsigned max_wait_ms;
	unsigned max_workers; /* 0: the whole pool */
};

#endif
